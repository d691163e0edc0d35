// SPDX-License-Identifier: Apache-2.0
// Any bytes as a token cache: a DataError, or documents and tokens that fit together and come back
// from a cache that is written of them. So that changes get past the checksums, an input that
// begins with "h" gets the right ones.
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "data/written_cache.hpp"
#include "input.hpp"
#include "moenda/data/text/token_cache.hpp"

namespace {

using namespace moenda::data;

using Documents = std::vector<std::pair<std::string, std::vector<int>>>;

Documents documents_of(TokenCache const& cache) {
  Documents documents;
  std::int64_t at = 0;
  for (auto const& [name, begin, end] : cache.documents()) {
    check(begin == at && end >= begin, "documents must follow each other");
    at = end;
    std::vector<int> tokens(std::size_t(end - begin));
    cache.tokens().read(begin, tokens);
    for (int const token : tokens) {
      check(token >= 0 && token < cache.vocab_size(), "a token must lie in the vocabulary");
    }
    documents.emplace_back(name, std::move(tokens));
  }
  check(at == cache.tokens().size(), "the last document must end with the tokens");
  return documents;
}
void read_all(std::string const& path) {
  TokenCache const cache(path);
  auto const documents = documents_of(cache);
  static Scratch const again;
  test::write_token_cache(
      again.path, {cache.tokenizer_fingerprint(), cache.corpus_fingerprint(), cache.vocab_size()},
      documents);
  check(documents_of(TokenCache(again.path)) == documents, "a cache must come back");
}
std::string with_checksums(std::string bytes) {
  TokenCacheHeader header;
  if (bytes.size() < sizeof header) return bytes;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::string_view body = std::string_view(bytes).substr(sizeof header);
  ContentHash hash;  // in the parts in which it is compared
  auto const add = [&](std::uint64_t size) {
    hash.add(body.substr(0, std::size_t(size)));
    body.remove_prefix(std::min<std::uint64_t>(body.size(), size));
  };
  for (std::uint64_t left = header.token_bytes * header.tokens; left > 0 && !body.empty();) {
    auto const here = std::min<std::uint64_t>(left, detail::token_block_bytes);
    add(here);
    left -= here;
  }
  add(8 * header.documents);
  add(header.names_bytes);
  header.body_checksum = hash.value();
  header.header_checksum = header.checksum();
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  return read_input(data, size, with_checksums, read_all);
}
