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

namespace {

/// The ids of what a user says. Throws ConfigError where the tokenizer lacks a token of the format.
FolderTokenizer::Chat chat_of(hugging_face::Tokenizer const& tokenizer, std::string const& user,
                              hugging_face::PromptFormat format, std::string const& where) {
  auto const marks = hugging_face::marks_of(format);
  for (auto const& mark : marks) {
    if (tokenizer.find(mark)) continue;
    auto const name = hugging_face::enum_names(format)[std::size_t(format)];
    throw ConfigError(where + ": the prompt format " + name + " needs the token " +
                      io::quote(mark) + ", which this tokenizer does not have");
  }
  hugging_face::Message const message{"user", user};
  auto prompt = hugging_face::PromptWriter(format)(std::span(&message, 1));
  return {tokenizer.encode_spelled(prompt.text, {.places = std::move(prompt.said), .marks = marks}),
          tokenizer.find(marks.back()).value()};
}

}  // namespace

FolderTokenizer read_folder_tokenizer(std::filesystem::path const& folder) {
  if (!has_hugging_face_tokenizer(folder)) {
    throw DataError(folder.string() + ": a text needs a tokenizer.json, and there is none");
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
          .end_of_text = both->tokenizer.end_of_text().value_or(-1),
          .chat =
              [both, folder](std::string const& user, hugging_face::PromptFormat format) {
                return chat_of(both->tokenizer, user, format, folder.string());
              }};
}

int tokenize_with_folder(Options const& options, TokenizeOptions const& what) {
  if (!options.overrides.empty()) {
    throw ConfigError("tokenize: a Hugging Face folder has no configuration to override, got --" +
                      options.overrides.front());
  }
  auto const format = hugging_face::prompt_format(what.format);
  auto const tokenizer = hugging_face::Tokenizer::load(options.config);
  return tokenize_with(
      what,
      [&](std::string const& text) {
        if (format != hugging_face::PromptFormat::none) {
          return chat_of(tokenizer, text, format, options.config.string()).ids;
        }
        return tokenizer.encode(text, {.add_special = !what.plain, .literal = what.literal});
      },
      [&](std::vector<int> const& ids) { return tokenizer.decode(ids, what.plain); });
}

}  // namespace moenda::runner
