// SPDX-License-Identifier: Apache-2.0
#pragma once
// What runs of all tasks but language modelling have in common. C is the task's configuration.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "moenda/files/own_files.hpp"
#include "moenda/files/run_files.hpp"
#include "moenda/record/named_measures.hpp"
#include "moenda/report/terminal/table.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/toml/read.hpp"
#include "moenda/toml/write.hpp"
#include "runner/run/config.hpp"
#include "runner/run/folder.hpp"
#include "runner/run/results.hpp"

namespace moenda::runner {

/// A run whose data have been read: the sizes that the data decide are known.
template <class C, class DataSplits>
struct TaskRun {
  C config;
  DataSplits splits;
  std::filesystem::path folder, out;

  [[nodiscard]] std::filesystem::path checkpoints() const {
    return folder / io::run_files::checkpoints;
  }
  [[nodiscard]] std::string title() const {
    return config.title.empty() ? config.name : config.title;
  }
};

/// The configuration of what is trained, as TOML: without title, evaluation and logs, which may
/// change without training anything again.
template <class C>
std::string trained_part_of(C config) {
  config.title.clear();
  config.evaluate = {};
  config.log = {};
  config.compute = what_decides_bits(config.compute);
  return io::write_toml(config);
}

/// The configuration of the command, and its run's folder. `read(table, path)` reads and checks.
template <class Read>
auto open_config(Options const& options, Purpose purpose, Read read) {
  auto given = load_given(options);
  auto config = read(given.table, given.path);
  auto original = config;
  if (given.is_run_folder) {
    auto table = io::load_toml(given.path);
    original = read(table, given.path);
  }
  auto naming = load_naming(options, purpose);
  auto const named = read(naming.table, naming.path);
  auto folder =
      folder_of(given, options, named.name, trained_part_of(named), trained_part_of(original));
  io::require_own_files(folder, false);
  if (purpose == Purpose::use) say_changed_files(folder);
  return std::pair(std::move(config), std::move(folder));
}

/// Reads the keys into `config`; its name is the file's unless it says another. `check(problems)`
/// adds what is wrong with the keys that this task alone has, and with its model.
template <class C, class Check>
void read_task_config(toml::table& table, std::filesystem::path const& path, C& config,
                      Check check) {
  config.name = path.stem().string();
  io::read_toml(table, config, "");
  Problems problems;
  check_name(config.name, problems);
  problems.in("train", [&] { TrainConfig::check(config.train, problems); });
  problems.in("evaluate", [&] {
    problems.expect(config.evaluate.every >= 0, "every", "at least 0", config.evaluate.every);
  });
  problems.in("log", [&] { check_log(config.log, problems); });
  problems.in("compute", [&] { check_compute(config.compute, problems); });
  check(problems);
  io::refuse_problems(table, "", problems);
  config.start_from = resolved_start(config.start_from, path, config.task);
}

/// What a file says of a run. `smaller` and `larger` are its model with small sizes, and with
/// larger ones, in place of those that the data decide; `cost(model)` is a ModelCost.
template <class C, class Model, class Cost>
[[nodiscard]] RunFacts facts_of(C const& config, Model const& smaller, Model const& larger,
                                Cost cost) {
  ModelCost const known = cost(smaller);
  bool const is_open = known.parameters != cost(larger).parameters;
  return {config.name,
          config.title,
          id_of(trained_part_of(config)),
          io::write_toml(config),
          config.train.seed,
          evaluation_hash(config.evaluate),
          is_open ? std::nullopt : std::optional(known)};
}

/// The numbers among what a task measured.
inline void print_measures(io::NamedMeasures const& measures) {
  io::Table table({"measure", "value"});
  for (auto const& [key, value] : measures.json().items()) {
    if (value.is_number()) table.add_row({key, io::format_general(value.get<double>(), 5)});
  }
  std::cout << table.text();
}

}  // namespace moenda::runner
