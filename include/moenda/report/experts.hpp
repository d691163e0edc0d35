// SPDX-License-Identifier: Apache-2.0
#pragma once
// What each expert takes at the end of training: typical tokens, kinds of tokens, and which experts
// work together.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/layer_map.hpp"
#include "moenda/report/layers.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

/// Rows of the tables of all runs, and cells of all squares: what keeps the page small.
inline constexpr std::size_t most_expert_rows = 600, most_pair_cells = 40'000;

/// Spaces and line ends made visible.
[[nodiscard]] inline std::string visible(std::string_view token) {
  std::string shown;
  for (char const c : token) {
    if (c == ' ') {
      shown += "·";
    } else if (c == '\n') {
      shown += "↵";
    } else if (c == '\t') {
      shown += "→";
    } else {
      shown += c;
    }
  }
  return shown;
}

[[nodiscard]] inline std::string percent(double share) {
  return format_fixed(100 * share, share < 0.0995 && share > 0 ? 1 : 0) + " %";
}

/// A bar of the kinds of tokens, one colour each.
[[nodiscard]] inline std::string kinds_bar(std::vector<std::int64_t> const& counts,
                                           std::vector<std::string> const& names) {
  double total = 0;
  for (auto const count : counts) total += double(count);
  std::string html = "<span class=\"mix\">";
  for (std::size_t kind = 0; kind < counts.size() && total > 0; ++kind) {
    double const share = double(counts[kind]) / total;
    if (share < 0.002) continue;
    html += "<i style=\"width:" + svg::pixel(100 * share) +
            "%;background:" + std::string(svg::colour(kind)) + "\" title=\"" +
            escape_html(names[kind]) + " " + percent(share) + "\"></i>";
  }
  return html + "</span>";
}

[[nodiscard]] inline std::string kinds_legend(std::vector<std::string> const& names) {
  std::string html = "<div class=\"legend\">";
  for (std::size_t kind = 0; kind < names.size(); ++kind) {
    html += "<span><b class=\"key\" style=\"background:" + std::string(svg::colour(kind)) +
            "\"></b>" + escape_html(shorten(names[kind], 40)) + "</span>";
  }
  return html + "</div>\n";
}

