// SPDX-License-Identifier: Apache-2.0
#pragma once
// Beginning with the weights of another model: to fine-tune it, or to make a mixture of a dense
// model.
#include <cctype>
#include <set>

#include "moenda/train/checkpoint.hpp"

namespace moenda {

/// What start_from found.
struct Started {
  int copied = 0;    ///< tensors with the same name
  int upcycled = 0;  ///< experts that are copies of a dense feed-forward
  int fresh = 0;     ///< not in the file, left as they were: a router
};

namespace detail {

/// "layers.0.ffn.experts.3.up" -> "layers.0.ffn.up", also with the name of a group in between.
/// Empty when it is no tensor of an expert.
[[nodiscard]] inline std::string dense_name(std::string const& name) {
  std::string const mark = ".experts.";
  auto const at = name.find(mark);
  if (at == std::string::npos) return "";
  auto rest = name.substr(at + mark.size());
  bool const names_group = !rest.empty() && std::isdigit(static_cast<unsigned char>(rest[0])) == 0;
  if (names_group) rest = rest.substr(std::min(rest.size(), rest.find('.') + 1));
  auto const dot = rest.find('.');
  return dot == std::string::npos ? "" : name.substr(0, at) + rest.substr(dot);
}

}  // namespace detail

/// Copies the weights of `path` into those of the same name. An expert that the file does not have
/// becomes a copy of the dense feed-forward of its layer: sparse upcycling, Komatsuzaki et al.
/// 2022. With combine weights that sum to 1 and nothing dropped the mixture then gives the dense
/// model's output. State and what the file does not know stay as they are. Throws DataError when a
/// shape differs, when the file has a tensor that the model has no place for, or none in common,
/// and when the file names a checksum that its weights do not have.
template <class Network>
Started start_from(Network& network, std::filesystem::path const& path) {
  network.require_plain("start_from");
  io::SafetensorsFile const file(path);
  require_saved_weights(file);
  Started started;
  std::set<std::string> used;
  OnHost values(network.values);
  walk(network.params, [&](Path const& where, auto& weight) {
    if (weight.size() == 0) return;
    auto const own = where.str();
    bool const same = file.find(own) != nullptr;
    auto const name = same ? own : detail::dense_name(own);
    auto const* info = name.empty() ? nullptr : file.find(name);
    if (info == nullptr) return void(++started.fresh);
    if (auto const shape = detail::shape_of(weight); info->shape != shape) {
      throw DataError(path.string() + ": tensor '" + name + "' must have the shape of '" + own +
                      "', [" + detail::shape_text(shape) + "], but has [" +
                      detail::shape_text(info->shape) + "]");
    }
    file.read_as(name, values.at(weight.data), std::uint64_t(weight.size()));
    used.insert(name);
    ++(same ? started.copied : started.upcycled);
  });
  values.give_back();
  for (auto const& info : file.tensors()) {
    if (used.count(info.name) == 0) {
      throw DataError(path.string() +
                      ": the model must have a place for every tensor, but has none for '" +
                      info.name + "'");
    }
  }
  return started;
}

}  // namespace moenda
