// SPDX-License-Identifier: Apache-2.0
#pragma once
// Needs PCRE2 and utf8proc (Debian: libpcre2-dev, libutf8proc-dev).
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/import/hugging_face/json_document.hpp"
#include "moenda/import/hugging_face/tokenizer/added_tokens.hpp"
#include "moenda/import/hugging_face/tokenizer/bpe_model.hpp"
#include "moenda/import/hugging_face/tokenizer/decoder.hpp"
#include "moenda/import/hugging_face/tokenizer/file_names.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"
#include "moenda/import/hugging_face/tokenizer/normalizer.hpp"
#include "moenda/import/hugging_face/tokenizer/pre_tokenizer.hpp"
#include "moenda/import/hugging_face/tokenizer/template_processing.hpp"

namespace moenda::hugging_face {

/// How a text becomes ids.
struct Encoding {
  bool add_special = true;  ///< what the file's template puts before and behind a text
  bool literal = false;     ///< text that looks like a special token is text
};

/// The tokenizer of a tokenizer.json: the same ids and texts as those of the library `tokenizers`
/// (0.23.3). `truncation` and `padding` of the file are not applied, as transformers does not apply
/// them unless asked. Immutable, so threads may share it.
class Tokenizer {
 public:
  /// From the text of a tokenizer.json, and that of a tokenizer_config.json or nothing. `where` and
  /// `config_where` name the files in messages. Throws DataError: file, key, value, what is read.
  explicit Tokenizer(std::string_view text, std::string where = tokenizer_file,
                     std::string_view config = {},
                     std::string const& config_where = tokenizer_config_file)
      : where_(std::move(where)) {
    auto const document = parse_json_document(text, where_);
    JsonPart const all(document, where_);
    normalizer_ = Normalizer(all.find("normalizer"));
    pre_tokenizer_ = PreTokenizer(all.find("pre_tokenizer"));
    template_ = TemplateProcessing(all.find("post_processor"));
    decoder_ = Decoder(all.find("decoder"));
    auto const model = all.at("model");
    if (auto const type = model.find("type")) (void)type->choice({"BPE"});
    model_ = std::make_unique<BpeModel>(model, pre_tokenizer_.byte_level());
    if (auto const added = all.find("added_tokens")) add_tokens(*added);
    check_template(all);
    if (!config.empty()) {
      auto const settings = parse_json_document(config, config_where);
      end_of_text_ = marked(JsonPart(settings, config_where), "eos_token");
      begin_of_text_ = marked(JsonPart(settings, config_where), "bos_token");
    }
    fingerprint_ = "hf-" + std::to_string(vocab_size()) + "-" + data::ContentHash().add(text).hex();
  }

  /// From a folder with tokenizer.json and perhaps tokenizer_config.json. Throws DataError.
  [[nodiscard]] static Tokenizer load(std::filesystem::path const& folder) {
    auto const path = folder / tokenizer_file, config = folder / tokenizer_config_file;
    auto const name = [](auto const& file) { return io::sanitize_utf8(file.string()); };
    return Tokenizer(data::read_file(path), name(path),
                     io::is_there(config) ? data::read_file(config) : std::string(), name(config));
  }

  /// Turns texts into ids; remembers frequent words between calls. One per thread.
  class Encoder {
   public:
    /// `tokenizer` must outlive this.
    explicit Encoder(Tokenizer const& tokenizer, Encoding encoding = {})
        : tokenizer_(tokenizer), encoding_(encoding), model_(*tokenizer.model_) {}

    /// Appends the ids of `text`. Throws DataError unless it is UTF-8, or where a regular
    /// expression of the file gives up on it.
    void append(std::string_view text, std::vector<int>& ids) {
      append(text, {encoding_.literal}, ids);
    }
    /// The same, where `literal` says what is text; of the encoding only `add_special` counts.
    void append(std::string_view text, Literal const& literal, std::vector<int>& ids) {
      if (auto const bad = io::find_invalid_utf8(text); bad < text.size())
        throw DataError("the text must be UTF-8, byte " + std::to_string(bad) + " is not");
      auto const& around = tokenizer_.template_;
      if (encoding_.add_special)
        ids.insert(ids.end(), around.before().begin(), around.before().end());
      for (auto const& stretch : tokenizer_.raw_.find(text, literal)) {
        if (stretch.id != Stretch::none) {
          ids.push_back(stretch.id);
          continue;
        }
        auto const part = text.substr(stretch.begin, stretch.end - stretch.begin);
        auto const in_part = [&](std::size_t place) {
          auto const size = std::min(std::max(place, stretch.begin) - stretch.begin, part.size());
          return tokenizer_.normalizer_(std::string(part.substr(0, size))).size();
        };
        append_raw(part, stretch.begin == 0, literal.of_part(in_part), ids);
      }
      if (encoding_.add_special)
        ids.insert(ids.end(), around.behind().begin(), around.behind().end());
    }

   private:
    void append_raw(std::string_view text, bool first, Literal const& literal,
                    std::vector<int>& ids) {
      auto const normal = tokenizer_.normalizer_(std::string(text));
      for (auto const& stretch : tokenizer_.normal_.find(normal, literal)) {
        if (stretch.id != Stretch::none) {
          ids.push_back(stretch.id);
          continue;
        }
        auto const size = stretch.end - stretch.begin;
        Pieces pieces{normal.substr(stretch.begin, size), {{0, size}}, first && stretch.begin == 0};
        tokenizer_.pre_tokenizer_(pieces);
        for (auto const range : pieces.ranges) model_.append(pieces[range], ids);
      }
    }
    Tokenizer const& tokenizer_;
    Encoding encoding_;
    BpeModel::Encoder model_;
  };

