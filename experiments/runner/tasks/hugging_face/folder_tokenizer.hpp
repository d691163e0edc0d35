// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "runner/commands.hpp"

namespace moenda::runner {

bool has_hugging_face_tokenizer(std::filesystem::path const& folder);
/// The tokenizer of such a folder, for whoever continues a prompt.
struct FolderTokenizer {
  std::function<std::vector<int>(std::string const&)> encode;  ///< with the special tokens in front
  std::function<std::string(int)> next;                        ///< what the text gains by an id
  std::function<std::string()> rest;  ///< what is still held back when no more ids come
  int vocab_size = 0;
  int end_of_text = -1;  ///< -1: it has none
};
FolderTokenizer read_folder_tokenizer(std::filesystem::path const& folder);
/// moenda tokenize of such a folder.
int tokenize_with_folder(Options const& options, TokenizeOptions const& what);

}  // namespace moenda::runner
