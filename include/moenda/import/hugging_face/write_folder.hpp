// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "moenda/core/walk.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/fresh_folder.hpp"
#include "moenda/import/hugging_face/placement.hpp"
#include "moenda/import/hugging_face/write_config.hpp"
#include "moenda/weights/safetensors/reader.hpp"
#include "moenda/weights/safetensors/writer.hpp"

namespace moenda::hugging_face {

namespace detail {

/// The first name that the family has for it. Throws ConfigError where it has none.
[[nodiscard]] inline Name const& written_name(std::vector<Name> const& names, Family family,
                                              std::string const& ours) {
  auto const pattern = without_numbers(ours).pattern;
  for (auto const& name : names) {
    if (pattern == name.ours) return name;
  }
  throw ConfigError(std::string("export: a ") + name_of(family) + " has no place for the weight " +
                    io::quote(ours));
}

}  // namespace detail

/// Writes `weights`, a file with our names and shapes, as a folder that transformers loads:
/// config.json and model.safetensors in F32, and `texts` by their names, complete or not at all.
/// Biases that the family has and the file has not are 0. Throws DataError when another weight is
/// missing or of another shape, when the folder exists, or when it cannot be written.
inline void write_folder(std::filesystem::path const& folder, Description const& d,
                         io::SafetensorsFile const& weights,
                         std::map<std::string, std::string> const& texts = {}) {
  io::FreshFolder fresh(folder);
  auto const names = names_of(d.family);
  std::map<std::string, std::pair<std::vector<std::uint64_t>, std::vector<float>>> tensors;
  auto const params = Model::params<Shapes>(d.model);
  walk(params, [&](Path const& path, auto const& weight) {
    if (weight.size() == 0) return;
    auto const ours = path.str();
    auto const& name = detail::written_name(names, d.family, ours);
    std::vector<float> values(std::size_t(weight.size()));
    if (weight.kind != WeightKind::bias || weights.find(ours) != nullptr) {
      weights.read_as(ours, values.data(), values.size());
    }
    Placement placed{ours, weight.rows, weight.cols};
    placed.is_row = weight.kind == WeightKind::gain || weight.kind == WeightKind::bias;
    placed.form = name.form;
    auto& tensor = tensors[with_numbers(name.theirs, without_numbers(ours).numbers)];
    tensor.first = placed.shape();
    std::size_t size = 1;
    for (auto const length : tensor.first) size *= std::size_t(length);
    auto& all = tensor.second;
    all.resize(size);
    placed.each([&](std::size_t from, std::size_t to) { all[to] = values[from] - placed.added(); });
  });
  io::SafetensorsWriter writer;
  for (auto const& [name, tensor] : tensors) {
    writer.add(name, tensor.first, tensor.second.data());
  }
  writer.write(fresh.path() / "model.safetensors", {{"format", "pt"}});
  io::write_file_atomically(fresh.path() / "config.json", config_json(d).dump(2) + "\n");
  for (auto const& [name, text] : texts) io::write_file_atomically(fresh.path() / name, text);
  fresh.commit();
}

}  // namespace moenda::hugging_face
