// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the report knows of one run folder.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/io/csv.hpp"
#include "moenda/io/report_text.hpp"
#include "moenda/io/routing_csv.hpp"
#include "moenda/io/routing_json.hpp"

namespace moenda::io {

/// A generated text, and the words it was asked to continue.
struct ReportSample {
  std::string prompt;
  std::string text;
};

/// A question about a table, how it was answered, and what is right.
struct ReportQuestion {
  std::string set, question;
  std::string operation, wanted;  // the expert that acted; the true operation where it is known
  std::string columns, condition, rows, evidence, arithmetic;
  std::string answer, expected;
  bool right = false;
};

/// One run folder, read. Texts are valid UTF-8 but not yet escaped.
struct ReportRun {
  std::filesystem::path folder;
  std::string name;  // unique within a report
  std::string model;
  nlohmann::json meta;
  std::string configuration;  // config.resolved.toml
  CsvRows<MetricsRow> metrics;
  CsvRows<RoutingRow> routing;              // empty for a dense model
  CsvRows<RoutingLayerRow> routing_layers;  // the same
  RoutingAnalysis analysis;                 // what each expert takes; empty before the end
  bool finished = false;  // results.json exists; without it the maps below are empty
  std::map<std::string, std::map<std::string, double>> results;  // task -> measure -> value
  std::map<std::string, double> training;
  std::vector<ReportSample> samples;
  std::vector<ReportQuestion> questions;