/// One row per expert of one layer.
[[nodiscard]] inline std::string experts_table(RoutingAnalysis const& analysis, std::size_t index) {
  auto const& layer = analysis.layers[index];
  auto const experts = std::size_t(layer.num_experts);
  double total = 0;
  for (auto const count : layer.tokens_per_expert) total += double(count);
  std::string html =
      "<div class=\"scroll\"><table class=\"takes\"><thead><tr><th>Expert</th><th>Share of the "
      "tokens</th><th>Kinds of tokens</th><th>Typical tokens</th></tr></thead><tbody>\n";
  for (std::size_t e = 0; e < experts; ++e) {
    double const share = total > 0 ? double(layer.tokens_per_expert[e]) / total : 0;
    html += "<tr><td>" + std::to_string(e) + "</td><td>" + percent(share) + "</td><td>" +
            kinds_bar(row_of(layer.classes, e, analysis.classes.size()), analysis.classes) +
            "</td><td>";
    for (std::size_t i = 0; i < layer.typical[e].size() && i < 10; ++i) {
      auto const& token = layer.typical[e][i];
      html += "<code title=\"" +
              with_thousands(std::uint64_t(std::max<std::int64_t>(0, token.count))) + " times, " +
              percent(token.share) + " of its places\">" +
              escape_html(shorten(visible(analysis.words[index][e][i]), 24)) + "</code> ";
    }
    html += "</td></tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

/// Which experts share tokens, or "" where every token has one expert.
[[nodiscard]] inline std::string pairs_panel(probe::Specialisation const& layer) {
  auto const experts = std::size_t(layer.num_experts);
  svg::ColourTable table;
  table.columns = experts;
  table.cells.assign(experts * experts, std::numeric_limits<double>::quiet_NaN());
  double largest = 0;
  for (std::size_t a = 0; a < experts; ++a) {
    table.row_labels.push_back(std::to_string(a));
    for (std::size_t b = 0; b < experts; ++b) {
      auto const own = layer.tokens_per_expert[a];
      if (a == b || own == 0) continue;
      double const share = double(layer.coactivation[a * experts + b]) / double(own);
      table.cells[a * experts + b] = share;
      largest = std::max(largest, share);
    }
  }
  if (!(largest > 0)) return "";
  table.title = "Layer " + std::to_string(layer.layer);
  table.description = table.title + ": how often two experts get the same token";
  table.row_name = "of this expert's tokens";
  table.column_name = "go to this one too";
  table.first_column = "0";
  table.last_column = std::to_string(experts - 1);
  table.full = std::min(1.0, round_end(largest, 0));
  table.width = 300;
  table.row_height = 250.0 / double(experts);
  table.tooltip = " data-rows=\"expert\" data-columns=\"with expert\"";
  return svg::draw(table);
}

[[nodiscard]] inline std::string pairs_of_run(RoutingAnalysis const& analysis,
                                              std::size_t most_cells) {
  std::string panels;
  std::size_t cells = 0, left_out = 0, uncounted = 0;
  for (auto const& layer : analysis.layers) {
    if (layer.coactivation.empty() && layer.num_experts > 0) {
      ++uncounted;
      continue;
    }
    cells += std::size_t(layer.num_experts) * std::size_t(layer.num_experts);
    if (cells > most_cells) {
      ++left_out;
    } else {
      panels += pairs_panel(layer);
    }
  }
  std::string const note =
      uncounted == 0 ? ""
                     : "<p class=\"note\">Which experts work together was not counted in " +
                           std::to_string(uncounted) + " layers, because they have more than " +
                           std::to_string(probe::most_paired) + " experts.</p>\n";
  if (panels.empty()) return note;
  std::string html =
      "<p><b>Experts that work together.</b> The row is an expert; the darker a square, the larger "
      "the share of its tokens that also go to the expert of the column. An even tint means that "
      "experts are combined at will; dark squares are pairs that share a subject.</p>\n";
  if (left_out > 0) {
    html += "<p class=\"note\">" + std::to_string(left_out) +
            " layers are not drawn, to keep this page small.</p>\n";
  }
  html += note;
  return html + "<div class=\"panels squares\">\n" + panels + "</div>\n";
}

[[nodiscard]] inline std::string experts_of_run(ReportRun const& run, std::size_t most_rows,
                                                std::size_t most_cells) {
  auto const& analysis = run.analysis;
  std::string html =
      "<h3>" + escape_html(shorten(run.name, 200)) + "</h3>\n" + kinds_legend(analysis.classes);
  std::size_t rows = 0, shown = 0;
  for (; shown < analysis.layers.size(); ++shown) {
    auto const& layer = analysis.layers[shown];
    rows += std::size_t(layer.num_experts);
    if (rows > most_rows && shown > 0) break;
    html += "<details" + std::string(shown == 0 ? " open" : "") + "><summary>Layer " +
            std::to_string(layer.layer) + ": knowing the token tells " +
            percent(layer.token_explains) + " of the choice, knowing its kind " +
            percent(layer.class_explains) + "</summary>\n" + experts_table(analysis, shown) +
            "</details>\n";
  }
  if (shown < analysis.layers.size()) {
    html += "<p class=\"note\">Only the first " + std::to_string(shown) + " of " +
            std::to_string(analysis.layers.size()) +
            " layers are listed, to keep this page small.</p>\n";
  }
  return html + pairs_of_run(analysis, most_cells);
}

[[nodiscard]] inline std::string experts_html(std::vector<ReportRun> const& runs) {
  std::size_t analysed = 0;
  for (auto const& run : runs) analysed += run.analysis.layers.empty() ? 0 : 1;
  std::string html =
      "<h2>What each expert takes</h2>\n<p>On text held out from training: the tokens that choose "
      "an expert first more often than chance would have it (· is a space, ↵ a line end), and what "
      "kinds of tokens it takes. Rows that look alike are experts that have not specialised. The "
      "percentages say how much of the choice is settled once the token, or only its kind, is "
      "known: 0 % is a choice that has nothing to do with it, 100 % one that it alone decides; "
      "rare tokens raise the first a little.</p>\n";
  for (auto const& run : runs) {
    if (run.analysis.layers.empty()) continue;
    html += experts_of_run(run, most_expert_rows / analysed, most_pair_cells / analysed);
  }
  return html;
}
inline constexpr ReportSection experts_section{
    [](ReportRun const& run) { return !run.analysis.layers.empty(); }, experts_html};

}  // namespace moenda::io::detail
