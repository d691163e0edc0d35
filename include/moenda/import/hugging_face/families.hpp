// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::hugging_face {

/// The `model_type`s that are read.
enum class Family {
  gpt2,
  llama,
  mistral,
  qwen2,
  qwen3,
  mixtral,
  qwen2_moe,
  qwen3_moe,
  olmoe,
  gemma
};
constexpr auto enum_names(Family) {
  return std::array{"gpt2",    "llama",     "mistral",   "qwen2", "qwen3",
                    "mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "gemma"};
}
[[nodiscard]] constexpr char const* name_of(Family family) {
  return enum_names(family)[std::size_t(family)];
}

/// " must be one of a, b, c, got 'x' (did you mean 'b'?)"
[[nodiscard]] inline std::string must_be_one_of(std::vector<std::string> const& known,
                                                std::string const& got) {
  return " must be one of " + join(known) + ", got " + io::quote(got) + did_you_mean(got, known);
}

/// The family called `model_type`. Throws DataError, with the list and the nearest name, for
/// another; `where` names the file.
[[nodiscard]] inline Family family_of(std::string const& model_type, std::string const& where) {
  constexpr auto names = enum_names(Family{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (model_type == names[i]) return Family(i);
  }
  throw DataError(where + ": 'model_type'" +
                  must_be_one_of({names.begin(), names.end()}, model_type));
}

}  // namespace moenda::hugging_face
