// SPDX-License-Identifier: Apache-2.0
#include "results.hpp"

#include <sys/resource.h>
#include <toml++/toml.h>

#include <fstream>
#include <iostream>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/read_file.hpp"
#include "moenda/energy/carbon.hpp"
#include "moenda/io/atomic_folder.hpp"
#include "moenda/io/tfevents.hpp"
#include "moenda/version.hpp"

#ifndef MOENDA_BUILD_FLAGS
#define MOENDA_BUILD_FLAGS ""
#endif
#ifndef MOENDA_COMMIT
#define MOENDA_COMMIT "unknown"
#endif

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

nlohmann::json read_results(fs::path const& path) {
  auto results = read_json(path);
  bool const ok = results.is_object() && results.contains("training") &&
                  results.contains("results") && results["results"].is_object() &&
                  !results["results"].empty();
  if (!ok) throw DataError(path.string() + ": the file is damaged; --force trains the run again");
  return results;
}

/// The event files of every process that worked on the run.
void remove_events(fs::path const& folder) {
  std::vector<fs::path> events;
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(io::event_file_prefix)) {
      events.push_back(entry.path());
    }
  }
  for (auto const& file : events) io::remove_tree(file);
}

}  // namespace

std::string meta_text(RunMeta const& run) {
  nlohmann::ordered_json meta;
  meta["name"] = run.title;
  meta["model"] = run.model;
  meta["parameters"] = {{"total", run.parameters}, {"active", run.active}};
  if (run.sees_later_tokens) meta["sees_later_tokens"] = true;
  meta["corpus"] = run.data;
  meta["version"] = version;
  meta["commit"] = MOENDA_COMMIT;
  meta["compiler"] = __VERSION__;
  meta["flags"] = MOENDA_BUILD_FLAGS;
  meta["cpu"] = cpu_name();
  meta["threads"] = run.threads;
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

void print_result(fs::path const& folder) {
  auto const results = read_results(folder / "results.json");
  auto const& training = results.at("training");
  auto const& of_task = results.at("results").front();
  std::cout << "run " << folder.string() << "\nresult";
  auto const print = [](std::string const& key, nlohmann::json const& value) {
    std::cout << ' ' << key << '=' << (value.is_number() ? value.dump() : "nan");
  };
  auto const print_from = [&](nlohmann::json const& from, char const* key) {
    print(key, from.is_object() ? from.value(key, nlohmann::json()) : nlohmann::json());
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

nlohmann::json read_json(fs::path const& file) {
  try {
    return nlohmann::json::parse(data::read_file(file), nullptr, false);
  } catch (DataError const&) {
    return nlohmann::json(nlohmann::json::value_t::discarded);
  }
}

void refuse_other_data(fs::path const& folder, std::string const& fingerprint) {
  auto const file = folder / "meta.json";
  auto const meta = read_json(file);
  auto const known = meta.is_object() ? meta.value("corpus", nlohmann::json()) : nlohmann::json();
  if (known == fingerprint) return;
  throw DataError(file.string() +
                  ": the data must be those that the run began with, with the hash " +
                  (known.is_string() ? known.get<std::string>() : "(none)") + ", got " +
                  fingerprint + "; train --force trains it again");
}

void remove_results(fs::path const& folder) {
  for (char const* part : {"results.json", "checkpoint", "metrics.csv", "routing.csv",
                           "routing_layers.csv", "routing.json", "tokenizer"}) {
    io::remove_tree(folder / part);
  }
  remove_events(folder);
}

}  // namespace moenda::runner
