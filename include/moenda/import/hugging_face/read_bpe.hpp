// SPDX-License-Identifier: Apache-2.0
#pragma once
// The other direction of write_tokenizer.hpp: tokenizer files with which a run can be trained.
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "moenda/data/tokenizer/bpe_files.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/import/hugging_face/json_document.hpp"
#include "moenda/import/hugging_face/tokenizer/file_names.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"

namespace moenda::hugging_face {

namespace detail {

/// Throws DataError unless the text is cut as GPT-2 cuts it, or not at all where nothing is merged.
inline void require_form_of_gpt2(JsonPart const& all) {
  if (auto const normalizer = all.find("normalizer")) normalizer->fail("must be null");
  auto const cut = all.at("pre_tokenizer");
  (void)cut.at("type").choice({"ByteLevel"});
  auto const expect = [](JsonPart const& part, char const* name, bool otherwise, bool wanted) {
    if (part.boolean_or(name, otherwise) == wanted) return;
    part.fail(std::string("must have '") + name + "' " + (wanted ? "true" : "false"));
  };
  auto const model = all.at("model");
  if (auto const type = model.find("type")) (void)type->choice({"BPE"});
  expect(cut, "add_prefix_space", true, false);
  if (model.at("merges").size() > 0) expect(cut, "use_regex", true, true);
  expect(model, "byte_fallback", false, false);
  expect(model, "ignore_merges", false, false);
  for (char const* const name :
       {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    auto const part = model.find(name);
    if (part && !(part->is_string() && part->string().empty())) part->refuse("must be null");
  }
  auto const added = all.find("added_tokens");
  for (std::size_t i = 0; added && i < added->size(); ++i) {
    auto const token = (*added)[i];
    expect(token, "special", false, true);
    auto const content = token.at("content");
    if (!model.at("vocab").value().contains(content.string())) {
      content.refuse("must stand in model.vocab");
    }
  }
}

}  // namespace detail

/// The encoding of a tokenizer.json that has the form of GPT-2's, such as tokenizer_json() writes.
/// `where` names the file in messages. Throws DataError, with the key, for another form, and for a
/// vocabulary that data::Bpe refuses.
[[nodiscard]] inline data::Bpe bpe_of(std::string_view text, std::string const& where) {
  auto const document = parse_json_document(text, where);
  JsonPart const all(document, where);
  detail::require_form_of_gpt2(all);
  auto const model = all.at("model");
  data::BpeVocabulary vocabulary;
  vocabulary.tokens_source = where + ": model.vocab";
  vocabulary.merges_source = where + ": model.merges";
  vocabulary.tokens =
      data::parse_encoder(model.at("vocab").value().dump(), vocabulary.tokens_source);
  auto const merges = model.at("merges");
  std::string lines;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    auto const merge = merges[i];
    if (merge.is_string()) {
      lines += merge.string() + "\n";
    } else if (merge.size() == 2) {
      lines += merge[0].string() + " " + merge[1].string() + "\n";
    } else {
      merge.refuse("must be two tokens");
    }
  }
  data::parse_merges(lines, vocabulary);
  return data::Bpe(std::move(vocabulary));
}
/// That of a folder.
[[nodiscard]] inline data::Bpe read_bpe(std::filesystem::path const& folder) {
  auto const path = folder / tokenizer_file;
  return bpe_of(data::read_file(path), io::sanitize_utf8(path.string()));
}

}  // namespace moenda::hugging_face
