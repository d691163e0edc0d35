// SPDX-License-Identifier: Apache-2.0
#pragma once
// An encoded corpus in one file, so that it is encoded once and afterwards mapped into memory:
//
//   header (TokenCacheHeader), document ends (uint64 each), document names (NUL after each, zeros
//   up to a multiple of 8), tokens (uint16, or uint32 for vocabularies above 65,536)
//
// Little-endian. What it was made from is named by two fingerprints; its content is checked by two
// checksums, so a damaged or outdated file is noticed and made anew.
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/text/token_stream.hpp"
#include "moenda/files/atomic_file.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/mapped_file.hpp"
#include "moenda/files/read_file.hpp"

namespace moenda::data {

static_assert(std::endian::native == std::endian::little,
              "TokenCache: the file is little-endian and mapped as it is");

/// Tokens [begin, end) of the stream are one document, separator included.
struct TokenDocument {
  std::string name;
  std::int64_t begin = 0, end = 0;
};

struct TokenCacheHeader {
  char magic[8] = {'M', 'O', 'E', 'N', 'D', 'A', 'T', 'K'};
  std::uint32_t version = 1;
  std::uint32_t token_bytes = 2;
  std::uint64_t vocab_size = 0, documents = 0, tokens = 0;
  std::uint64_t names_bytes = 0;  // a multiple of 8
  char tokenizer[64] = {};        // fingerprints, ended by NUL
  char corpus[64] = {};
  std::uint64_t body_checksum = 0, header_checksum = 0;

  [[nodiscard]] std::uint64_t checksum() const {
    TokenCacheHeader copy = *this;
    copy.header_checksum = 0;
    return ContentHash().add({reinterpret_cast<char const*>(&copy), sizeof copy}).value();
  }
};
static_assert(sizeof(TokenCacheHeader) == 192 && alignof(TokenCacheHeader) == 8,
              "TokenCacheHeader: the file format has 192 bytes without padding");

/// What write_token_cache needs to know besides the tokens.
struct TokenCacheKey {
  std::string tokenizer, corpus;  ///< fingerprints, at most 63 characters
  int vocab_size = 0;
};

/// An opened token cache.
class TokenCache {
 public:
  /// Maps and checks `path`. Throws DataError saying what is wrong with it.
  explicit TokenCache(std::filesystem::path const& path)
      : file_(std::make_shared<io::MappedFile const>(path)) {
    read_header();
    std::string_view body = file_->bytes().substr(sizeof header_);
    auto const take = [&](std::uint64_t size) {
      auto const part = body.substr(0, static_cast<std::size_t>(size));
      body.remove_prefix(part.size());
      return part;
    };
    auto const ends = take(8 * header_.documents), names = take(header_.names_bytes);
    if (ContentHash().add(ends).add(names).add(body).value() != header_.body_checksum)
      refuse("its checksum must match, the content has changed");
    read_documents(ends, names);
    if (header_.token_bytes == 2) {
      read_tokens<std::uint16_t>(body);
    } else {
      read_tokens<std::uint32_t>(body);
    }
  }

  [[nodiscard]] TokenStream const& tokens() const { return tokens_; }
  [[nodiscard]] std::vector<TokenDocument> const& documents() const { return documents_; }
  [[nodiscard]] int vocab_size() const { return static_cast<int>(header_.vocab_size); }
  [[nodiscard]] std::string tokenizer_fingerprint() const { return header_.tokenizer; }
  [[nodiscard]] std::string corpus_fingerprint() const { return header_.corpus; }

 private:
  [[noreturn]] void refuse(std::string const& why) const {
    throw DataError(file_->path().string() + ": not a usable token cache: " + why);
  }