  [[nodiscard]] std::vector<int> encode(std::string_view text, Encoding encoding = {}) const {
    std::vector<int> ids;
    Encoder(*this, encoding).append(text, ids);
    return ids;
  }
  /// The ids of a text that has its special tokens spelled out, where `literal` says what is text.
  [[nodiscard]] std::vector<int> encode_spelled(std::string_view text,
                                                Literal const& literal) const {
    std::vector<int> ids;
    Encoder(*this, {.add_special = false}).append(text, literal, ids);
    return ids;
  }
  /// The text of `ids`, always UTF-8; ids in holes of the vocabulary give nothing. Throws DataError
  /// naming an id outside 0..vocab_size() - 1.
  [[nodiscard]] std::string decode(std::span<int const> ids, bool skip_special = true) const {
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (int const id : ids) {
      if (id < 0 || id >= vocab_size())
        throw DataError(where_ + ": a token id must lie in 0.." + std::to_string(vocab_size() - 1) +
                        ", got " + std::to_string(id));
      auto const* const token = shown(id);
      if (token != nullptr && !(skip_special && special_.contains(*token)))
        tokens.push_back(*token);
    }
    return decoder_(std::move(tokens));
  }
  [[nodiscard]] std::string decode(std::initializer_list<int> ids, bool skip_special = true) const {
    return decode(std::span<int const>(ids.begin(), ids.size()), skip_special);
  }

  /// One more than the largest id. Larger ids, which a model may have, are no tokens.
  [[nodiscard]] int vocab_size() const { return vocab_size_; }
  /// The id of a token by its content, added or of the model.
  [[nodiscard]] std::optional<int> find(std::string_view content) const {
    auto const found = added_ids_.find(content);
    return found == added_ids_.end() ? model_->vocabulary().find(content)
                                     : std::optional<int>(found->second);
  }
  /// eos_token and bos_token of tokenizer_config.json.
  [[nodiscard]] std::optional<int> end_of_text() const { return end_of_text_; }
  [[nodiscard]] std::optional<int> begin_of_text() const { return begin_of_text_; }
  /// Tokenizers with the same string give the same ids.
  [[nodiscard]] std::string const& fingerprint() const { return fingerprint_; }

 private:
  void add_tokens(JsonPart const& list) {
    int next = model_->vocabulary().size();
    vocab_size_ = model_->vocabulary().end();
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto const part = list[i];
      AddedToken const token{part.at("content").string(),     part.at("single_word").boolean(),
                             part.at("lstrip").boolean(),     part.at("rstrip").boolean(),
                             part.at("normalized").boolean(), part.at("special").boolean()};
      if (token.content.empty()) continue;
      auto const known = find(token.content);
      int const id = known ? *known : next++;
      auto const given = part.at("id");
      if (given.whole(BpeVocabulary::largest_id) != id)
        given.refuse("must be " + std::to_string(id) + ", which `tokenizers` makes it (" +
                     (known ? "the id in model.vocab or of the token before" : "the next free id") +
                     ")");
      if (!known && model_->vocabulary().token(id) != nullptr)
        given.refuse("must not be the id of another token, " +
                     io::quote(*model_->vocabulary().token(id)) + " has it");
      add(part, token, id);
    }
  }
  void add(JsonPart const& part, AddedToken const& token, int id) {
    if (added_ids_.contains(token.content))
      part.fail("is there twice, again as " + io::quote(token.content));
    auto pattern = token.normalized ? normalizer_(token.content) : token.content;
    if (pattern.empty() || pattern.size() > AddedTokenFinder::longest)
      part.at("content").refuse("must have 1.." + std::to_string(AddedTokenFinder::longest) +
                                " bytes, also when normalised");
    if (!(token.normalized ? normal_ : raw_).add(pattern, id, token))
      part.at("content").refuse("must differ from all other added tokens, also when normalised");
    added_ids_.emplace(token.content, id);
    added_[id] = std::move(pattern);
    if (token.special) special_.insert(token.content);
    vocab_size_ = std::max(vocab_size_, id + 1);
  }
  void check_template(JsonPart const& all) {
    vocab_size_ = std::max(vocab_size_, model_->vocabulary().end());
    for (auto const* ids : {&template_.before(), &template_.behind()}) {
      for (int const id : *ids) {
        if (id >= vocab_size_ || shown(id) == nullptr)
          all.at("post_processor")
              .fail("must put down tokens that are there, id " + std::to_string(id) + " is none");
      }
    }
  }
  /// The string of an id that decoding starts from; nullptr where there is no such token.
  [[nodiscard]] std::string const* shown(int id) const {
    auto const found = added_.find(id);
    return found == added_.end() ? model_->vocabulary().token(id) : &found->second;
  }
  /// A token that the settings name, as a string or as an object with `content`.
  [[nodiscard]] std::optional<int> marked(JsonPart const& settings, char const* name) const {
    auto const part = settings.find(name);
    if (!part) return std::nullopt;
    auto const content = part->is_string() ? *part : part->at("content");
    auto const id = find(content.string());
    if (!id) content.refuse("must be a token of " + where_);
    return id;
  }

  std::string where_, fingerprint_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  TemplateProcessing template_;
  Decoder decoder_;
  std::unique_ptr<BpeModel const> model_;
  AddedTokenFinder raw_, normal_;     // in the text as it is, and in normalised text
  std::map<int, std::string> added_;  // as they are looked for
  TokenIds added_ids_;
  std::set<std::string, std::less<>> special_;
  std::optional<int> end_of_text_, begin_of_text_;
  int vocab_size_ = 0;
};

}  // namespace moenda::hugging_face
