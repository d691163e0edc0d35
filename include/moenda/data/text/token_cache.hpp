// SPDX-License-Identifier: Apache-2.0
#pragma once
// An encoded corpus in one file, so that it is encoded once:
//
//   header (TokenCacheHeader), tokens (uint16, or uint32 for vocabularies above 65,536), document
//   ends (uint64 each), document names (NUL after each)
//
// Little-endian. What it was made from is named by two fingerprints; its content is checked by two
// checksums, so a damaged or outdated file is noticed and made anew. Neither writing nor reading
// needs memory for the tokens: they are read from the file when they are asked for. A mapping would
// do the same, but a file that another program shortens would then end this one (SIGBUS).
#include <algorithm>
#include <array>
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
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/file_descriptor.hpp"

namespace moenda::data {

static_assert(std::endian::native == std::endian::little,
              "TokenCache: the file is little-endian and read as it is");

/// Tokens [begin, end) of the stream are one document, separator included.
struct TokenDocument {
  std::string name;
  std::int64_t begin = 0, end = 0;
};

struct TokenCacheHeader {
  char magic[8] = {'M', 'O', 'E', 'N', 'D', 'A', 'T', 'K'};
  std::uint32_t version = 2;
  std::uint32_t token_bytes = 2;
  std::uint64_t vocab_size = 0, documents = 0, tokens = 0;
  std::uint64_t names_bytes = 0;
  char tokenizer[64] = {};  // fingerprints, ended by NUL
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

namespace detail {

/// The checksum of the tokens takes them in blocks of this size.
inline constexpr std::size_t token_block_bytes = std::size_t{1} << 16;

/// The tokens of an opened cache.
class TokensInFile : public TokenSource {
 public:
  TokensInFile(io::FileDescriptor file, TokenCacheHeader const& header)
      : file_(std::move(file)), token_bytes_(header.token_bytes), vocab_size_(header.vocab_size) {}

  /// Throws DataError where the file has become shorter, or holds another token than a tokenizer
  /// can give.
  void read(std::int64_t begin, std::span<int> out) const override {
    if (token_bytes_ == 2) {
      read_stored<std::uint16_t>(begin, out);
    } else {
      read_stored<std::uint32_t>(begin, out);
    }
  }
  [[nodiscard]] io::FileDescriptor const& file() const { return file_; }

 private:
  template <class Stored>
  void read_stored(std::int64_t begin, std::span<int> out) const {
    std::array<Stored, 2048> stored;
    auto place = sizeof(TokenCacheHeader) + static_cast<std::uint64_t>(begin) * sizeof(Stored);
    for (std::size_t done = 0; done < out.size();) {
      std::size_t const here = std::min(out.size() - done, stored.size());
      if (file_.read_at(place, stored.data(), here * sizeof(Stored)) != here * sizeof(Stored))
        throw DataError(file_.path().string() +
                        ": the token cache was shortened while it was in use");
      Stored largest = 0;
      for (std::size_t i = 0; i < here; ++i) {
        largest = std::max(largest, stored[i]);
        out[done + i] = static_cast<int>(stored[i]);
      }
      if (largest >= vocab_size_)
        throw DataError(file_.path().string() + ": token ids must be below " +
                        std::to_string(vocab_size_) + ", one is " + std::to_string(largest));
      done += here;
      place += here * sizeof(Stored);
    }
  }

  io::FileDescriptor file_;
  std::size_t token_bytes_;
  std::uint64_t vocab_size_;
};

}  // namespace detail

/// What a token cache is made from.
struct TokenCacheKey {
  std::string tokenizer, corpus;  ///< fingerprints, at most 63 characters
  int vocab_size = 0;
};

/// An opened token cache.
class TokenCache {
 public:
  /// Opens and checks `path`, reading it once. Throws DataError saying what is wrong with it.
  explicit TokenCache(std::filesystem::path const& path) : path_(path) {
    std::uint64_t size = 0;
    auto file = io::open_for_reading(path, size);
    read_header(file, size);
    ContentHash hash;
    auto place = sizeof header_ + add_tokens(file, hash);
    auto const take = [&](std::uint64_t bytes) {
      auto part = read_part(file, place, static_cast<std::size_t>(bytes));
      place += bytes;
      hash.add(part);
      return part;
    };
    auto const ends = take(8 * header_.documents), names = take(header_.names_bytes);
    if (hash.value() != header_.body_checksum)
      refuse("its checksum must match, the content has changed");
    read_documents(ends, names);
    auto const tokens = std::make_shared<detail::TokensInFile const>(std::move(file), header_);
    tokens_.append(tokens, static_cast<std::int64_t>(header_.tokens));
    check_ids();
  }

  [[nodiscard]] TokenStream const& tokens() const { return tokens_; }
  [[nodiscard]] std::vector<TokenDocument> const& documents() const { return documents_; }
  [[nodiscard]] int vocab_size() const { return static_cast<int>(header_.vocab_size); }
  [[nodiscard]] std::string tokenizer_fingerprint() const { return header_.tokenizer; }
  [[nodiscard]] std::string corpus_fingerprint() const { return header_.corpus; }

