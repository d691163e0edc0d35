// SPDX-License-Identifier: Apache-2.0
#pragma once
// A routing trace as a safetensors file, so that any language reads it: `tokens` [rows], and for
// every layer l `layers.l.item_begin` [items + 1], `layers.l.experts` and `layers.l.weights`
// [choices]; the number of experts stands in the metadata under `layers.l.num_experts`.
#include <charconv>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/io/safetensors.hpp"
#include "moenda/probe/trace.hpp"

namespace moenda::io {

namespace detail {

[[nodiscard]] inline std::string layer_prefix(int layer) {
  return "layers." + std::to_string(layer) + ".";
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

/// Throws DataError unless every index of the layer lies where it must.
inline void check_layer(probe::RoutingTrace::Layer const& layer, std::string const& where) {
  auto const expect = [&](bool holds, char const* must) {
    if (!holds) throw DataError(where + must);
  };
  expect(!layer.item_begin.empty() && layer.item_begin.front() == 0 &&
             std::is_sorted(layer.item_begin.begin(), layer.item_begin.end()) &&
             std::size_t(layer.item_begin.back()) == layer.experts.size(),
         "item_begin must rise from 0 to the number of choices");
  for (auto const expert : layer.experts) {
    expect(expert >= 0 && expert < layer.num_experts, "experts must lie below num_experts");
  }
}

}  // namespace detail

/// Replaces `path` completely or not at all.
inline void write_routing_trace(probe::RoutingTrace const& trace,
                                std::filesystem::path const& path) {
  SafetensorsWriter file;
  std::map<std::string, std::string> metadata{{"format", "moenda routing trace 1"}};
  file.add("tokens", Dtype::I32, {trace.tokens.size()}, trace.tokens.data());
  for (auto const& [number, layer] : trace.layers) {
    auto const prefix = detail::layer_prefix(number);
    metadata[prefix + "num_experts"] = std::to_string(layer.num_experts);
    file.add(prefix + "item_begin", Dtype::I32, {layer.item_begin.size()}, layer.item_begin.data());
    file.add(prefix + "experts", Dtype::I32, {layer.experts.size()}, layer.experts.data());
    file.add(prefix + "weights", {layer.weights.size()}, layer.weights.data());
  }
  file.write(path, metadata);
}

/// Throws DataError naming the file and what is wrong in it.
[[nodiscard]] inline probe::RoutingTrace read_routing_trace(std::filesystem::path const& path) {
  SafetensorsFile const file(path);
  probe::RoutingTrace trace;
  trace.tokens = detail::read_integers(file, "tokens");
  for (auto const& [key, text] : file.metadata()) {
    int number = -1, num_experts = 0;
    auto const* const end = key.data() + key.size();
    if (!key.starts_with("layers.")) continue;
    auto const read = std::from_chars(key.data() + 7, end, number);
    if (number < 0 || std::string(read.ptr, end) != ".num_experts") continue;
    std::from_chars(text.data(), text.data() + text.size(), num_experts);
    auto const prefix = detail::layer_prefix(number);
    auto& layer = trace.layers[number];
    layer.num_experts = num_experts;
    layer.item_begin = detail::read_integers(file, prefix + "item_begin");
    layer.experts = detail::read_integers(file, prefix + "experts");
    layer.weights.resize(layer.experts.size());
    file.read_as(prefix + "weights", layer.weights.data(), layer.weights.size());
    detail::check_layer(layer, path.string() + ": " + prefix);
  }
  return trace;
}

}  // namespace moenda::io
