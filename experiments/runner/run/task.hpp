// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a run learns. Everything that differs between tasks stands behind this; sweeps and reports
// know nothing else of a run.
#include <toml++/toml.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runner/commands.hpp"

namespace moenda::runner {

/// The key `task` of a configuration.
enum class TaskKind { language_modeling, classification, regression, table_questions };
constexpr auto enum_names(TaskKind) {
  return std::array{"language_modeling", "classification", "regression", "table_questions"};
}

/// How large a model is, and what it computes.
struct ModelCost {
  std::int64_t parameters = 0, active = 0;
  double flops = 0;  ///< of one token's forward pass
};

/// A checked configuration, for those who need not know what it learns.
struct RunFacts {
  std::string name, title;
  std::string id;    ///< of its folder: runs/NAME/ID
  std::string toml;  ///< all of it
  std::uint64_t seed = 0;
  std::string evaluation;         ///< see evaluation_hash
  std::optional<ModelCost> cost;  ///< nothing where the data decide sizes that the file leaves open
};

struct Task {
  TaskKind kind;
  /// `table` is what `path` holds after overrides. Throws ConfigError with every problem.
  RunFacts (*facts)(toml::table& table, std::filesystem::path const& path);
  int (*train)(Options const&);
  int (*evaluate)(Options const&);
  void (*describe)(toml::table& table, std::filesystem::path const& path);
  void (*list)();  ///< rows of modules that its files can name
  nlohmann::ordered_json (*schema)();

  // Commands that only some tasks have; null where a task has none.
  int (*generate)(Options const&, GenerateOptions const&) = nullptr;
  int (*evaluate_text)(Options const&, EvaluateOptions const&) = nullptr;
  int (*trace)(Options const&, TraceOptions const&) = nullptr;
  int (*counterfactual)(Options const&, CounterfactualOptions const&) = nullptr;
  int (*ask)(Options const&, AskOptions const&) = nullptr;
  int (*tokenize)(Options const&, TokenizeOptions const&) = nullptr;

  [[nodiscard]] char const* name() const { return enum_names(kind)[std::size_t(kind)]; }
};

/// All tasks; each is defined beside its model.
std::vector<Task> const& tasks();
Task const& task_of(TaskKind kind);
/// The task that a configuration names. Throws ConfigError naming line and nearest match.
Task const& task_of(toml::table const& table);

/// The configuration of the command: a TOML file, or a run folder's config.resolved.toml, with the
/// overrides.
struct GivenConfig {
  toml::table table;
  std::filesystem::path path;
  bool is_run_folder = false;
};
GivenConfig load_given(Options const& options);

/// The key start_from of the file `path`, of a run of `task`. The TOML file of another run, found
/// beside `path`, becomes that run's name/id; anything else stays. Throws ConfigError for a run of
/// another task.
std::string resolved_start(std::string const& start_from, std::filesystem::path const& path,
                           TaskKind task);

}  // namespace moenda::runner
