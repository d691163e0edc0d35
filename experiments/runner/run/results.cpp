// SPDX-License-Identifier: Apache-2.0
#include "runner/run/results.hpp"

#include <sys/resource.h>
#include <toml++/toml.h>

#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/energy/carbon.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/record/file_hashes.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/record/tfevents.hpp"
#include "moenda/train/checkpoint.hpp"
#include "moenda/version.hpp"
#include "runner/run/machine.hpp"

#ifndef MOENDA_BUILD_FLAGS
#define MOENDA_BUILD_FLAGS ""
#endif
#ifndef MOENDA_COMMIT
#define MOENDA_COMMIT "unknown"
#endif

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

/// What a finished run measured: its task's entry, and training. Throws DataError where one of
/// them is absent.
std::pair<nlohmann::json, nlohmann::json> finished_results(io::RunRecord const& run) {
  std::string why = "it must hold what the run's task measured, and training";
  try {
    auto const results = run.results();
    auto const task = run.task();
    if (results && results->tasks.contains(task)) {
      auto const training = results->json.value("training", nlohmann::json());
      if (training.is_object()) return {results->json.at("results").at(task), training};
    }
  } catch (DataError const& error) {
    why = error.what();
  }
  throw DataError(run.file(io::run_files::results).string() +
                  ": the file is damaged; --force trains the run again (" + why + ")");
}

/// The names of what training leaves in `folder`, with the event files of every process.
std::vector<std::string> names_of_training(fs::path const& folder) {
  std::vector<std::string> names;
  for (char const* name : io::run_files::of_training) {
    if (io::is_there(folder / name)) names.emplace_back(name);
  }
  for (auto& name : io::names_in(folder)) {
    if (name.starts_with(io::event_file_prefix)) names.push_back(std::move(name));
  }
  return names;
}
/// True when there is something of a training that would be missed.
bool has_training(fs::path const& folder) {
  return io::is_there(folder / io::run_files::results) ||
         !list_checkpoints(folder / io::run_files::checkpoints).empty();
}

}  // namespace

std::string meta_text(RunMeta const& run) {
  nlohmann::ordered_json meta;
  meta["name"] = run.title;
  meta["model"] = run.model;
  meta["parameters"] = {{"total", run.cost.parameters}, {"active", run.cost.active}};
  meta["flops_per_token"] = run.cost.flops;
  if (run.sees_later_tokens) meta["sees_later_tokens"] = true;
  meta["corpus"] = run.data;
  if (!run.first_weights.empty()) meta["first_weights"] = run.first_weights;
  meta["version"] = version;
  meta["commit"] = MOENDA_COMMIT;
  meta["compiler"] = __VERSION__;
  meta["flags"] = MOENDA_BUILD_FLAGS;
  meta["cpu"] = processor_name();
  meta["threads"] = run.threads;
  meta["kernels"] = {{"level", cpu::name_of(run.kernels.level)}, {"reason", run.kernels.reason}};
  meta["libraries"] = {
      {"toml++", std::to_string(TOML_LIB_MAJOR) + "." + std::to_string(TOML_LIB_MINOR) + "." +
                     std::to_string(TOML_LIB_PATCH)},
      {"nlohmann_json", std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." +
                            std::to_string(NLOHMANN_JSON_VERSION_MINOR)}};
  return meta.dump(2) + "\n";
}

nlohmann::ordered_json energy_results(std::string const& source, double training_joules,
                                      double evaluation_joules, double tokens, double seconds,
                                      int threads) {
  double const kwh = energy::kwh_of(training_joules);
  energy::Machine const machine{.cores = threads, .memory_gb = energy::machine_memory_gb()};
  return {{"source", source},
          {"training_joules", training_joules},
          {"evaluation_joules", evaluation_joules},
          {"joules_per_1000_tokens", 1000 * training_joules / tokens},
          {"co2_grams_world", kwh * *energy::intensity_of("world")},
          {"co2_grams_spain", kwh * *energy::intensity_of("spain")},
          {"green_algorithms_kwh", energy::green_algorithms_kwh(seconds / 3600, machine)}};
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t(usage.ru_maxrss) * 1024;
}

