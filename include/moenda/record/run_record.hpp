// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one reader of a run's folder. Every file is read when it is asked for, and every error names
// the file and the place in it.
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/run_files.hpp"
#include "moenda/files/text.hpp"
#include "moenda/record/csv.hpp"
#include "moenda/record/json_file.hpp"
#include "moenda/record/routing_csv.hpp"
#include "moenda/record/routing_json.hpp"

namespace moenda::io {

/// A generated text, and the words it was asked to continue.
struct RunSample {
  std::string prompt;
  std::string text;
};

/// A question about a table, how it was answered, and what is right.
struct RunQuestion {
  std::string set, question;
  std::string operation, wanted;  // the expert that acted; the true operation where it is known
  std::string columns, condition, rows, evidence, arithmetic;
  std::string answer, expected;
  bool right = false;
};

/// results.json. Texts are valid UTF-8.
struct RunResults {
  using Numbers = std::map<std::string, double>;

  std::filesystem::path file;
  nlohmann::json json;                   ///< all of it
  std::map<std::string, Numbers> tasks;  ///< results.<task>.<measure>
  Numbers training, energy;
  std::string energy_source;  ///< how joules were counted; "" where they were not
  std::string evaluation;     ///< names the way in which it was measured; "" where nobody said
  std::vector<RunSample> samples;
  std::vector<RunQuestion> questions;

  /// results.<task>.<measure>, when it was measured.
  [[nodiscard]] std::optional<double> measure(std::string const& task,
                                              std::string const& name) const {
    auto const found = tasks.find(task);
    if (found == tasks.end()) return std::nullopt;
    auto const value = found->second.find(name);
    return value == found->second.end() ? std::nullopt : std::optional<double>(value->second);
  }
  /// Every number under one name. What `own`, the task of the run, measured keeps its name
  /// ("accuracy"), as do training and energy; what stands beside it, as another task or set, is
  /// named by both ("hellaswag.accuracy"). DataError where two numbers would have one name.
  [[nodiscard]] Numbers all_numbers(std::string const& own) const {
    Numbers all;
    auto const add = [&](std::string const& before, Numbers const& numbers) {
      for (auto const& [name, value] : numbers) {
        if (all.emplace(before + name, value).second) continue;
        throw DataError(sanitize_utf8(file.string()) + ": two numbers are named '" + before + name +
                        "'; names must differ over results." + own + ", training and energy");
      }
    };
    for (auto const& [task, numbers] : tasks) add(task == own ? "" : task + ".", numbers);
    add("", training);
    add("", energy);
    return all;
  }
};

namespace detail {

[[nodiscard]] inline RunQuestion read_question(nlohmann::json const& object,
                                               std::filesystem::path const& file) {
  auto const text = [&](char const* key) { return text_member(object, key, file); };
  auto const* right = member(object, "right", nlohmann::json::value_t::boolean, file);
  return {text("set"),    text("question"), text("operation"),
          text("wanted"), text("columns"),  text("condition"),
          text("rows"),   text("evidence"), text("arithmetic"),
          text("answer"), text("expected"), right != nullptr && right->get<bool>()};
}

[[nodiscard]] inline RunResults read_results(std::filesystem::path const& file) {
  using Kind = nlohmann::json::value_t;
  RunResults results;
  results.file = file;
  results.json = read_json_file(file);
  auto const& all = results.json;
  if (auto const* tasks = member(all, "results", Kind::object, file)) {
    for (auto const& [task, measures] : tasks->items()) {
      if (measures.is_object()) results.tasks[task] = numbers_of(measures);
    }
  }
  if (auto const* training = member(all, "training", Kind::object, file)) {
    results.training = numbers_of(*training);
  }
  if (auto const* energy = member(all, "energy", Kind::object, file)) {
    results.energy = numbers_of(*energy);
    results.energy_source = text_member(*energy, "source", file);
  }
  results.evaluation = text_member(all, "evaluation", file);
  for (auto const& sample : objects_member(all, "samples", file)) {
    results.samples.push_back(
        {text_member(sample, "prompt", file), text_member(sample, "text", file)});
  }
  for (auto const& question : objects_member(all, "questions", file)) {
    results.questions.push_back(read_question(question, file));
  }
  return results;
}

}  // namespace detail

class RunRecord {
 public:
  /// Throws DataError when `folder` is a link.
  explicit RunRecord(std::filesystem::path folder) : folder_(std::move(folder)) {
    require_own_folder(folder_);
  }

