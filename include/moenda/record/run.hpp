// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the report knows of one run folder.
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moenda/record/file_hashes.hpp"
#include "moenda/record/run_record.hpp"

namespace moenda::io {

/// One run folder, read whole. Texts are valid UTF-8 but not yet escaped.
struct ReportRun {
  std::filesystem::path folder;
  std::string name;  // unique within a report
  std::string model;
  std::string task;  // what it learns
  nlohmann::json meta;
  std::string configuration;  // config.resolved.toml
  CsvRows<MetricsRow> metrics;
  CsvRows<RoutingRow> routing;              // empty for a dense model
  CsvRows<RoutingLayerRow> routing_layers;  // the same
  RoutingAnalysis analysis;                 // what each expert takes; empty before the end
  bool finished = false;                    // without it `results` is empty
  std::vector<std::string> changed;         // files that are not as when the run ended
  RunResults results;

  /// What its own task measured, if it did.
  [[nodiscard]] std::optional<double> result(std::string const& measure) const {
    return results.measure(task, measure);
  }
  [[nodiscard]] std::optional<double> trained(std::string const& measure) const {
    auto const value = results.training.find(measure);
    return value == results.training.end() ? std::nullopt : std::optional<double>(value->second);
  }
};

/// Reads one run folder. DataError names the file that is missing or damaged; results.json may be
/// absent (an unfinished run) and the files on routing too (a dense model).
[[nodiscard]] inline ReportRun read_run(std::filesystem::path const& folder) {
  RunRecord const record(folder);
  record.require_folder();
  ReportRun run;
  run.folder = folder;
  run.meta = record.meta();
  auto const meta = record.file(run_files::meta);
  run.name = detail::text_member(run.meta, "name", meta);
  run.model = detail::text_member(run.meta, "model", meta);
  if (run.name.empty()) run.name = sanitize_utf8(folder.filename().string());
  run.configuration = record.configuration();
  run.task = RunRecord::task_of(run.configuration);
  run.metrics = record.metrics();
  run.routing = record.routing();
  run.routing_layers = record.routing_layers();
  run.analysis = record.analysis().value_or(RoutingAnalysis{});
  auto results = record.results();
  run.finished = results.has_value();
  run.changed = changed_files(folder);
  if (results) run.results = std::move(*results);
  return run;
}

/// Reads several run folders; runs of the same name get their folder's name (the run id) added.
[[nodiscard]] inline std::vector<ReportRun> read_runs(
    std::vector<std::filesystem::path> const& folders) {
  std::vector<ReportRun> runs;
  std::map<std::string, int> uses;
  for (auto const& folder : folders) {
    runs.push_back(read_run(folder));
    ++uses[runs.back().name];
  }
  for (auto& run : runs) {
    if (uses[run.name] < 2) continue;
    auto id = run.folder.filename();
    if (id.empty()) id = run.folder.parent_path().filename();  // "runs/name/id/"
    run.name += " (" + sanitize_utf8(id.string()) + ")";
  }
  return runs;
}

}  // namespace moenda::io
