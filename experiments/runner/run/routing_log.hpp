// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moenda/files/run_files.hpp"
#include "moenda/probe/choices.hpp"
#include "moenda/probe/dead_experts.hpp"
#include "moenda/probe/step_measures.hpp"
#include "moenda/record/routing_csv.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/record/tfevents.hpp"
#include "runner/run/row_file.hpp"
#include "runner/run/run.hpp"

namespace moenda::runner {

/// Choices of experts in the logged steps of a run.
struct LoggedChoices {
  double all = 0, dropped = 0;  ///< dropped: those over capacity

  void add(std::uint64_t choices, double dropped_share) {
    all += double(choices);
    dropped += double(choices) * dropped_share;
  }
  [[nodiscard]] double dropped_share() const { return all > 0 ? dropped / all : 0; }
};

/// Those of the steps up to `last_step` that both files have, from the files of the run: rows may
/// have been lost. Throws DataError where they are damaged, or of another version.
inline LoggedChoices logged_choices(io::RunRecord const& run, std::int64_t last_step) {
  LoggedChoices choices;
  if (!run.has(io::run_files::routing_layers) || !run.has(io::run_files::routing)) return choices;
  io::CsvReader<io::RoutingLayerRow> layers(run.file(io::run_files::routing_layers),
                                            io::routing_layers_header);
  io::CsvReader<io::RoutingRow> experts(run.file(io::run_files::routing), io::routing_header);
  io::RoutingRow next;
  bool has_next = experts.next(next);
  io::RoutingLayerRow layer;
  while (layers.next(layer) && layer.step <= std::uint64_t(last_step)) {
    auto const place = std::pair(layer.step, layer.layer);
    while (has_next && std::pair(next.step, next.layer) < place) has_next = experts.next(next);
    if (!has_next || std::pair(next.step, next.layer) != place) continue;
    std::uint64_t chosen = 0;
    do {  // a mixture's experts stand in a row, from 0
      chosen += next.tokens_per_expert;
      has_next = experts.next(next);
    } while (has_next && next.expert > 0);
    choices.add(chosen, layer.dropped_share);
  }
  return choices;
}

/// What `train` measures of the routing in the steps that are logged: routing.csv,
/// routing_layers.csv, and an alarm for the progress line.
class RoutingLog {
 public:
  /// Logged steps without a token until an expert is called dead.
  static constexpr int patience = 5;

  /// Runs the network on a fixed part of the validation data, under the probe. False when there
  /// is none; then churn is not measured.
  using ShowFixed = std::function<bool(RoutingHook<Backend>&)>;

  /// `before`: what the steps that are done have logged.
  RoutingLog(std::filesystem::path const& folder, std::int64_t steps_done, LoggedChoices before,
             ShowFixed show_fixed)
      : experts_(folder / io::run_files::routing, io::routing_header, steps_done),
        layers_(folder / io::run_files::routing_layers, io::routing_layers_header, steps_done),
        show_fixed_(std::move(show_fixed)),
        choices_(before) {}

  /// Before a step that is logged. Returns what must watch it.
  RoutingHook<Backend>* before_step() {
    measures_.clear();
    choose(before_);
    return &measures_;
  }
  /// After it: writes the rows.
  void after_step(std::int64_t step) {
    bool const has_fixed = choose(after_);
    step_ = std::uint64_t(step);
    last_ = measures_.layers();
    dead_.add(last_);
    std::string experts, layers;
    for (auto const& m : last_) {
      for (std::size_t e = 0; e < m.tokens_per_expert.size(); ++e) {
        experts +=
            io::to_csv(io::RoutingRow{std::uint64_t(step), std::uint32_t(m.layer), std::uint32_t(e),
                                      std::uint64_t(m.tokens_per_expert[e])});
      }
      io::RoutingLayerRow row{
          std::uint64_t(step), std::uint32_t(m.layer),        m.evenness,       m.max_violation,
          m.dropped_share,     std::uint32_t(m.dead_experts), m.router_entropy, m.experts_per_item};
      if (has_fixed) row.churn = after_.churn_since(before_, m.mixture);
      layers += io::to_csv(row);
      auto const chosen =
          std::accumulate(m.tokens_per_expert.begin(), m.tokens_per_expert.end(), std::int64_t{0});
      choices_.add(std::uint64_t(chosen), m.dropped_share);
    }
    experts_.add(experts);
    layers_.add(layers);
  }

  /// When the last step is logged.
  void close() {
    experts_.close();
    layers_.close();
  }

  /// The hashes of routing.csv and routing_layers.csv so far.
  [[nodiscard]] std::array<std::string, 2> hashes() const {
    return {experts_.hash(), layers_.hash()};
  }
  /// The step that was logged last.
  [[nodiscard]] std::uint64_t step() const { return step_; }
  /// Its measures, for TensorBoard.
  [[nodiscard]] std::vector<io::EventScalar> scalars() const {
    std::vector<io::EventScalar> all;
    for (auto const& m : last_) {
      auto const layer = "/layer_" + std::to_string(m.layer);
      all.push_back({"max_violation" + layer, m.max_violation});
      all.push_back({"evenness" + layer, m.evenness});
      if (m.router_entropy) all.push_back({"router_entropy" + layer, *m.router_entropy});
    }
    return all;
  }
  /// "  3 dead experts", or nothing.
  [[nodiscard]] std::string alarm() const {
    int const dead = dead_.count();
    if (dead == 0) return "";
    return "  " + std::to_string(dead) + (dead == 1 ? " dead expert" : " dead experts");
  }
  /// Of all choices in logged steps.
  [[nodiscard]] double dropped_share() const { return choices_.dropped_share(); }

 private:
  bool choose(probe::Choices<Backend>& choices) {
    choices.clear();
    return show_fixed_(choices);
  }

  RowFile experts_, layers_;
  probe::StepMeasures<Backend> measures_;
  probe::Choices<Backend> before_, after_;
  probe::DeadExperts dead_{patience};
  std::vector<probe::LayerMeasures> last_;
  ShowFixed show_fixed_;
  std::uint64_t step_ = 0;
  LoggedChoices choices_;
};

}  // namespace moenda::runner