  [[nodiscard]] std::filesystem::path const& folder() const { return folder_; }
  /// Where the file or folder `name` of run_files stands, whether or not it is present.
  [[nodiscard]] std::filesystem::path file(char const* name) const { return folder_ / name; }
  [[nodiscard]] bool has(char const* name) const { return is_there(file(name)); }
  /// True when results.json has been written, which is the last thing a run does.
  [[nodiscard]] bool finished() const { return has(run_files::results); }

  /// Throws DataError unless the folder is present.
  void require_folder() const {
    std::error_code error;
    if (std::filesystem::is_directory(folder_, error)) return;
    throw DataError("the run folder " + sanitize_utf8(folder_.string()) +
                    " must exist, and it does not");
  }
  /// The text of config.resolved.toml. io::load_toml(file(run_files::configuration)) gives it as a
  /// table.
  [[nodiscard]] std::string configuration() const {
    return read_text_file(file(run_files::configuration));
  }
  /// The key `task` of `configuration`, which is written before the first table.
  [[nodiscard]] static std::string task_of(std::string_view configuration) {
    constexpr std::string_view key = "task = \"";
    for (std::size_t begin = 0; begin < configuration.size();) {
      auto const line = configuration.substr(begin, configuration.find('\n', begin) - begin);
      if (line.starts_with('[')) break;
      if (line.starts_with(key)) {
        return std::string(line.substr(key.size(), line.find('"', key.size()) - key.size()));
      }
      begin += line.size() + 1;
    }
    return "language_modeling";
  }
  /// What the run learns.
  [[nodiscard]] std::string task() const { return task_of(configuration()); }

  [[nodiscard]] nlohmann::json meta() const { return read_json_file(file(run_files::meta)); }
  /// The hash of the data that the run learns from; "" where meta.json does not say it.
  [[nodiscard]] std::string data_hash() const {
    return detail::text_member(meta(), "corpus", file(run_files::meta));
  }
  /// The hash of the weights that the run began with; "" where meta.json does not say it.
  [[nodiscard]] std::string first_weights() const {
    return detail::text_member(meta(), "first_weights", file(run_files::meta));
  }
  [[nodiscard]] CsvRows<MetricsRow> metrics() const {
    return read_metrics(file(run_files::metrics));
  }
  /// Without rows where the model routes nothing; not every step of a long file.
  [[nodiscard]] CsvRows<RoutingRow> routing() const {
    if (!has(run_files::routing)) return {};
    return read_routing(file(run_files::routing));
  }
  /// Without rows where the model routes nothing.
  [[nodiscard]] CsvRows<RoutingLayerRow> routing_layers() const {
    if (!has(run_files::routing_layers)) return {};
    return read_routing_layers(file(run_files::routing_layers));
  }
  /// What each expert takes in the end; nothing where routing.json is not present.
  [[nodiscard]] std::optional<RoutingAnalysis> analysis() const {
    if (!has(run_files::analysis)) return std::nullopt;
    auto const path = file(run_files::analysis);
    std::string const text = read_text_file(path);
    try {
      return parse_routing_json(text);
    } catch (DataError const& error) {
      throw DataError(sanitize_utf8(path.string()) + ": " + error.what());
    }
  }
  /// Nothing while the run is not finished.
  [[nodiscard]] std::optional<RunResults> results() const {
    if (!finished()) return std::nullopt;
    return detail::read_results(file(run_files::results));
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace moenda::io
