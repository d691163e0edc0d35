// SPDX-License-Identifier: Apache-2.0
#include "runner/run/task.hpp"

#include "moenda/core/suggest.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/toml/file.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"
#include "runner/tasks/labelled/classification_task.hpp"
#include "runner/tasks/labelled/regression_task.hpp"
#include "runner/tasks/language/language_task.hpp"
#include "runner/tasks/table/table_task.hpp"

namespace moenda::runner {

std::vector<Task> const& tasks() {
  static std::vector<Task> const all{language_task(), classification_task(), regression_task(),
                                     table_task()};
  return all;
}

Task const& task_of(TaskKind kind) {
  for (auto const& task : tasks()) {
    if (task.kind == kind) return task;
  }
  throw ConfigError("task: this program cannot train '" +
                    std::string(enum_names(kind)[std::size_t(kind)]) + "'");
}

Task const& task_of(toml::table const& table) {
  auto const* node = table.get("task");
  if (node == nullptr) return task_of(TaskKind::language_modeling);
  constexpr auto names = enum_names(TaskKind{});
  std::string const got = node->value_or(std::string());
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (got == names[i]) return task_of(TaskKind(i));
  }
  std::vector<std::string> const known(names.begin(), names.end());
  throw ConfigError(io::place_of(*node) + ": task must be one of " + join(known) + ", got '" + got +
                    "'" + did_you_mean(got, known));
}

GivenConfig load_given(Options const& options) {
  std::error_code error;
  if (is_hugging_face(options.config)) {
    throw ConfigError(
        options.config.string() +
        ": a folder that transformers saved is taken by convert, describe, eval, generate, logits, "
        "tokenize and trace; "
        "this command needs a TOML file or the folder of a run");
  }
  GivenConfig given;
  given.is_run_folder = std::filesystem::is_directory(options.config, error);
  given.path = given.is_run_folder
                   ? io::RunRecord(options.config).file(io::run_files::configuration)
                   : options.config;
  if (given.is_run_folder) io::require_own_files(options.config, false);
  given.table = io::load_toml(given.path);
  if (auto const* sweep = given.table.get("sweep")) {
    throw ConfigError(io::place_of(*sweep) +
                      ": a file with a [sweep] describes many runs: use `moenda sweep`");
  }
  for (auto const& assignment : options.overrides) io::override_toml(given.table, assignment);
  return given;
}

std::string resolved_start(std::string const& start_from, std::filesystem::path const& path,
                           TaskKind task) {
  if (!start_from.ends_with(".toml")) return start_from;
  Options options;
  options.config = path.parent_path() / start_from;
  auto given = load_given(options);
  auto const& first = task_of(given.table);
  if (first.kind != task) {
    throw ConfigError(path.string() + ": start_from must name a run of the task " +
                      task_of(task).name() + ", but the task of " + given.path.string() + " is " +
                      first.name());
  }
  auto const facts = first.facts(given.table, given.path);
  return facts.name + "/" + facts.id;
}

}  // namespace moenda::runner
