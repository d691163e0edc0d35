// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "runner/commands.hpp"

namespace moenda::runner {

bool has_hugging_face_tokenizer(std::filesystem::path const& folder);
/// moenda tokenize of such a folder.
int tokenize_with_folder(Options const& options, TokenizeOptions const& what);

}  // namespace moenda::runner