  void read_header() {
    auto const bytes = file_->bytes();
    TokenCacheHeader const expected;
    if (bytes.size() < sizeof header_)
      refuse("must have a header of 192 bytes, has " + std::to_string(bytes.size()));
    std::memcpy(&header_, bytes.data(), sizeof header_);
    if (std::memcmp(header_.magic, expected.magic, sizeof expected.magic) != 0)
      refuse("must begin with MOENDATK");
    if (header_.version != expected.version)
      refuse("its version must be 1, is " + std::to_string(header_.version));
    if (header_.checksum() != header_.header_checksum) refuse("its header is damaged");
    // A correct checksum proves no good will: sizes are held against the file before use.
    bool const bounded =
        (header_.token_bytes == 2 || header_.token_bytes == 4) &&
        header_.documents <= bytes.size() / 8 && header_.names_bytes <= bytes.size() &&
        header_.names_bytes % 8 == 0 && header_.tokens <= bytes.size() / header_.token_bytes &&
        header_.vocab_size <= INT32_MAX && header_.tokenizer[63] == 0 && header_.corpus[63] == 0;
    if (!bounded || bytes.size() != sizeof header_ + 8 * header_.documents + header_.names_bytes +
                                        header_.token_bytes * header_.tokens)
      refuse("its size must agree with its header, has " + std::to_string(bytes.size()) + " bytes");
  }

  void read_documents(std::string_view ends, std::string_view names) {
    std::uint64_t begin = 0;
    for (std::size_t i = 0; i < header_.documents; ++i) {
      std::uint64_t end;
      std::memcpy(&end, ends.data() + 8 * i, 8);
      auto const length = names.find('\0');
      if (end < begin || end > header_.tokens || length == names.npos)
        refuse("document " + std::to_string(i) + " must have a name and an end inside the tokens");
      documents_.push_back({std::string(names.substr(0, length)), static_cast<std::int64_t>(begin),
                            static_cast<std::int64_t>(end)});
      names.remove_prefix(length + 1);
      begin = end;
    }
    if (begin != header_.tokens) refuse("the last document must end with the tokens");
  }

  template <class Token>
  void read_tokens(std::string_view bytes) {
    std::span<Token const> const tokens(reinterpret_cast<Token const*>(bytes.data()),
                                        static_cast<std::size_t>(header_.tokens));
    Token largest = 0;
    for (Token const token : tokens) largest = std::max(largest, token);
    if (!tokens.empty() && largest >= header_.vocab_size)
      refuse("token ids must be below " + std::to_string(header_.vocab_size) + ", one is " +
             std::to_string(largest));
    tokens_.append(tokens, file_);
  }

  std::shared_ptr<io::MappedFile const> file_;
  TokenCacheHeader header_;
  std::vector<TokenDocument> documents_;
  TokenStream tokens_;
};

/// Writes the tokens of named documents as a token cache, complete or not at all. `documents` are
/// pairs of name and tokens. Throws DataError.
inline void write_token_cache(
    std::filesystem::path const& path, TokenCacheKey const& key,
    std::vector<std::pair<std::string, std::vector<int>>> const& documents) {
  TokenCacheHeader header;
  header.vocab_size = static_cast<std::uint64_t>(key.vocab_size);
  header.token_bytes = key.vocab_size > 65536 ? 4 : 2;
  header.documents = documents.size();
  key.tokenizer.copy(header.tokenizer, sizeof header.tokenizer - 1);
  key.corpus.copy(header.corpus, sizeof header.corpus - 1);
  std::string ends, names, tokens;
  auto const append = [](std::string& to, auto const& value) {
    to.append(reinterpret_cast<char const*>(&value), sizeof value);
  };
  for (auto const& [name, ids] : documents) {
    header.tokens += ids.size();
    append(ends, header.tokens);
    names.append(name).push_back('\0');
  }
  names.append((8 - names.size() % 8) % 8, '\0');
  header.names_bytes = names.size();
  tokens.reserve(static_cast<std::size_t>(header.tokens * header.token_bytes));
  for (auto const& [name, ids] : documents) {
    for (int const id : ids) {
      if (header.token_bytes == 2) {
        append(tokens, static_cast<std::uint16_t>(id));
      } else {
        append(tokens, static_cast<std::uint32_t>(id));
      }
    }
  }
  header.body_checksum = ContentHash().add(ends).add(names).add(tokens).value();
  header.header_checksum = header.checksum();
  make_folder(io::folder_of(path));
  io::AtomicFile file(path);
  file.write(&header, sizeof header);
  for (std::string_view const part : {ends, names, tokens}) file.write(part);
  file.commit();
}

}  // namespace moenda::data
