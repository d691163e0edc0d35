// SPDX-License-Identifier: Apache-2.0
// moenda tokenize of a Hugging Face folder: the one place of the runner that needs PCRE2 and
// utf8proc.
#include "runner/commands/tokenize.hpp"

#include "moenda/files/own_files.hpp"
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"
#include "runner/run/tokenize.hpp"

namespace moenda::runner {

bool has_hugging_face_tokenizer(std::filesystem::path const& folder) {
  return io::is_there(folder / hugging_face::tokenizer_file);
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
