// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moenda/probe/difficulty.hpp"
#include "moenda/probe/specialisation.hpp"
#include "moenda/probe/token_class.hpp"
#include "moenda/record/routing_json.hpp"
#include "runner/run/run.hpp"

namespace moenda::runner {

/// How many experts came and went in training, over all layers whose router lets them.
inline void add_changes_of_experts(AnyNetwork& network, io::RoutingAnalysis& analysis) {
  walk(network.params, [&](Path const& path, auto& weight) {
    auto const name = path.str();
    auto const add = [&](std::optional<std::int64_t>& to) {
      to = to.value_or(0) + std::int64_t(*weight.data);
    };
    if (name.ends_with(".experts_added")) add(analysis.experts_added);
    if (name.ends_with(".experts_removed")) add(analysis.experts_removed);
  });
}

/// routing.json: what each expert takes of `text`, and whether hard tokens take more experts.
inline std::string routing_analysis(Run const& run, AnyNetwork& network, std::string const& name,
                                    data::Windows const& text) {
  std::vector<std::uint8_t> classes;
  for (int id = 0; id < run.tokenizer.vocab_size(); ++id) {
    bool const mark = run.tokenizer.end_of_text() == id;
    classes.push_back(std::uint8_t(mark ? probe::TokenClass::special
                                        : probe::token_class(run.tokenizer.decode({id}))));
  }
  probe::SpecialisationProbe<Backend> specialisation(std::move(classes));
  probe::DifficultyProbe<Backend> difficulty;
  auto const show = [&](probe::BatchProbe<Backend>& to) {
    return probe::watch<AnyNetwork, Backend>(network, text, run.config.train.batch_size,
                                             run.config.evaluate.batches, to);
  };
  io::RoutingAnalysis analysis{.text = name, .tokens = show(specialisation)};
  (void)show(difficulty);
  for (char const* const kind : enum_names(probe::TokenClass{})) analysis.classes.push_back(kind);
  analysis.layers = specialisation.layers();
  analysis.difficulty = difficulty.layers();
  add_changes_of_experts(network, analysis);
  return io::routing_json(analysis, [&](int id) { return run.tokenizer.decode({id}); });
}

}  // namespace moenda::runner
