// SPDX-License-Identifier: Apache-2.0
#pragma once
// A converted folder: the config and tokenizer of a folder that transformers saved, and beside them
// its weights as we keep them, so that a model starts as quickly as its file is read.
#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "moenda/files/atomic_file.hpp"
#include "moenda/files/fresh_folder.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/import/hugging_face/load.hpp"
#include "moenda/weights/stored_file.hpp"
#include "moenda/weights/write_stored_file.hpp"

namespace moenda::hugging_face {

inline constexpr char const* converted_weights = "weights.safetensors";

/// Whether a folder is a converted one. Throws DataError when it has both kinds of weights.
[[nodiscard]] inline bool is_converted(std::filesystem::path const& folder) {
  if (!io::is_there(folder / converted_weights)) return false;
  for (auto const* other : {Checkpoint::single, Checkpoint::index}) {
    if (io::is_there(folder / other)) {
      throw DataError(folder.string() + ": must not have both " + other + " and " +
                      converted_weights + ": which of them is the model?");
    }
  }
  return true;
}
/// A hash of the config: weights mean nothing with another one.
[[nodiscard]] inline std::string hash_of_config(std::filesystem::path const& folder) {
  return data::ContentHash().add(data::read_file(folder / "config.json")).hex();
}

/// Writes the checkpoint that `plan` and `of` are of to the folder `to`, complete or not at all,
/// tensor by tensor: only a few times the largest weight is in memory. `progress` sees how many
/// numbers of how many are written. Throws ConfigError when a pattern of `wished` matches no
/// weight, DataError when the folder exists, cannot be written, or a number is not finite.
inline void convert(Checkpoint const& checkpoint, Description const& of, Plan const& plan,
                    Formats const& wished, std::filesystem::path const& to, ThreadPool& pool,
                    std::function<void(std::int64_t, std::int64_t)> const& progress = {}) {
  constexpr std::array copied{"config.json",
                              "tokenizer.json",
                              "tokenizer_config.json",
                              "special_tokens_map.json",
                              "generation_config.json",
                              "chat_template.jinja"};
  auto const params = Model::params<Shapes>(of.model);
  auto const formats = plan.formats(wished, params, "convert");
  io::FreshFolder fresh(to);
  for (auto const* name : copied) {
    if (!io::is_there(checkpoint.folder() / name)) continue;
    io::write_file_atomically(fresh.path() / name, data::read_file(checkpoint.folder() / name));
  }
  std::vector<float> buffer;
  std::int64_t done = 0;
  auto const all = std::int64_t(count(params));
  auto const fill_one = [&](std::size_t index, WeightPlace<float> const& place) {
    fill(plan.sources()[index], place, buffer, pool);
    done += place.size();
    if (progress) progress(done, all);
  };
  write_stored_file(fresh.path() / converted_weights, params, formats, hash_of_config(fresh.path()),
                    fill_one);
  fresh.commit();
}

}  // namespace moenda::hugging_face