  /// results.<task>.<measure>, when it was measured.
  [[nodiscard]] std::optional<double> result(std::string const& task,
                                             std::string const& measure) const {
    auto const found = results.find(task);
    if (found == results.end()) return std::nullopt;
    auto const value = found->second.find(measure);
    return value == found->second.end() ? std::nullopt : std::optional<double>(value->second);
  }
  [[nodiscard]] std::optional<double> trained(std::string const& measure) const {
    auto const value = training.find(measure);
    return value == training.end() ? std::nullopt : std::optional<double>(value->second);
  }
};

namespace detail {

inline constexpr std::uintmax_t largest_report_text = std::uintmax_t{16} << 20;

[[nodiscard]] inline std::string read_text(std::filesystem::path const& path) {
  std::ifstream file = open_file(path, largest_report_text);
  return sanitize_utf8(std::string(std::istreambuf_iterator<char>(file), {}));
}

[[nodiscard]] inline nlohmann::json read_json_object(std::filesystem::path const& path) {
  std::string const where = "report: " + sanitize_utf8(path.string());
  nlohmann::json value;
  try {
    value = nlohmann::json::parse(read_text(path));
  } catch (nlohmann::json::exception const& error) {
    std::string const why = error.what();  // "[json.exception.parse_error.101] parse error at ..."
    throw DataError(where + ": must be JSON, " + why.substr(why.find(' ') + 1));
  }
  if (!value.is_object()) {
    throw DataError(where + ": must hold an object, got " + value.type_name());
  }
  return value;
}

/// object[key] when it has the wanted kind; null and absent give nullptr, another kind DataError.
[[nodiscard]] inline nlohmann::json const* member(nlohmann::json const& object,
                                                  std::string const& key,
                                                  nlohmann::json::value_t kind,
                                                  std::filesystem::path const& file) {
  auto const found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  if (found->type() != kind) {
    throw DataError("report: " + sanitize_utf8(file.string()) + ": '" + key + "' must be of type " +
                    nlohmann::json(kind).type_name() + ", got " + found->type_name());
  }
  return &*found;
}

[[nodiscard]] inline std::string text_member(nlohmann::json const& object, std::string const& key,
                                             std::filesystem::path const& file) {
  auto const* found = member(object, key, nlohmann::json::value_t::string, file);
  return found == nullptr ? "" : found->get<std::string>();
}

[[nodiscard]] inline std::map<std::string, double> numbers_of(nlohmann::json const& object) {
  std::map<std::string, double> numbers;
  for (auto const& [key, value] : object.items()) {
    // null is how JSON writers spell NaN; other kinds (a task's alias) are no measures.
    if (value.is_number()) numbers[key] = value.get<double>();
  }
  return numbers;
}

/// object[key], a list of objects; empty where there is none.
[[nodiscard]] inline std::vector<nlohmann::json> objects_member(nlohmann::json const& object,
                                                                std::string const& key,
                                                                std::filesystem::path const& file) {
  auto const* list = member(object, key, nlohmann::json::value_t::array, file);
  if (list == nullptr) return {};
  for (auto const& item : *list) {
    if (item.is_object()) continue;
    throw DataError("report: " + sanitize_utf8(file.string()) + ": '" + key +
                    "' must hold objects, got " + item.type_name());
  }
  return {list->begin(), list->end()};
}

[[nodiscard]] inline ReportQuestion read_question(nlohmann::json const& object,
                                                  std::filesystem::path const& file) {
  auto const text = [&](char const* key) { return text_member(object, key, file); };
  auto const* right = member(object, "right", nlohmann::json::value_t::boolean, file);
  return {text("set"),    text("question"), text("operation"),
          text("wanted"), text("columns"),  text("condition"),
          text("rows"),   text("evidence"), text("arithmetic"),
          text("answer"), text("expected"), right != nullptr && right->get<bool>()};
}

inline void read_results(std::filesystem::path const& file, ReportRun& run) {
  using Kind = nlohmann::json::value_t;
  nlohmann::json const all = read_json_object(file);
  run.finished = true;
  if (auto const* results = member(all, "results", Kind::object, file)) {
    for (auto const& [task, measures] : results->items()) {
      if (measures.is_object()) run.results[task] = numbers_of(measures);
    }
  }
  if (auto const* training = member(all, "training", Kind::object, file)) {
    run.training = numbers_of(*training);
  }
  for (auto const& sample : objects_member(all, "samples", file)) {
    run.samples.push_back({text_member(sample, "prompt", file), text_member(sample, "text", file)});
  }
  for (auto const& question : objects_member(all, "questions", file)) {
    run.questions.push_back(read_question(question, file));
  }
}

[[nodiscard]] inline RoutingAnalysis read_analysis(std::filesystem::path const& file) {
  std::string const text = read_text(file);
  try {
    return parse_routing_json(text);
  } catch (DataError const& error) {
    throw DataError("report: " + sanitize_utf8(file.string()) + ": " + error.what());
  }
}

}  // namespace detail

/// Reads one run folder. DataError names the file that is missing or damaged; results.json may be
/// absent (an unfinished run) and the files on routing too (a dense model).
[[nodiscard]] inline ReportRun read_run(std::filesystem::path const& folder) {
  ReportRun run;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    throw DataError("report: the run folder " + sanitize_utf8(folder.string()) +
                    " must exist, and it does not");
  }
  run.folder = folder;
  auto const meta = folder / "meta.json";
  run.meta = detail::read_json_object(meta);
  run.name = detail::text_member(run.meta, "name", meta);
  run.model = detail::text_member(run.meta, "model", meta);
  if (run.name.empty()) run.name = sanitize_utf8(folder.filename().string());
  run.configuration = detail::read_text(folder / "config.resolved.toml");
  run.metrics = read_metrics(folder / "metrics.csv");
  if (std::filesystem::exists(folder / "routing.csv", error)) {
    run.routing = read_routing(folder / "routing.csv");
  }
  if (std::filesystem::exists(folder / "routing_layers.csv", error)) {
    run.routing_layers = read_routing_layers(folder / "routing_layers.csv");
  }
  if (std::filesystem::exists(folder / "routing.json", error)) {
    run.analysis = detail::read_analysis(folder / "routing.json");
  }
  if (std::filesystem::exists(folder / "results.json", error)) {
    detail::read_results(folder / "results.json", run);
  }
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
