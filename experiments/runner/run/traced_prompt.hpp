// SPDX-License-Identifier: Apache-2.0
#pragma once
// moenda trace: what is said and written of a text whose routing was seen.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "moenda/probe/trace.hpp"
#include "moenda/record/routing_trace.hpp"
#include "moenda/report/terminal/table.hpp"

namespace moenda::runner {

/// Where every token of one text goes. Throws ConfigError where the text is empty, or longer than
/// the context; DataError for ids outside the vocabulary.
template <class B, class Network>
probe::RoutingTrace trace_of_prompt(Network& network, std::vector<int> const& ids) {
  if (ids.empty()) throw ConfigError("trace: the prompt must not be empty");
  std::vector<int> targets(ids.begin() + 1, ids.end());
  targets.push_back(-1);  // nothing comes behind the last
  Batch const batch{ids.data(), 1, int(ids.size())};
  probe::TraceProbe<B> probe;
  probe.begin(batch);
  (void)network.evaluate(batch, targets, {}, &probe);
  return probe.trace();
}

/// The share of choices that went to the busiest expert.
inline double busiest_share(probe::RoutingTrace::Mixture const& mixture) {
  std::vector<std::int64_t> counts(std::size_t(mixture.num_experts));
  for (auto const expert : mixture.experts) ++counts[std::size_t(expert)];
  auto const most = *std::max_element(counts.begin(), counts.end());
  return double(most) / double(std::max<std::size_t>(1, mixture.experts.size()));
}

/// Writes the trace into `file` and prints a line for every layer. Throws ConfigError naming the
/// `model` if nothing is routed.
inline void print_trace(probe::RoutingTrace const& found, std::filesystem::path const& model,
                        std::filesystem::path const& file) {
  if (found.mixtures.empty()) {
    throw ConfigError(model.string() + ": there is nothing to see: the model has no router");
  }
  io::Table table({"layer", "experts", "tokens", "experts per token", "busiest expert %"});
  for (auto const& [number, mixture] : found.mixtures) {
    table.add_row({std::to_string(mixture.layer), std::to_string(mixture.num_experts),
                   std::to_string(mixture.items()),
                   io::format_fixed(double(mixture.experts.size()) / mixture.items(), 2),
                   io::format_fixed(100 * busiest_share(mixture), 1)});
  }
  std::cout << table.text() << std::flush;
  io::write_routing_trace(found, file);
  std::cout << "trace " << file.string() << std::endl;
}

}  // namespace moenda::runner
