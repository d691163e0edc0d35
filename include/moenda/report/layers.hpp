// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the routing of every layer went over training: one panel per measure, one row per layer.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/record/run.hpp"
#include "moenda/report/layer_map.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

/// A column of routing_layers.csv and how to read its panel.
struct LayerMeasure {
  std::string_view name;
  std::string_view sentence;
  double (*value)(RoutingLayerRow const&);
  double white;            // the value drawn white
  double full_least;       // the scale reaches at least to here
  bool warns;              // red: worth a look
  bool only_if_seen;       // left out where nothing but white would be drawn
  bool stretched = false;  // the scale spans what was measured; left out where that is one value
};

inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

[[nodiscard]] inline auto layer_measures() {
  using Row = RoutingLayerRow;
  return std::array<LayerMeasure, 7>{{
      {"Max violation",
       "How far the busiest expert is above the mean: 0 is balance, 1 is twice the mean. Red rows "
       "are layers that wear out one expert.",
       [](Row const& row) { return row.max_violation; }, 0, 1, true, false},
      {"Evenness",
       "Entropy of the tokens per expert: 1 is every expert equally busy, 0 is one expert doing "
       "everything. Red means that experts lie idle.",
       [](Row const& row) { return row.evenness; }, 1, 0.9, true, false},
      {"Dropped tokens",
       "Share of the choices that found their expert full, so that the token went without it. "
       "White is none.",
       [](Row const& row) { return row.dropped_share; }, 0, 0.01, true, true},
      {"Dead experts",
       "Experts that no token of the step chose. An expert that stays dead learns "
       "nothing any more.",
       [](Row const& row) { return double(row.dead_experts); }, 0, 1, true, true},
      {"Doubt of the router",
       "Entropy of a token's router probabilities: 0 is a router that is sure of its choice, 1 is "
       "one to which all experts are alike. It usually pales as the router learns.",
       [](Row const& row) { return row.router_entropy.value_or(not_measured); }, 0, 1, false, false,
       true},
      {"Churn",
       "Share of the tokens of one fixed text that change experts by a single training step. It "
       "should pale: experts cannot learn a subject that keeps moving.",
       [](Row const& row) { return row.churn.value_or(not_measured); }, 0, 0.05, false, false},
      {"Experts per token", "How many experts a token chooses, on average.",
       [](Row const& row) { return row.experts_per_item; }, 0, 1, false, true, true},
  }};
}

/// The steps and layers of a run, and a place in a table for each.
struct LayerGrid {
  std::vector<std::uint32_t> layers;  // rising
  std::uint64_t first_step = 0, last_step = 0;
  std::size_t columns = 1;

  [[nodiscard]] std::size_t row_of(std::uint32_t layer) const {
    return std::size_t(std::lower_bound(layers.begin(), layers.end(), layer) - layers.begin());
  }
  [[nodiscard]] std::size_t column_of(std::uint64_t step) const {
    if (columns < 2) return 0;
    double const share = double(step - first_step) / double(last_step - first_step);
    return static_cast<std::size_t>(std::lround(share * double(columns - 1)));
  }
};

[[nodiscard]] inline LayerGrid layer_grid(ReportRun const& run, std::size_t most_columns) {
  auto const& rows = run.routing_layers.rows;
  LayerGrid grid{{}, rows.front().step, rows.back().step, 1};
  std::size_t steps = 0;
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  for (auto const& row : rows) {
    grid.layers.push_back(row.layer);
    steps += row.step != before;
    before = row.step;
  }
  std::sort(grid.layers.begin(), grid.layers.end());
  grid.layers.erase(std::unique(grid.layers.begin(), grid.layers.end()), grid.layers.end());
  grid.columns = std::min(steps, std::max<std::size_t>(8, most_columns / grid.layers.size()));
  grid.columns = std::min<std::size_t>(grid.columns, 120);
  return grid;
}

/// The end of a scale: `value`, which is not `white`, widened to a round number.
[[nodiscard]] inline double round_end(double value, double white) {
  double const distance = std::abs(value - white);
  double const power = std::pow(10.0, std::floor(std::log10(distance)));
  double const multiple = distance / power;
  for (double const round : {1.0, 1.5, 2.0, 3.0, 5.0, 10.0}) {
    if (multiple <= round + 1e-9) return white + (value < white ? -1 : 1) * round * power;
  }
  return value;
}

