// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a mixture routed, step by step: routing.csv has a row per expert, routing_layers.csv one per
// layer. Both are read and written as csv.hpp says.
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "moenda/record/csv.hpp"

namespace moenda::io {

inline constexpr std::string_view routing_header = "step,layer,expert,tokens_per_expert";
inline constexpr std::string_view routing_layers_header =
    "step,layer,evenness,max_violation,dropped_share,dead_experts,router_entropy,experts_per_item,"
    "churn";

/// One row of routing.csv.
struct RoutingRow {
  std::uint64_t step = 0;
  std::uint32_t layer = 0;
  std::uint32_t expert = 0;
  std::uint64_t tokens_per_expert = 0;  // that chose the expert, those over capacity included
};

/// One row of routing_layers.csv: what probe::LayerMeasures says. An absent optional is an empty
/// field: not measured.
struct RoutingLayerRow {
  std::uint64_t step = 0;
  std::uint32_t layer = 0;
  double evenness = 0;
  double max_violation = 0;
  double dropped_share = 0;
  std::uint32_t dead_experts = 0;
  std::optional<double> router_entropy{};
  double experts_per_item = 0;
  std::optional<double> churn{};  // items of a fixed text whose experts this step changed
};

namespace detail {

inline void parse_row(CsvLine& line, RoutingRow& row) {
  row.step = line.integer<std::uint64_t>();
  row.layer = line.integer<std::uint32_t>();
  row.expert = line.integer<std::uint32_t>();
  row.tokens_per_expert = line.integer<std::uint64_t>();
}

inline void parse_row(CsvLine& line, RoutingLayerRow& row) {
  auto const share = [&](char const* column, double value) {
    if (value < 0 || value > 1 + 1e-6) {  // nan passes: it is skipped where it is drawn
      line.fail("column '" + std::string(column) + "' must be a share in [0, 1]",
                format_general(value, 6));
    }
    return value;
  };
  row.step = line.integer<std::uint64_t>();
  row.layer = line.integer<std::uint32_t>();
  row.evenness = share("evenness", line.number());
  row.max_violation = line.number();
  row.dropped_share = share("dropped_share", line.number());
  row.dead_experts = line.integer<std::uint32_t>();
  row.router_entropy = line.optional_number();
  row.experts_per_item = line.number();
  row.churn = line.optional_number();
}

}  // namespace detail

/// Rows of routing.csv that are kept in memory.
inline constexpr std::size_t most_routing_rows = std::size_t{1} << 22;

/// Reads routing.csv, as read_metrics does. Of a file with more rows than `most` it keeps every
/// second logged step, or every fourth, and so on, and the last.
[[nodiscard]] inline CsvRows<RoutingRow> read_routing(std::filesystem::path const& path,
                                                      std::size_t most = most_routing_rows) {
  CsvReader<RoutingRow> from(path, routing_header);
  CsvRows<RoutingRow> result;
  auto& rows = result.rows;
  std::vector<RoutingRow> last;  // the rows of the step that is being read
  std::uint64_t steps = 0, every = 1;
  auto const end_step = [&](bool keep) {
    if (keep) rows.insert(rows.end(), last.begin(), last.end());
    last.clear();
    for (; rows.size() > most && rows.front().step != rows.back().step; every *= 2) {
      std::uint64_t known = rows.front().step, place = 0;
      std::erase_if(rows, [&](RoutingRow const& row) {
        place += row.step == known ? 0 : 1;
        known = row.step;
        return place % 2 == 1;
      });
    }
  };
  for (RoutingRow row; from.next(row);) {
    if (!last.empty() && last.front().step != row.step) end_step(steps++ % every == 0);
    last.push_back(row);
  }
  end_step(true);
  result.partial_last_line = from.partial_last_line();
  return result;
}
/// Reads routing_layers.csv, as read_metrics does.
[[nodiscard]] inline CsvRows<RoutingLayerRow> read_routing_layers(
    std::filesystem::path const& path) {
  return detail::read_csv<RoutingLayerRow>(path, routing_layers_header);
}

/// The row as one line of routing.csv, newline included.
[[nodiscard]] inline std::string to_csv(RoutingRow const& row) {
  return std::to_string(row.step) + "," + std::to_string(row.layer) + "," +
         std::to_string(row.expert) + "," + std::to_string(row.tokens_per_expert) + "\n";
}

/// The row as one line of routing_layers.csv, newline included.
[[nodiscard]] inline std::string to_csv(RoutingLayerRow const& row) {
  std::string line = std::to_string(row.step) + "," + std::to_string(row.layer);
  auto const add = [&](std::optional<double> value) {
    line += ',';
    if (value) detail::append_number(line, *value);
  };
  add(row.evenness);
  add(row.max_violation);
  add(row.dropped_share);
  line += "," + std::to_string(row.dead_experts);
  add(row.router_entropy);
  add(row.experts_per_item);
  add(row.churn);
  return line + "\n";
}

}  // namespace moenda::io
