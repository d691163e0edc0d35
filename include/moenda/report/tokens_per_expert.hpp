// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tokens per expert of every layer of the mixture-of-experts runs.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/record/run.hpp"
#include "moenda/report/chart/heat_map.hpp"
#include "moenda/report/section.hpp"

namespace moenda::io::detail {

/// Cells of all heat maps of a page: what keeps it under a megabyte.
inline constexpr std::size_t most_heat_cells = 60'000;
inline constexpr std::size_t most_heat_rows = 6'000;

/// What one layer's rows of routing.csv span.
struct LayerExtent {
  std::size_t experts = 0;
  std::size_t rows = 0;
  std::vector<std::uint64_t> steps;  // distinct, rising
};

using LayerExtents = std::map<std::uint32_t, LayerExtent>;

/// The layers of a run. DataError when an expert's number exceeds the number of rows: a damaged
/// number must not decide how much memory is asked for.
[[nodiscard]] inline LayerExtents layer_extents(ReportRun const& run) {
  LayerExtents layers;
  for (RoutingRow const& row : run.routing.rows) {
    LayerExtent& layer = layers[row.layer];
    layer.experts = std::max(layer.experts, std::size_t{row.expert} + 1);
    ++layer.rows;
    if (layer.steps.empty() || layer.steps.back() < row.step) layer.steps.push_back(row.step);
  }
  for (auto const& [number, layer] : layers) {
    if (layer.experts <= layer.rows) continue;
    throw DataError(sanitize_utf8((run.folder / run_files::routing).string()) +
                    ": every expert of a layer must have a row, got expert " +
                    std::to_string(layer.experts - 1) + " in the " + std::to_string(layer.rows) +
                    " rows of layer " + std::to_string(number));
  }
  return layers;
}

/// Empty panels, one per layer, with about `columns` bins of the step axis each.
[[nodiscard]] inline std::map<std::uint32_t, svg::HeatMap> empty_panels(LayerExtents const& layers,
                                                                        std::size_t columns,
                                                                        std::size_t most_rows) {
  std::map<std::uint32_t, svg::HeatMap> panels;
  double const nothing = std::numeric_limits<double>::quiet_NaN();
  std::size_t rows = 0;
  for (auto const& [number, layer] : layers) {
    rows += layer.experts;
    if (rows > most_rows && !panels.empty()) break;
    svg::HeatMap map;
    map.title = "Layer " + std::to_string(number);
    map.experts = layer.experts;
    map.columns = std::min(columns, layer.steps.size());
    map.cells.assign(map.experts * map.columns, nothing);
    map.last.assign(map.experts, nothing);
    map.first_step = layer.steps.front();
    map.last_step = layer.steps.back();
    panels.emplace(number, std::move(map));
  }
  return panels;
}

/// The bin of a step: evenly recorded steps fall into one bin each while there are enough bins.
[[nodiscard]] inline std::size_t bin_of(svg::HeatMap const& map, std::uint64_t step) {
  if (map.columns < 2) return 0;
  double const share = static_cast<double>(step - map.first_step) /
                       static_cast<double>(map.last_step - map.first_step);
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(map.columns - 1)));
}

/// Fills the panels with means relative to the fair share.
inline void fill_panels(ReportRun const& run, std::map<std::uint32_t, svg::HeatMap>& panels) {
  std::map<std::pair<std::uint64_t, std::uint32_t>, double> totals;  // by step and layer
  for (RoutingRow const& row : run.routing.rows) {
    totals[{row.step, row.layer}] += static_cast<double>(row.tokens_per_expert);
  }
  std::map<std::uint32_t, std::vector<std::uint32_t>> counts;
  for (auto const& [number, map] : panels) counts[number].assign(map.cells.size(), 0);
  for (RoutingRow const& row : run.routing.rows) {
    auto const panel = panels.find(row.layer);
    double const total = totals[{row.step, row.layer}];
    if (panel == panels.end() || !(total > 0)) continue;
    svg::HeatMap& map = panel->second;
    double const relative =
        static_cast<double>(row.tokens_per_expert) * static_cast<double>(map.experts) / total;
    std::size_t const cell = row.expert * map.columns + bin_of(map, row.step);
    double& mean = map.cells[cell];
    std::uint32_t const count = ++counts[row.layer][cell];
    mean = count == 1 ? relative : mean + (relative - mean) / count;
    if (row.step == map.last_step) map.last[row.expert] = relative;
  }
}

/// Sentences under the bars, and one bar scale for all layers so that they can be compared.
inline void finish_panels(std::map<std::uint32_t, svg::HeatMap>& panels) {
  double largest = 2;
  for (auto const& [number, map] : panels) {
    for (double const value : map.last) {
      if (std::isfinite(value)) largest = std::max(largest, value);
    }
  }
  for (auto& [number, map] : panels) {
    map.bar_end = std::ceil(largest);
    std::vector<double> known;
    std::copy_if(map.last.begin(), map.last.end(), std::back_inserter(known),
                 [](double value) { return std::isfinite(value); });
    double const violation = probe::max_violation(std::span<double const>(known));
    map.subtitle = "max violation " + format_fixed(violation, 2);
  }
}

[[nodiscard]] inline std::string tokens_of_run(ReportRun const& run, std::size_t most_cells,
                                               std::size_t most_rows) {
  auto const layers = layer_extents(run);
  std::size_t rows = 0;
  for (auto const& [number, layer] : layers) rows += layer.experts;
  std::size_t const columns =
      std::clamp<std::size_t>(most_cells / std::max<std::size_t>(rows, 1), 8, 120);
  auto panels = empty_panels(layers, columns, most_rows);
  fill_panels(run, panels);
  finish_panels(panels);
  std::string html = "<h3>" + escape_html(shorten(run.name, 200)) + "</h3>\n";
  if (panels.size() < layers.size()) {
    html += "<p class=\"note\">Only the first " + std::to_string(panels.size()) + " of " +
            std::to_string(layers.size()) + " layers are drawn, to keep this page small.</p>\n";
  }
  html += "<div class=\"panels\">\n";
  for (auto const& [number, map] : panels) html += svg::draw(map);
  return html + "</div>\n";
}

[[nodiscard]] inline std::string tokens_per_expert_html(std::vector<ReportRun> const& runs) {
  std::size_t mixtures = 0;
  for (auto const& run : runs) mixtures += run.routing.rows.empty() ? 0 : 1;
  std::string html =
      "<h2>Tokens per expert</h2>\n"
      "<p>The share of a layer's tokens that choose each expert, from the first training step to "
      "the last; beside it the share at the end. A balanced layer is pale. <i>Max violation</i> is "
      "how far the busiest expert is above the mean: 0 is perfect balance, 1 is twice the "
      "mean.</p>\n"
      "<div class=\"scale\"><span>no token</span><i></i><span>twice the fair share or more</span>"
      "<span>(white = fair share; blue = starved; red = overloaded; grey = not recorded)</span>"
      "</div>\n";
  for (auto const& run : runs) {
    if (run.routing.rows.empty()) continue;
    html += tokens_of_run(run, most_heat_cells / mixtures, most_heat_rows / mixtures);
  }
  return html;
}
inline constexpr ReportSection tokens_per_expert_section{
    [](ReportRun const& run) { return !run.routing.rows.empty(); }, tokens_per_expert_html};

}  // namespace moenda::io::detail
