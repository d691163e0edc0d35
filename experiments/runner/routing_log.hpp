// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "moenda/io/routing_csv.hpp"
#include "moenda/io/routing_json.hpp"
#include "moenda/io/tfevents.hpp"
#include "moenda/probe/choices.hpp"
#include "moenda/probe/dead_experts.hpp"
#include "moenda/probe/specialisation.hpp"
#include "moenda/probe/step_measures.hpp"
#include "moenda/probe/token_class.hpp"
#include "row_file.hpp"
#include "run.hpp"

namespace moenda::runner {

/// What `train` measures of the routing in the steps that are logged: routing.csv,
/// routing_layers.csv, and an alarm for the progress line.
class RoutingLog {
 public:
  /// Tokens of the fixed text on which churn is measured, before and after a logged step.
  static constexpr int fixed_tokens = 512;
  /// Logged steps without a token until an expert is called dead.
  static constexpr int patience = 5;

  /// `fixed_text`: where it has no window, churn is not measured.
  RoutingLog(std::filesystem::path const& folder, std::int64_t steps_done,
             data::Windows const& fixed_text)
      : experts_(folder / "routing.csv", io::routing_header, steps_done),
        layers_(folder / "routing_layers.csv", io::routing_layers_header, steps_done) {
    auto const length = std::size_t(fixed_text.context_length());
    auto const fitting = std::max<std::int64_t>(1, fixed_tokens / std::int64_t(length));
    windows_ = int(std::min(fitting, fixed_text.count()));
    inputs_.resize(std::size_t(windows_) * length);
    targets_.resize(inputs_.size());
    for (int w = 0; w < windows_; ++w) {
      auto const begin = std::size_t(w) * length;
      fixed_text.fill(w, std::span(inputs_).subspan(begin, length),
                      std::span(targets_).subspan(begin, length));
    }
  }

  /// Before a step that is logged. Returns what must watch it.
  RoutingProbe<Backend>* before_step(AnyNetwork& network) {
    measures_.clear();
    choose(network, before_);
    return &measures_;
  }
  /// After it: writes the rows.
  void after_step(AnyNetwork& network, std::int64_t step) {
    choose(network, after_);
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
      if (windows_ > 0) row.churn = after_.churn_since(before_, m.layer);
      layers += io::to_csv(row);
      auto const chosen =
          std::accumulate(m.tokens_per_expert.begin(), m.tokens_per_expert.end(), std::int64_t{0});
      choices_ += double(chosen);
      dropped_ += double(chosen) * m.dropped_share;
    }
    experts_.add(experts);
    layers_.add(layers);
  }

  /// The measures of the step that was logged last, for TensorBoard.
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
  [[nodiscard]] double dropped_share() const { return choices_ > 0 ? dropped_ / choices_ : 0; }

 private:
  void choose(AnyNetwork& network, probe::Choices<Backend>& choices) {
    choices.clear();
    if (windows_ == 0) return;
    int const length = int(inputs_.size()) / windows_;
    network.evaluate({inputs_.data(), windows_, length}, targets_, {}, &choices);
  }

  RowFile experts_, layers_;
  probe::StepMeasures<Backend> measures_;
  probe::Choices<Backend> before_, after_;
  probe::DeadExperts dead_{patience};
  std::vector<probe::LayerMeasures> last_;
  int windows_ = 0;
  std::vector<int> inputs_, targets_;  // [windows_ * context_length]
  double choices_ = 0, dropped_ = 0;
};

/// routing.json: what each expert takes of `text`.
inline std::string routing_analysis(Run const& run, AnyNetwork& network, std::string const& name,
                                    data::Windows const& text) {
  std::vector<std::uint8_t> classes;
  for (int id = 0; id < run.tokenizer.vocab_size(); ++id) {
    bool const mark = run.tokenizer.end_of_text() == id;
    classes.push_back(std::uint8_t(mark ? probe::TokenClass::special
                                        : probe::token_class(run.tokenizer.decode({id}))));
  }
  probe::SpecialisationProbe<Backend> probe(std::move(classes));
  auto const tokens = probe::watch<AnyNetwork, Backend>(network, text, run.config.train.batch_size,
                                                        run.config.evaluate.batches, probe);
  io::RoutingAnalysis analysis{.text = name, .tokens = tokens};
  for (char const* const kind : enum_names(probe::TokenClass{})) analysis.classes.push_back(kind);
  analysis.layers = probe.layers();
  return io::routing_json(analysis, [&](int id) { return run.tokenizer.decode({id}); });
}

}  // namespace moenda::runner