 private:
  [[noreturn]] void refuse(std::string const& why) const {
    throw DataError(path_.string() + ": not a usable token cache: " + why);
  }

  void read_header(io::FileDescriptor const& file, std::uint64_t size) {
    TokenCacheHeader const expected;
    if (file.read_at(0, &header_, sizeof header_) != sizeof header_)
      refuse("must have a header of 192 bytes, has " + std::to_string(size));
    if (std::memcmp(header_.magic, expected.magic, sizeof expected.magic) != 0)
      refuse("must begin with MOENDATK");
    if (header_.version != expected.version)
      refuse("its version must be " + std::to_string(expected.version) + ", is " +
             std::to_string(header_.version));
    if (header_.checksum() != header_.header_checksum) refuse("its header is damaged");
    // A correct checksum proves no good will: sizes are held against the file before use.
    bool const bounded =
        (header_.token_bytes == 2 || header_.token_bytes == 4) && header_.documents <= size / 8 &&
        header_.names_bytes <= size && header_.tokens <= size / header_.token_bytes &&
        header_.vocab_size <= INT32_MAX && header_.tokenizer[63] == 0 && header_.corpus[63] == 0;
    if (!bounded || size != sizeof header_ + 8 * header_.documents + header_.names_bytes +
                                header_.token_bytes * header_.tokens)
      refuse("its size must agree with its header, has " + std::to_string(size) + " bytes");
  }

  [[nodiscard]] std::string read_part(io::FileDescriptor const& file, std::uint64_t place,
                                      std::size_t size) const {
    std::string part(size, '\0');
    if (file.read_at(place, part.data(), size) != size) refuse("was shortened while it was read");
    return part;
  }

  /// Adds the tokens to `hash`, and returns how many bytes they are.
  std::uint64_t add_tokens(io::FileDescriptor const& file, ContentHash& hash) const {
    std::uint64_t const all = header_.tokens * header_.token_bytes;
    for (std::uint64_t done = 0; done < all; done += detail::token_block_bytes) {
      auto const here = std::min<std::uint64_t>(detail::token_block_bytes, all - done);
      hash.add(read_part(file, sizeof header_ + done, static_cast<std::size_t>(here)));
    }
    return all;
  }

  void read_documents(std::string_view ends, std::string_view names) {
    std::uint64_t begin = 0;
    documents_.reserve(static_cast<std::size_t>(header_.documents));
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

  /// Every token is read once, which checks it.
  void check_ids() const {
    std::vector<int> piece;
    for (std::int64_t begin = 0; begin < tokens_.size();
         begin += static_cast<std::int64_t>(piece.size())) {
      piece.resize(static_cast<std::size_t>(std::min<std::int64_t>(4096, tokens_.size() - begin)));
      tokens_.read(begin, piece);
    }
  }

  std::filesystem::path path_;
  TokenCacheHeader header_;
  std::vector<TokenDocument> documents_;
  TokenStream tokens_;
};

/// Writes a token cache document by document, complete or not at all. Throws DataError.
class TokenCacheWriter {
 public:
  TokenCacheWriter(std::filesystem::path const& path, TokenCacheKey const& key)
      : file_((io::create_folders(io::folder_of(path)), path)) {
    header_.vocab_size = static_cast<std::uint64_t>(key.vocab_size);
    header_.token_bytes = key.vocab_size > 65536 ? 4 : 2;
    key.tokenizer.copy(header_.tokenizer, sizeof header_.tokenizer - 1);
    key.corpus.copy(header_.corpus, sizeof header_.corpus - 1);
    file_.write(&header_, sizeof header_);
  }

  /// Appends tokens to the document that is open.
  void append(std::span<int const> ids) {
    for (int const id : ids) {
      if (header_.token_bytes == 2) {
        put(static_cast<std::uint16_t>(id));
      } else {
        put(static_cast<std::uint32_t>(id));
      }
    }
    header_.tokens += ids.size();
  }
  /// Ends the open document, and opens the next one.
  void end_document(std::string_view name) {
    ends_.append(reinterpret_cast<char const*>(&header_.tokens), sizeof header_.tokens);
    names_.append(name).push_back('\0');
    ++header_.documents;
  }
  /// Puts the file in place.
  void commit() {
    write_block();
    header_.names_bytes = names_.size();
    header_.body_checksum = hash_.add(ends_).add(names_).value();
    header_.header_checksum = header_.checksum();
    file_.write(ends_);
    file_.write(names_);
    file_.rewrite(0, &header_, sizeof header_);
    file_.commit();
  }

 private:
  template <class Stored>
  void put(Stored token) {
    block_.append(reinterpret_cast<char const*>(&token), sizeof token);
    if (block_.size() == detail::token_block_bytes) write_block();
  }
  void write_block() {
    if (block_.empty()) return;
    hash_.add(block_);
    file_.write(block_);
    block_.clear();
  }

  io::AtomicFile file_;
  TokenCacheHeader header_;
  ContentHash hash_;
  std::string block_, ends_, names_;
};

}  // namespace moenda::data