std::optional<ModelCost> cost_in_meta(io::RunRecord const& run) {
  if (!run.has(io::run_files::meta)) return std::nullopt;
  auto const meta = run.meta();
  auto const count = [&](char const* key) {
    auto const counts = meta.value("parameters", nlohmann::json::object());
    return counts.is_object() ? counts.value(key, nlohmann::json()) : nlohmann::json();
  };
  auto const total = count("total"), active = count("active");
  auto const flops = meta.value("flops_per_token", nlohmann::json());
  if (!total.is_number() || !active.is_number() || !flops.is_number()) return std::nullopt;
  return ModelCost{total.get<std::int64_t>(), active.get<std::int64_t>(), flops.get<double>()};
}

bool is_measured(io::RunRecord const& run, std::string const& evaluation) {
  if (!run.finished()) return false;
  (void)finished_results(run);
  return run.results()->evaluation == evaluation;
}

void print_result(fs::path const& folder) {
  auto const [of_task, training] = finished_results(io::RunRecord(folder));
  std::cout << "run " << folder.string() << "\nresult";
  auto const print = [](std::string const& key, nlohmann::json const& value) {
    std::cout << ' ' << key << '=' << (value.is_number() ? value.dump() : "nan");
  };
  auto const print_from = [&](nlohmann::json const& from, char const* key) {
    print(key, from.value(key, nlohmann::json()));
  };
  for (char const* key : {"steps", "tokens", "train_loss"}) print_from(training, key);
  for (char const* key : {"valid_loss", "test_loss"}) print_from(of_task, key);
  for (auto const& [key, value] : of_task.items()) {
    bool const is_measure = value.is_number_float() || value.is_null();
    if (is_measure && key != "valid_loss" && key != "test_loss") print(key, value);
  }
  for (char const* key : {"seconds", "tokens_per_second", "peak_bytes"}) print_from(training, key);
  std::cout << std::endl;
}

void say_changed_files(fs::path const& folder) {
  auto const sentence = io::changed_files_sentence(folder.string(), io::changed_files(folder));
  if (!sentence.empty()) std::cerr << "note: " << sentence << '\n';
}

void refuse_other_data(fs::path const& folder, std::string const& fingerprint) {
  io::RunRecord const run(folder);
  auto const known = run.data_hash();
  if (known == fingerprint) return;
  throw DataError(run.file(io::run_files::meta).string() +
                  ": the data must be those that the run began with, with the hash " +
                  (known.empty() ? "(none)" : known) + ", got " + fingerprint +
                  "; train --force trains it again");
}

void say_other_start(fs::path const& folder, std::string const& hash) {
  io::RunRecord const run(folder);
  if (hash.empty() || !run.has(io::run_files::meta)) return;
  auto const known = run.first_weights();
  if (known.empty() || known == hash) return;
  std::cerr << "note: " << folder.string()
            << ": start_from names other weights by now than those that the run began with\n";
}

std::optional<fs::path> set_results_aside(fs::path const& folder) {
  auto const aside = folder / io::run_files::set_aside;
  bool const is_set_aside = !list_checkpoints(aside / io::run_files::checkpoints).empty();
  if (is_set_aside || !has_training(folder)) {
    for (auto const& name : names_of_training(folder)) io::remove_tree(folder / name);
    return is_set_aside ? std::optional(aside) : std::nullopt;
  }
  io::create_folders(aside);
  for (char const* name : io::run_files::of_configuration) {
    if (io::is_there(folder / name)) {
      io::write_file_atomically(aside / name, data::read_file(folder / name));
    }
  }
  for (auto const& name : names_of_training(folder)) {
    io::remove_tree(aside / name);  // of an attempt to set it aside that ended half-way
    io::rename_path(folder / name, aside / name);
  }
  io::sync_folder(aside);
  io::sync_folder(folder);
  return aside;
}

void remove_set_aside(fs::path const& folder) {
  auto const aside = folder / io::run_files::set_aside;
  if (io::is_there(aside)) io::discard_folder(aside);
}

}  // namespace moenda::runner
