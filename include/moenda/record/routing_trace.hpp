// SPDX-License-Identifier: Apache-2.0
#pragma once
// A routing trace as a safetensors file, so that any language reads it: `tokens` [rows], and for
// every mixture m `mixtures.m.item_begin` [items + 1], `mixtures.m.experts` and
// `mixtures.m.weights` [choices]; its layer and its number of experts stand in the metadata under
// `mixtures.m.layer` and `mixtures.m.num_experts`.
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/probe/trace.hpp"
#include "moenda/weights/safetensors/safetensors.hpp"

namespace moenda::io {

namespace detail {

[[nodiscard]] inline std::string mixture_prefix(int mixture) {
  return "mixtures." + std::to_string(mixture) + ".";
}

[[nodiscard]] inline std::vector<std::int32_t> read_integers(SafetensorsFile const& file,
                                                             std::string const& name) {
  if (file.tensor(name).dtype != Dtype::I32) {
    throw DataError(file.path().string() + ": tensor '" + name + "' must have dtype I32");
  }
  auto const bytes = file.bytes(name);
  std::vector<std::int32_t> values(bytes.size() / sizeof(std::int32_t));
  if (values.empty()) return values;  // no address to copy from or to
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(std::int32_t));
  return values;
}

/// Throws DataError unless every index of the mixture lies where it must.
inline void check_mixture(probe::RoutingTrace::Mixture const& mixture, std::string const& where) {
  auto const expect = [&](bool holds, char const* must) {
    if (!holds) throw DataError(where + must);
  };
  auto const& begin = mixture.item_begin;
  expect(!begin.empty() && begin.front() == 0 && std::is_sorted(begin.begin(), begin.end()) &&
             std::size_t(begin.back()) == mixture.experts.size(),
         "item_begin must rise from 0 to the number of choices");
  for (auto const expert : mixture.experts) {
    expect(expert >= 0 && expert < mixture.num_experts, "experts must lie below num_experts");
  }
}

}  // namespace detail

/// Replaces `path` completely or not at all.
inline void write_routing_trace(probe::RoutingTrace const& trace,
                                std::filesystem::path const& path) {
  SafetensorsWriter file;
  std::map<std::string, std::string> metadata{{"format", "moenda routing trace 2"}};
  file.add("tokens", Dtype::I32, {trace.tokens.size()}, trace.tokens.data());
  for (auto const& [number, mixture] : trace.mixtures) {
    auto const prefix = detail::mixture_prefix(number);
    metadata[prefix + "layer"] = std::to_string(mixture.layer);
    metadata[prefix + "num_experts"] = std::to_string(mixture.num_experts);
    file.add(prefix + "item_begin", Dtype::I32, {mixture.item_begin.size()},
             mixture.item_begin.data());
    file.add(prefix + "experts", Dtype::I32, {mixture.experts.size()}, mixture.experts.data());
    file.add(prefix + "weights", {mixture.weights.size()}, mixture.weights.data());
  }
  file.write(path, metadata);
}

/// Throws DataError naming the file and what is wrong in it.
[[nodiscard]] inline probe::RoutingTrace read_routing_trace(std::filesystem::path const& path) {
  SafetensorsFile const file(path);
  probe::RoutingTrace trace;
  trace.tokens = detail::read_integers(file, "tokens");
  auto const number_in = [](std::string const& text, std::size_t from, int& number) {
    auto const* const end = text.data() + text.size();
    return std::string(std::from_chars(text.data() + from, end, number).ptr, end);
  };
  auto const& metadata = file.metadata();
  for (auto const& [key, text] : metadata) {
    int number = -1;
    if (!key.starts_with("mixtures.") || number_in(key, 9, number) != ".num_experts") continue;
    if (number < 0) continue;
    auto const prefix = detail::mixture_prefix(number);
    auto& mixture = trace.mixtures[number];
    number_in(text, 0, mixture.num_experts);
    if (auto const layer = metadata.find(prefix + "layer"); layer != metadata.end()) {
      number_in(layer->second, 0, mixture.layer);
    }
    mixture.item_begin = detail::read_integers(file, prefix + "item_begin");
    mixture.experts = detail::read_integers(file, prefix + "experts");
    mixture.weights.resize(mixture.experts.size());
    file.read_as(prefix + "weights", mixture.weights.data(), mixture.weights.size());
    detail::check_mixture(mixture, path.string() + ": " + prefix);
  }
  return trace;
}

}  // namespace moenda::io
