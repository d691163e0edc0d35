// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a fine-tuned run still knows of the text that it learnt first.
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>

#include "moenda/probe/step_measures.hpp"
#include "moenda/record/named_measures.hpp"
#include "moenda/record/run_record.hpp"
#include "runner/tasks/language/measured_loss.hpp"

namespace moenda::runner {

/// The test text of the run named by start_from; nothing where there is no such run, where it
/// learnt the same text, or, after a word about it, where the text has gone. Both runs cut the text
/// with the same vocabulary.
inline std::optional<data::TokenStream> old_text(Run const& run, ThreadPool& pool) {
  if (run.config.start_from.empty()) return std::nullopt;
  auto const file =
      io::RunRecord(run.out / run.config.start_from).file(io::run_files::configuration);
  if (!io::is_there(file)) return std::nullopt;
  io::require_own_file(file);
  RunConfig first = run.config;
  first.data = read_run_config(file, {}).data;
  if (io::write_toml(first) == io::write_toml(run.config)) return std::nullopt;
  try {
    return make_splits(first, run.tokenizer, run.cache, pool).test;
  } catch (DataError const& error) {
    std::cerr << run.title() << ": not tested on what it learnt first: " << error.what() << '\n';
    return std::nullopt;
  }
}

/// Loss and routing on it.
inline io::NamedMeasures old_text_measures(Run const& run, AnyNetwork& network,
                                           std::function<void()> const& between = {}) {
  io::NamedMeasures measures;
  auto const text = old_text(run, network.backend.pool);
  if (!text) return measures;
  probe::StepMeasures<Backend> routing;
  auto const result = measured_loss(run, network, "old test", *text, 0, between, &routing);
  if (result.tokens == 0) return measures;
  measures.add("old_test_loss", result.loss);
  auto const layers = routing.layers();
  double evenness = 0, violation = 0;
  for (auto const& layer : layers) {
    evenness += layer.evenness / double(layers.size());
    violation += layer.max_violation / double(layers.size());
  }
  if (!layers.empty()) {
    measures.add("old_evenness", evenness);
    measures.add("old_max_violation", violation);
  }
  return measures;
}

}  // namespace moenda::runner
