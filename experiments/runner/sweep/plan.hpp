// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which runs a sweep consists of: the [sweep] table of a configuration file, expanded.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/core/fields.hpp"
#include "runner/run/task.hpp"

namespace moenda::runner {

/// grid: every combination. random: `samples` different ones of them. list: the arms as they stand.
enum class SweepMethod { grid, random, list };
constexpr auto enum_names(SweepMethod) { return std::array{"grid", "random", "list"}; }

/// What all arms are made equal in, by solving for one size of each.
enum class MatchedQuantity { none, active_flops, parameters };
constexpr auto enum_names(MatchedQuantity) {
  return std::array{"none", "active_flops", "parameters"};
}

struct MatchConfig {
  MatchedQuantity quantity = MatchedQuantity::none;
  /// Keys of whole numbers; the first that an arm's model has is solved for.
  std::vector<std::string> keys{"model.block.ffn.experts.each.hidden", "model.block.ffn.hidden",
                                "model.block.ffn.mixture.experts.each.hidden",
                                "model.block.ffn.sparse.experts.each.hidden"};
  int multiple = 8;  ///< the solution is a multiple of this
  MOENDA_FIELDS(MatchConfig, quantity, keys, multiple);
};

/// The keys of [sweep] beside `parameters`, `zip`, `arms` and `exclude`, which hold other keys.
struct SweepConfig {
  SweepMethod method = SweepMethod::grid;
  int samples = 10;        ///< of random
  std::uint64_t seed = 1;  ///< of random
  int repeat_seeds = 3;    ///< runs per arm: train.seed, train.seed + 1, ...
  std::string baseline;    ///< the arm that the others are compared with; empty: the first
  std::string measure = "test_loss";
  double margin = 0.01;  ///< differences within it count as none, if they are shown to be within
  double confidence = 0.95;
  MatchConfig match{};
  MOENDA_FIELDS(SweepConfig, method, samples, seed, repeat_seeds, baseline, measure, margin,
                confidence, match);
};

/// One set-up; its runs differ in the seed alone.
struct Arm {
  std::string title;
  std::vector<RunFacts> runs;  // one per seed

  /// What all of them have in common: costs and sizes.
  [[nodiscard]] RunFacts const& facts() const { return runs.front(); }
};

struct SweepPlan {
  std::string name;
  SweepConfig config;
  std::vector<Arm> arms;
  std::size_t baseline = 0;

  [[nodiscard]] std::size_t runs() const { return arms.size() * arms.front().runs.size(); }
};

/// True when the file, or what it extends, has a [sweep].
bool is_sweep(std::filesystem::path const& path);
/// Reads and expands. Throws ConfigError naming the arm in which something is wrong, DataError.
SweepPlan plan_sweep(std::filesystem::path const& path, std::vector<std::string> const& overrides);

}  // namespace moenda::runner
