// SPDX-License-Identifier: Apache-2.0
#pragma once
// The look of the report, and the few lines of script that show values under the pointer. The page
// is complete without the script.
#include <string>
#include <string_view>

#include "moenda/report/chart/heat_map.hpp"

namespace moenda::io::detail {

inline constexpr std::string_view report_css = R"css(
:root{color-scheme:light;--ink:#1d2733;--soft:#55616f;--rule:#dfe4ea;--wash:#f5f7f9}
*{box-sizing:border-box}
body{margin:0;background:#fff;color:var(--ink);font:16px/1.5 -apple-system,"Segoe UI",
Roboto,"Liberation Sans",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:36px 32px 56px}
h1{font-size:32px;line-height:1.2;margin:0 0 10px;letter-spacing:-.01em}
h2{font-size:22px;margin:30px 0 4px;padding-top:16px;border-top:1px solid var(--rule)}
h3{font-size:16px;margin:16px 0 4px}
p{margin:6px 0 10px;max-width:112ch}
.soft,figcaption,.note{color:var(--soft)}
.soft,.note,figcaption,.legend{font-size:15px}
.note{border-left:3px solid #e69f00;padding:2px 0 2px 12px;margin:8px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:8px 0 10px;font-variant-numeric:tabular-nums}
th,td{padding:7px 14px;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left;padding-left:4px;min-width:200px;position:sticky;
left:0;background:#fff}
thead th{border-bottom:2px solid var(--ink);vertical-align:bottom;overflow-wrap:anywhere;
min-width:140px}
tbody th{font-weight:400}
th small,td small{display:block;font-weight:400;color:var(--soft);font-size:13.5px;line-height:1.35}
td.best{font-weight:650}
.better{color:#00664a}.worse{color:#a83c00}
.swatch{display:inline-block;width:22px;height:0;border-top:4px solid;border-radius:2px;
vertical-align:middle;margin-right:8px}
.legend{display:flex;flex-wrap:wrap;gap:4px 26px;margin:10px 0 4px;
overflow-wrap:anywhere}
.legend svg{width:34px;height:12px;vertical-align:middle;margin-right:7px}
figure{margin:12px 0 16px;overflow-x:auto}.curves{min-width:640px}
figcaption{margin-bottom:6px}
svg{display:block;width:100%;height:auto;font:14px -apple-system,"Segoe UI",Roboto,
"Liberation Sans",Arial,sans-serif;fill:var(--ink)}
.grid{stroke:#e6eaee;stroke-width:1}.axis{stroke:#8a95a1;stroke-width:1}
.tick,.small{fill:var(--soft);font-size:14px}.small{font-size:12.5px}
.title{font-weight:650;font-size:14.5px}.label{font-size:15px}.end{font-size:14.5px}
svg path{fill:none;stroke-linejoin:round}
.train{stroke-width:1.3;opacity:.55}.valid{stroke-width:2.6}
.dots{stroke-width:7;stroke-linecap:round}.leader{stroke-width:1;opacity:.7}
.guide{stroke:#55616f;stroke-dasharray:3 3}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px 36px;
margin:12px 0}
.cells path,svg.squares path{stroke-width:1.04}
.panels figure{margin:0}.panels figcaption{font-size:14px;line-height:1.4;margin:2px 0 6px}
.panels.squares{grid-template-columns:repeat(auto-fill,minmax(min(280px,100%),1fr))}
.takes td:nth-child(3){min-width:190px}.takes td{vertical-align:middle}
table.takes{width:100%}.takes th:first-child,.takes td:first-child{min-width:82px;width:82px}
.takes td:nth-child(2),.takes th:nth-child(2){width:110px;min-width:110px}
.takes code{background:var(--wash);border:1px solid var(--rule);border-radius:4px;padding:1px 5px;
white-space:pre;font:13px ui-monospace,Consolas,"Liberation Mono",monospace;display:inline-block;
margin:1px 0}
.mix{display:flex;width:180px;height:14px;border:1px solid #b6bec7}.mix i{display:block;height:100%}
.key{display:inline-block;width:12px;height:12px;margin-right:7px}
.missing{fill:#e3e5e8}.frame{fill:none;stroke:#b6bec7}
.thin{fill:#7d8894}.fair{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 3}.b{stroke:#8a95a1;stroke-width:.6}
.whisker{stroke:var(--ink);stroke-width:1.6}.seed{stroke:#8a95a1;stroke-width:1.5}
.dot{fill:var(--ink);stroke:var(--ink);stroke-width:1.6}.dot.better{fill:#00664a;stroke:#00664a}
.dot.worse{fill:#a83c00;stroke:#a83c00}.dot.hollow,.dot.pale{fill:#fff}.dot.pale{stroke:#8a95a1}
.band{fill:#eceff2}.level{stroke:#55616f;stroke-width:1.4;stroke-dasharray:5 4}
.front{stroke:#0072b2;stroke-width:2}.touch{fill:transparent}.intervals{min-width:760px}
.arms th:first-child{min-width:230px}.arms thead th{min-width:104px}.arms td,.arms th{padding:6px 12px}
.arms .words{text-align:left;min-width:200px}.words{font-weight:600}.words small{max-width:30ch}
table.costs{font-size:15px}.costs th:first-child{min-width:180px}.costs thead th{min-width:78px;overflow-wrap:normal}
.costs td,.costs th{padding:6px 7px}.number{display:inline-block;min-width:22px;margin-right:8px;padding:0 4px;border:1px solid #8a95a1;
border-radius:4px;font-size:12.5px;text-align:center}.numbers{gap:4px 20px}ul{margin:6px 0 10px;padding-left:22px}
.asked td,.asked th{text-align:left;padding:6px 10px}.asked thead th{min-width:80px}
.scale{display:flex;align-items:center;gap:10px;font-size:15px;color:var(--soft);
margin:10px 0 2px;flex-wrap:wrap}
.scale i{display:inline-block;width:252px;height:14px;border:1px solid #b6bec7}
.quotes{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:16px}
blockquote{margin:0;padding:14px 18px;background:var(--wash);border-left:4px solid;
border-radius:0 6px 6px 0;white-space:pre-wrap;overflow-wrap:anywhere;
font:16px/1.6 Georgia,"Liberation Serif",serif}
blockquote span{color:var(--ink)}blockquote cite{display:block;font:600 14px -apple-system,
"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;margin-bottom:4px;color:var(--ink)}
details{border:1px solid var(--rule);border-radius:6px;margin:10px 0;padding:9px 16px}
summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}
pre{overflow-x:auto;background:var(--wash);padding:14px 16px;border-radius:6px;
font:13px/1.5 ui-monospace,Consolas,"Liberation Mono",monospace}
details table{font-size:14px;width:auto}details td,details th{padding:4px 14px;text-align:left}
footer{margin-top:48px;padding-top:14px;border-top:1px solid var(--rule);color:var(--soft);
font-size:13.5px}
#tip{position:fixed;pointer-events:none;background:#1d2733;color:#fff;font-size:13px;
line-height:1.45;padding:6px 10px;border-radius:5px;white-space:pre;z-index:9;max-width:90vw}
#tip[hidden]{display:none}
@media print{main{max-width:none;padding:0}figure,blockquote{break-inside:avoid}}
)css";

// Values are recovered from the drawn pixels, so the page carries every number only once; text is
// set as textContent, never as markup.
inline constexpr std::string_view report_script = R"js(
(function () {
  var tip = document.body.appendChild(document.createElement('div'));
  tip.id = 'tip';
  tip.hidden = true;
  function numbers(text) { return text.split(' ').map(Number); }
  function value(pixel, scale) {
    return scale[2] + (pixel - scale[0]) / (scale[1] - scale[0]) * (scale[3] - scale[2]);
  }
  function inside(svg, event) {
    var point = svg.createSVGPoint();
    point.x = event.clientX;
    point.y = event.clientY;
    return point.matrixTransform(svg.getScreenCTM().inverse());
  }
  function show(event, text) {
    tip.textContent = text;
    tip.hidden = false;
    var left = Math.min(event.clientX + 16, window.innerWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(4, left) + 'px';
    tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 12) + 'px';
  }
  function nearest(points, x) {
    return points.reduce(function (best, point) {
      return Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best;
    });
  }
  document.querySelectorAll('svg.curves').forEach(function (svg) {
    var across = numbers(svg.dataset.x), up = numbers(svg.dataset.y);
    var guide = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    var curves = Array.prototype.map.call(svg.querySelectorAll('path[data-name]'), function (path) {
      var flat = path.getAttribute('d').match(/[-\d.]+/g) || [], points = [];
      for (var i = 0; i + 1 < flat.length; i += 2) points.push([+flat[i], +flat[i + 1]]);
      return {name: path.dataset.name, points: points};
    }).filter(function (curve) { return curve.points.length; });
    guide.setAttribute('class', 'guide');
    guide.setAttribute('y1', up[1]);
    guide.setAttribute('y2', up[0]);
    svg.addEventListener('mousemove', function (event) {
      var x = Math.min(Math.max(inside(svg, event).x, across[0]), across[1]);
      guide.setAttribute('x1', x);
      guide.setAttribute('x2', x);
      svg.appendChild(guide);
      var at = value(x, across).toPrecision(3);
      show(event, svg.dataset.label + ': ' + Number(at) + curves.slice(0, 16).map(function (curve) {
        return '\n' + value(nearest(curve.points, x)[1], up).toFixed(2) + '  ' + curve.name;
      }).join(''));
    });
    svg.addEventListener('mouseleave', function () {
      tip.hidden = true;
      guide.remove();
    });
  });
  document.querySelectorAll('[data-tip]').forEach(function (mark) {
    mark.addEventListener('mousemove', function (event) { show(event, mark.dataset.tip); });
    mark.addEventListener('mouseleave', function () { tip.hidden = true; });
  });
  document.querySelectorAll('svg.cells').forEach(function (svg) {
    var steps = numbers(svg.dataset.steps), box = svg.viewBox.baseVal;
    svg.addEventListener('mousemove', function (event) {
      var at = inside(svg, event), level = event.target.dataset.level;
      var step = steps[0] + at.x / box.width * (steps[1] - steps[0]);
      show(event, 'expert ' + Math.max(0, Math.floor(at.y + 0.5)) + ', step ' + Math.round(step) +
          (level ? '\n' + (+level === LEVELS ? 'at least ' : 'about ') +
           (2 * level / LEVELS).toFixed(1) + '× its fair share' : ''));
    });
    svg.addEventListener('mouseleave', function () { tip.hidden = true; });
  });
  document.querySelectorAll('svg.squares').forEach(function (svg) {
    var scale = numbers(svg.dataset.scale), box = svg.viewBox.baseVal;
    var range = numbers(svg.dataset.range || '0 ' + (box.width - 1));
    var rows = svg.dataset.labels ? svg.dataset.labels.split(' ') : null;
    svg.addEventListener('mousemove', function (event) {
      var at = inside(svg, event), away = event.target.dataset.away;
      var row = Math.max(0, Math.floor(at.y + 0.5)), column = Math.max(0, Math.floor(at.x));
      var share = box.width > 1 ? Math.min(1, column / (box.width - 1)) : 0;
      show(event, svg.dataset.rows + ' ' + (rows ? rows[row] : row) + ', ' + svg.dataset.columns +
          ' ' + Math.round(range[0] + share * (range[1] - range[0])) +
          (away ? '\nabout ' +
           Number((scale[0] + away / (LEVELS / 2) * (scale[1] - scale[0])).toPrecision(2)) : ''));
    });
    svg.addEventListener('mouseleave', function () { tip.hidden = true; });
  });
})();
)js";

/// The style sheet with one class per heat level.
[[nodiscard]] inline std::string style_sheet() {
  std::string css(report_css);
  std::string gradient;
  for (int level = 0; level < svg::heat_levels; ++level) {
    std::string const kind = ".h" + std::to_string(level);
    std::string const colour = svg::heat_colour(level);
    css += kind + "{stroke:" + colour + "}.b" + kind + "{fill:" + colour + ";stroke:#8a95a1}.f" +
           std::to_string(level) + "{fill:" + colour + "}\n";
    gradient += "," + colour;
  }
  return css + ".scale i{background:linear-gradient(90deg" + gradient + ")}\n";
}

[[nodiscard]] inline std::string script() {
  std::string code(report_script);
  std::string const last = std::to_string(svg::heat_levels - 1);
  for (std::size_t at; (at = code.find("LEVELS")) != std::string::npos;) code.replace(at, 6, last);
  return code;
}

}  // namespace moenda::io::detail
