// SPDX-License-Identifier: Apache-2.0
#pragma once
// A byte-level byte-pair encoding of ours as the files that the libraries `tokenizers` and
// transformers read.
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "moenda/data/tokenizer/bpe.hpp"
#include "moenda/data/tokenizer/byte_alphabet.hpp"

namespace moenda::hugging_face {

/// The vocabulary of data::ByteTokenizer: every byte a token, its own id, and no merges.
[[nodiscard]] inline data::BpeVocabulary vocabulary_of_bytes() {
  data::BpeVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.emplace_back(1, static_cast<char>(byte));
  }
  return vocabulary;
}

/// tokenizer.json of an encoding as data::Bpe checks it. Of a text in UTF-8 it makes the same ids,
/// where names such as <|endoftext|> are left as text; those are its special tokens. `cuts_words`:
/// merges stay within the pieces that GPT-2 cuts.
[[nodiscard]] inline nlohmann::ordered_json tokenizer_json(data::BpeVocabulary const& from,
                                                           bool cuts_words = true) {
  data::ByteAlphabet const alphabet;
  auto const spelled = [&](int id) { return alphabet.spell(from.tokens[std::size_t(id)]); };
  auto vocab = nlohmann::ordered_json::object();
  auto added = nlohmann::ordered_json::array();
  for (int id = 0; id < int(from.tokens.size()); ++id) {
    auto const& token = from.tokens[std::size_t(id)];
    vocab.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(spelled(id), id);
    if (!token.starts_with("<|") || !token.ends_with("|>")) continue;
    added.push_back({{"id", id},
                     {"content", spelled(id)},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  auto merges = nlohmann::ordered_json::array();
  for (auto const& [left, right] : from.merges) {
    merges.push_back({spelled(left), spelled(right)});
  }
  nlohmann::ordered_json const bytes{{"type", "ByteLevel"},
                                     {"add_prefix_space", false},
                                     {"trim_offsets", true},
                                     {"use_regex", cuts_words}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer", bytes},
          {"post_processor", nullptr},
          {"decoder", bytes},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(merges)}}}};
}

/// tokenizer_config.json beside it.
[[nodiscard]] inline nlohmann::ordered_json tokenizer_config_json(data::BpeVocabulary const& from,
                                                                  int context_length) {
  nlohmann::ordered_json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                {"model_max_length", context_length},
                                {"clean_up_tokenization_spaces", false}};
  for (auto const& token : from.tokens) {
    if (token == data::end_of_text_token) config["bos_token"] = config["eos_token"] = token;
  }
  return config;
}

}  // namespace moenda::hugging_face
