// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/tokenizer/bpe.hpp"
#include "moenda/data/tokenizer/bpe_files.hpp"
#include "moenda/data/tokenizer/byte_tokenizer.hpp"

namespace moenda::data {

/// Text to token ids and back: bytes, or a byte-pair encoding that is shared by its copies.
/// decode(encode(text)) == text for any bytes.
class Tokenizer {
  using SharedBpe = std::shared_ptr<Bpe const>;

  template <class F>
  auto visit(F&& f) const {
    auto const* const bpe = std::get_if<SharedBpe>(&kind_);
    return bpe != nullptr ? f(**bpe) : f(std::get<ByteTokenizer>(kind_));
  }

 public:
  /// One token per byte.
  Tokenizer() = default;
  explicit Tokenizer(Bpe bpe) : kind_(std::make_shared<Bpe const>(std::move(bpe))) {}

  /// Loads encoder.json and vocab.bpe from `folder`: GPT-2's, or saved by us. Throws DataError.
  [[nodiscard]] static Tokenizer load(std::filesystem::path const& folder) {
    return Tokenizer(load_bpe(folder / encoder_file, folder / merges_file));
  }
  /// Writes what load() reads. Throws ConfigError for the byte tokenizer, which has no files.
  void save(std::filesystem::path const& folder) const {
    auto const* const bpe = std::get_if<SharedBpe>(&kind_);
    if (bpe == nullptr) throw ConfigError("Tokenizer: the byte tokenizer has nothing to save");
    save_bpe(**bpe, folder);
  }

  /// Turns texts into tokens; remembers frequent words between calls. One per thread.
  class Encoder {
   public:
    /// `tokenizer` must outlive this.
    explicit Encoder(Tokenizer const& tokenizer)
        : encoder_(tokenizer.visit([](auto const& kind) -> AnyEncoder {
            return typename std::remove_cvref_t<decltype(kind)>::Encoder(kind);
          })) {}
    /// Appends the tokens of `text`, any bytes, to `ids`.
    void append(std::string_view text, std::vector<int>& ids) {
      std::visit([&](auto& encoder) { encoder.append(text, ids); }, encoder_);
    }

   private:
    using AnyEncoder = std::variant<ByteTokenizer::Encoder, Bpe::Encoder>;
    AnyEncoder encoder_;
  };

  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids;
    Encoder(*this).append(text, ids);
    return ids;
  }
  /// The bytes of all tokens in a row. Throws DataError naming an id outside the vocabulary.
  [[nodiscard]] std::string decode(std::span<int const> ids) const {
    return visit([&](auto const& kind) {
      std::string text;
      for (int const id : ids) text += kind.token(id);
      return text;
    });
  }
  [[nodiscard]] std::string decode(std::initializer_list<int> ids) const {
    return decode(std::span<int const>(ids.begin(), ids.size()));
  }

  [[nodiscard]] int vocab_size() const {
    return visit([](auto const& kind) { return kind.vocab_size(); });
  }
  /// The token between documents, if the vocabulary has one. Never made by encode().
  [[nodiscard]] std::optional<int> end_of_text() const {
    return visit([](auto const& kind) { return kind.end_of_text(); });
  }
  /// Tokenizers with the same string give the same ids.
  [[nodiscard]] std::string fingerprint() const {
    return visit([](auto const& kind) -> std::string { return kind.fingerprint(); });
  }

 private:
  std::variant<ByteTokenizer, SharedBpe> kind_;
};

}  // namespace moenda::data