/// The ends of a panel's scale, and whether there is anything to see on it.
struct PanelScale {
  double white = 0, full = 1;
  bool shown = false;
};

[[nodiscard]] inline PanelScale panel_scale(ReportRun const& run, LayerMeasure const& measure) {
  double low = measure.white, high = measure.white;
  bool found = false;
  for (auto const& row : run.routing_layers.rows) {
    double const value = measure.value(row);
    if (!svg::drawable(value)) continue;
    low = found || !measure.stretched ? std::min(low, value) : value;
    high = found || !measure.stretched ? std::max(high, value) : value;
    found = true;
  }
  bool const one_value = low == high;
  if (measure.stretched) {
    return {std::floor(low * 20) / 20, std::floor(high * 20) / 20 + 0.05, found && !one_value};
  }
  bool const falls = measure.full_least < measure.white;
  double const full =
      falls ? std::min(low, measure.full_least) : std::max(high, measure.full_least);
  return {measure.white, round_end(full, measure.white),
          found && !(measure.only_if_seen && one_value)};
}

/// One panel, or "" when there is nothing to see in it.
[[nodiscard]] inline std::string layer_panel(ReportRun const& run, LayerMeasure const& measure,
                                             LayerGrid const& grid) {
  auto const scale = panel_scale(run, measure);
  if (!scale.shown) return "";
  svg::ColourTable table;
  table.title = measure.name;
  table.description = std::string(measure.name) + " of every layer over training";
  table.row_name = "layer";
  table.column_name = "training step";
  for (auto const layer : grid.layers) table.row_labels.push_back(std::to_string(layer));
  table.first_column = with_thousands(grid.first_step);
  table.last_column = with_thousands(grid.last_step);
  table.columns = grid.columns;
  table.cells.assign(grid.layers.size() * grid.columns, not_measured);
  std::vector<std::uint32_t> counts(table.cells.size(), 0);
  for (auto const& row : run.routing_layers.rows) {
    double const value = measure.value(row);
    if (!svg::drawable(value)) continue;
    std::size_t const cell = grid.row_of(row.layer) * grid.columns + grid.column_of(row.step);
    double& mean = table.cells[cell];
    std::uint32_t const count = ++counts[cell];
    mean = count == 1 ? value : mean + (value - mean) / count;
  }
  table.white = scale.white;
  table.full = scale.full;
  table.warns = measure.warns;
  table.row_height = std::clamp(130.0 / double(grid.layers.size()), 6.0, 18.0);
  table.tooltip = " data-rows=\"layer\" data-columns=\"step\" data-range=\"" +
                  std::to_string(grid.first_step) + " " + std::to_string(grid.last_step) + "\"";
  return "<figure>" + svg::draw(table) + "<figcaption>" + std::string(measure.sentence) +
         "</figcaption></figure>\n";
}

[[nodiscard]] inline std::string layers_html(std::vector<ReportRun> const& runs) {
  std::size_t mixtures = 0;
  for (auto const& run : runs) mixtures += run.routing_layers.rows.empty() ? 0 : 1;
  std::string html =
      "<h2>Routing over time</h2>\n<p>Every panel has one row per layer, from the first training "
      "step at the left to the last at the right; the scale is at its upper right. Red is worth a "
      "look, blue is neither good nor bad, grey was not recorded.</p>\n";
  for (auto const& run : runs) {
    if (run.routing_layers.rows.empty()) continue;
    auto const grid = layer_grid(run, 12'000 / mixtures);
    html += "<h3>" + escape_html(shorten(run.name, 200)) + "</h3>\n<div class=\"panels\">\n";
    for (auto const& measure : layer_measures()) html += layer_panel(run, measure, grid);
    html += "</div>\n";
  }
  return html;
}
inline constexpr ReportSection layers_section{
    [](ReportRun const& run) { return !run.routing_layers.rows.empty(); }, layers_html};

}  // namespace moenda::io::detail
