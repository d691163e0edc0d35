// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a sweep found, read from its sweep.json.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moenda/record/json_file.hpp"
#include "moenda/statistics/paired.hpp"

namespace moenda::io {

/// One run of an arm. Without results `measures` is empty, and `failure` says why if that is known.
struct SweepRun {
  std::uint64_t seed = 0;
  std::string id;
  std::string failure;
  std::map<std::string, double> measures;
};

/// One set-up; its runs differ in the seed alone.
struct SweepArm {
  std::string title;
  double parameters = 0, active_parameters = 0, flops_per_token = 0;
  std::vector<SweepRun> runs;
  std::optional<statistics::Comparison> comparison;  // with the baseline, over seeds of both

  /// Values of a measure over the runs that have it.
  [[nodiscard]] std::vector<double> values(std::string const& measure) const {
    std::vector<double> values;
    for (auto const& run : runs) {
      auto const found = run.measures.find(measure);
      if (found != run.measures.end() && std::isfinite(found->second)) {
        values.push_back(found->second);
      }
    }
    return values;
  }
  [[nodiscard]] std::optional<double> mean(std::string const& measure) const {
    auto const all = values(measure);
    return all.empty() ? std::nullopt : std::optional<double>(statistics::mean(all));
  }
};

struct SweepResults {
  std::string name, measure;
  double margin = 0, confidence = 0.95;
  std::size_t baseline = 0;   // an index into arms
  std::string energy_source;  // how joules were counted
  std::vector<SweepArm> arms;
};

namespace detail {

/// [low, high]; null where nothing is known of it.
[[nodiscard]] inline statistics::Interval interval_member(nlohmann::json const& object,
                                                          std::string const& key,
                                                          std::filesystem::path const& file) {
  double const infinity = std::numeric_limits<double>::infinity();
  auto const* list = member(object, key, nlohmann::json::value_t::array, file);
  if (list == nullptr) return {-infinity, infinity};
  if (list->size() != 2 || !list->at(0).is_number() || !list->at(1).is_number()) {
    throw DataError(sanitize_utf8(file.string()) + ": '" + key + "' must be two numbers, got " +
                    shorten(list->dump(), 60));
  }
  return {list->at(0).get<double>(), list->at(1).get<double>()};
}

[[nodiscard]] inline statistics::Comparison read_comparison(nlohmann::json const& from,
                                                            std::filesystem::path const& file) {
  using statistics::Verdict;
  statistics::Comparison to;
  double const pairs = number_member(from, "pairs", 0, file);
  to.pairs = int(std::clamp(pairs, 0.0, 1e9));
  to.difference = number_member(from, "difference", 0, file);
  to.interval = interval_member(from, "interval", file);
  to.bootstrap = interval_member(from, "bootstrap", file);
  to.p_different = number_member(from, "p_different", 1, file);
  to.p_equivalent = number_member(from, "p_equivalent", 1, file);
  auto const names = enum_names(Verdict{});
  auto const word = text_member(from, "verdict", file);
  auto const found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) {
    throw DataError(sanitize_utf8(file.string()) +
                    ": 'verdict' must be one of: lower, higher, equivalent, no difference shown; "
                    "got '" +
                    shorten(word, 60) + "'");
  }
  to.verdict = Verdict(found - names.begin());
  return to;
}

[[nodiscard]] inline SweepArm read_arm(nlohmann::json const& from,
                                       std::filesystem::path const& file) {
  SweepArm arm;
  arm.title = text_member(from, "title", file);
  arm.parameters = number_member(from, "parameters", 0, file);
  arm.active_parameters = number_member(from, "active_parameters", 0, file);
  arm.flops_per_token = number_member(from, "flops_per_token", 0, file);
  for (auto const& entry : objects_member(from, "runs", file)) {
    SweepRun run;
    double const seed = number_member(entry, "seed", 0, file);
    if (seed >= 0 && seed < 9e15) run.seed = std::uint64_t(seed);
    run.id = text_member(entry, "id", file);
    run.failure = text_member(entry, "failure", file);
    if (auto const* found = member(entry, "measures", nlohmann::json::value_t::object, file)) {
      run.measures = numbers_of(*found);
    }
    arm.runs.push_back(std::move(run));
  }
  if (auto const* found = member(from, "comparison", nlohmann::json::value_t::object, file)) {
    arm.comparison = read_comparison(*found, file);
  }
  return arm;
}

}  // namespace detail

/// Reads a sweep.json. DataError names the file and what is wrong in it.
[[nodiscard]] inline SweepResults read_sweep(std::filesystem::path const& file) {
  auto const all = read_json_file(file);
  SweepResults sweep;
  sweep.name = detail::text_member(all, "name", file);
  sweep.measure = detail::text_member(all, "measure", file);
  sweep.margin = detail::number_member(all, "margin", 0, file);
  sweep.confidence = detail::number_member(all, "confidence", 0.95, file);
  sweep.energy_source = detail::text_member(all, "energy_source", file);
  for (auto const& arm : detail::objects_member(all, "arms", file)) {
    sweep.arms.push_back(detail::read_arm(arm, file));
  }
  auto const where = sanitize_utf8(file.string()) + ": ";
  if (sweep.arms.empty()) throw DataError(where + "'arms' must hold at least one arm, got 0");
  if (!(sweep.confidence > 0 && sweep.confidence < 1)) {
    throw DataError(where + "'confidence' must lie between 0 and 1, got " +
                    format_general(sweep.confidence, 6));
  }
  auto const title = detail::text_member(all, "baseline", file);
  auto const found = std::find_if(sweep.arms.begin(), sweep.arms.end(),
                                  [&](SweepArm const& arm) { return arm.title == title; });
  if (found == sweep.arms.end()) {
    throw DataError(where + "'baseline' must be the title of an arm, got '" + shorten(title, 60) +
                    "'");
  }
  sweep.baseline = std::size_t(found - sweep.arms.begin());
  if (sweep.name.empty()) {
    sweep.name = sanitize_utf8(file.parent_path().filename().string());
  }
  return sweep;
}

}  // namespace moenda::io
