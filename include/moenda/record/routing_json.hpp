// SPDX-License-Identifier: Apache-2.0
#pragma once
// routing.json of a run folder: what each expert takes, at the end of training.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/whole_number.hpp"
#include "moenda/files/text.hpp"
#include "moenda/probe/difficulty.hpp"
#include "moenda/probe/specialisation.hpp"
#include "moenda/record/json_file.hpp"

namespace moenda::io {

/// The routing of a text.
struct RoutingAnalysis {
  std::string text{};  // which one: "valid"
  std::int64_t tokens = 0;
  std::vector<std::string> classes{};  // names of the token classes
  std::vector<probe::Specialisation> layers{};
  std::vector<probe::ExpertsByDifficulty> difficulty{};  // of some or all of the layers
  /// Experts that came and went in training, over all layers; absent where they cannot.
  std::optional<std::int64_t> experts_added{}, experts_removed{};
  /// [layer][expert][i] the bytes of the typical tokens, as UTF-8.
  std::vector<std::vector<std::vector<std::string>>> words{};
};

namespace detail {

using Counts = std::vector<std::int64_t>;

/// Row `row` of a table with `cols` columns.
[[nodiscard]] inline Counts row_of(Counts const& table, std::size_t row, std::size_t cols) {
  auto const begin = table.begin() + std::ptrdiff_t(row * cols);
  return {begin, begin + std::ptrdiff_t(cols)};
}

[[nodiscard]] inline nlohmann::ordered_json layer_json(
    probe::Specialisation const& layer, std::size_t num_classes,
    std::function<std::string(int)> const& text_of) {
  auto const experts = std::size_t(layer.num_experts);
  nlohmann::ordered_json json{{"layer", layer.layer},
                              {"tokens", layer.tokens},
                              {"token_information", layer.token_information},
                              {"class_information", layer.class_information},
                              {"token_explains", layer.token_explains},
                              {"class_explains", layer.class_explains}};
  for (std::size_t e = 0; e < experts; ++e) {
    nlohmann::ordered_json expert{{"tokens_per_expert", layer.tokens_per_expert[e]}};
    if (!layer.coactivation.empty()) {
      expert["coactivation"] = row_of(layer.coactivation, e, experts);
    }
    expert["classes"] = row_of(layer.classes, e, num_classes);
    for (auto const& token : layer.typical[e]) {
      expert["typical"].push_back({{"token", token.token},
                                   {"text", sanitize_utf8(text_of(token.token))},
                                   {"count", token.count},
                                   {"share", token.share}});
    }
    json["experts"].push_back(std::move(expert));
  }
  return json;
}

/// Adds what is known of the layer's easy and hard tokens.
inline void add_difficulty(nlohmann::ordered_json& json, RoutingAnalysis const& analysis) {
  for (auto const& layer : analysis.difficulty) {
    if (layer.layer != json.at("layer").get<int>()) continue;
    json["experts_by_loss"] = layer.by_loss;
    json["experts_by_rarity"] = layer.by_rarity;
  }
}

template <class Integer>
[[nodiscard]] Integer whole(nlohmann::json const& object, char const* key) {
  return data::whole_number<Integer>(object.at(key), key);
}

/// Appends a row of exactly `cols` counts.
inline void append_row(Counts& table, nlohmann::json const& json, std::size_t cols) {
  if (!json.is_array())
    throw DataError(std::string("a row must be a list, got ") + json.type_name());
  if (json.size() != cols) {
    throw DataError("a row must have " + std::to_string(cols) + " counts, got " +
                    std::to_string(json.size()));
  }
  for (auto const& value : json) {
    auto const count = data::whole_number<std::int64_t>(value, "a count");
    if (count < 0) throw DataError("counts must not be negative, got " + std::to_string(count));
    table.push_back(count);
  }
}

inline void read_difficulty(nlohmann::json const& json, RoutingAnalysis& analysis) {
  if (!json.contains("experts_by_loss")) return;
  auto const quarters = [&](char const* key) {
    std::array<double, probe::ExpertsByDifficulty::quarters> means{};
    auto const list = json.at(key).get<std::vector<double>>();
    if (list.size() != means.size()) {
      throw DataError(std::string(key) + " must have " + std::to_string(means.size()) +
                      " numbers, got " + std::to_string(list.size()));
    }
    std::copy(list.begin(), list.end(), means.begin());
    return means;
  };
  analysis.difficulty.push_back(
      {whole<int>(json, "layer"), quarters("experts_by_loss"), quarters("experts_by_rarity")});
}

inline void read_layer(nlohmann::json const& json, RoutingAnalysis& analysis) {
  auto& layer = analysis.layers.emplace_back();
  auto& words = analysis.words.emplace_back();
  auto const& experts = json.at("experts");
  if (!experts.is_array()) throw DataError("experts must be a list");
  layer.layer = whole<int>(json, "layer");
  layer.num_experts = int(experts.size());
  layer.tokens = whole<std::int64_t>(json, "tokens");
  layer.token_information = json.at("token_information").get<double>();
  layer.class_information = json.at("class_information").get<double>();
  layer.token_explains = json.at("token_explains").get<double>();
  layer.class_explains = json.at("class_explains").get<double>();
  for (auto const& expert : experts) {
    layer.tokens_per_expert.push_back(whole<std::int64_t>(expert, "tokens_per_expert"));
    if (expert.contains("coactivation")) {
      append_row(layer.coactivation, expert.at("coactivation"), experts.size());
    }
    append_row(layer.classes, expert.at("classes"), analysis.classes.size());
    auto& typical = layer.typical.emplace_back();
    auto& spelled = words.emplace_back();
    if (!expert.contains("typical")) continue;
    for (auto const& token : expert.at("typical")) {
      typical.push_back({whole<int>(token, "token"), whole<std::int64_t>(token, "count"),
                         token.at("share").get<double>()});
      spelled.push_back(token.at("text").get<std::string>());
    }
  }
  if (!layer.coactivation.empty() && layer.coactivation.size() != experts.size() * experts.size()) {
    throw DataError("all experts of a layer must have coactivation, or none");
  }
}

}  // namespace detail

/// The text of routing.json. `text_of` gives the bytes of a token. Where the text would have more
/// than `most` bytes, it has no typical tokens.
[[nodiscard]] inline std::string routing_json(RoutingAnalysis const& analysis,
                                              std::function<std::string(int)> const& text_of,
                                              std::size_t most = largest_text_bytes) {
  nlohmann::ordered_json json{
      {"text", analysis.text}, {"tokens", analysis.tokens}, {"classes", analysis.classes}};
  json["layers"] = nlohmann::ordered_json::array();
  for (auto const& layer : analysis.layers) {
    json["layers"].push_back(detail::layer_json(layer, analysis.classes.size(), text_of));
    detail::add_difficulty(json["layers"].back(), analysis);
  }
  if (analysis.experts_added) json["experts_added"] = *analysis.experts_added;
  if (analysis.experts_removed) json["experts_removed"] = *analysis.experts_removed;
  auto text = json.dump() + "\n";
  if (text.size() <= most) return text;
  for (auto& layer : json["layers"]) {
    for (auto& expert : layer["experts"]) expert.erase("typical");
  }
  return json.dump() + "\n";
}

/// Reads what routing_json wrote. DataError says what must hold.
[[nodiscard]] inline RoutingAnalysis parse_routing_json(std::string const& text) {
  try {
    auto const json = nlohmann::json::parse(text);
    RoutingAnalysis analysis{.text = json.at("text").get<std::string>(),
                             .tokens = detail::whole<std::int64_t>(json, "tokens"),
                             .classes = json.at("classes").get<std::vector<std::string>>()};
    for (auto const& layer : json.at("layers")) {
      detail::read_layer(layer, analysis);
      detail::read_difficulty(layer, analysis);
    }
    auto const count = [&](char const* key) -> std::optional<std::int64_t> {
      if (!json.contains(key)) return std::nullopt;
      return detail::whole<std::int64_t>(json, key);
    };
    analysis.experts_added = count("experts_added");
    analysis.experts_removed = count("experts_removed");
    return analysis;
  } catch (nlohmann::json::exception const& error) {
    throw DataError(std::string("must be the JSON of a routing analysis: ") + reason_of(error));
  }
}

}  // namespace moenda::io
