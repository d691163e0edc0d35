// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace moenda::hugging_face {

inline constexpr char const* tokenizer_file = "tokenizer.json";
inline constexpr char const* tokenizer_config_file = "tokenizer_config.json";

}  // namespace moenda::hugging_face
