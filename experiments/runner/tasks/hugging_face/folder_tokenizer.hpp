// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "moenda/import/hugging_face/prompt_format.hpp"
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
  /// The id that ends what the model says, with the prompt's.
  struct Chat {
    std::vector<int> ids;
    int end = -1;
  };
  /// What the user says, as the format wants it; text in it that looks like a special token is
  /// text.
  std::function<Chat(std::string const& user, hugging_face::PromptFormat format)> chat;
};
FolderTokenizer read_folder_tokenizer(std::filesystem::path const& folder);
/// moenda tokenize of such a folder.
int tokenize_with_folder(Options const& options, TokenizeOptions const& what);

}  // namespace moenda::runner
