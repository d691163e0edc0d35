// SPDX-License-Identifier: Apache-2.0
// The tokenizers of Hugging Face folders: the one place of the runner that needs PCRE2 and
// utf8proc.
#include "runner/tasks/hugging_face/folder_tokenizer.hpp"

#include <memory>

#include "moenda/files/own_files.hpp"
#include "moenda/import/hugging_face/tokenizer/text_stream.hpp"
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"
#include "runner/run/tokenize.hpp"

namespace moenda::runner {

bool has_hugging_face_tokenizer(std::filesystem::path const& folder) {
  return io::is_there(folder / hugging_face::tokenizer_file);
}

FolderTokenizer read_folder_tokenizer(std::filesystem::path const& folder) {
  if (!has_hugging_face_tokenizer(folder)) {
    throw DataError(folder.string() + ": a prompt needs a tokenizer.json, and there is none");
  }
  struct Both {
    explicit Both(hugging_face::Tokenizer&& of) : tokenizer(std::move(of)), stream(tokenizer) {}
    hugging_face::Tokenizer tokenizer;
    hugging_face::TextStream stream;
  };
  auto const both = std::make_shared<Both>(hugging_face::Tokenizer::load(folder));
  return {.encode = [both](std::string const& text) { return both->tokenizer.encode(text); },
          .next = [both](int id) { return both->stream.next(id); },
          .rest = [both] { return both->stream.rest(); },
          .vocab_size = both->tokenizer.vocab_size(),
          .end_of_text = both->tokenizer.end_of_text().value_or(-1)};
}

int tokenize_with_folder(Options const& options, TokenizeOptions const& what) {
  if (!options.overrides.empty()) {
    throw ConfigError("tokenize: a Hugging Face folder has no configuration to override, got --" +
                      options.overrides.front());
  }
  auto const tokenizer = hugging_face::Tokenizer::load(options.config);
  return tokenize_with(
      what,
      [&](std::string const& text) {
        return tokenizer.encode(text, {.add_special = !what.plain, .literal = what.literal});
      },
      [&](std::vector<int> const& ids) { return tokenizer.decode(ids, what.plain); });
}

}  // namespace moenda::runner
