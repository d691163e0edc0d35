// SPDX-License-Identifier: Apache-2.0
// Agreement with an independent GPT-2 tokenizer (tiktoken) on recorded tokenisations.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "data/sha256.hpp"
#include "moenda/data/text/corpus.hpp"
#include "moenda/data/text/encode_documents.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

using namespace moenda;
using namespace moenda::data;
namespace fs = std::filesystem;

namespace {

/// The folder with GPT-2's files and the recorded tokenisations, if there is one.
std::optional<fs::path> gpt2_folder() {
  char const* const data = std::getenv("MOENDA_DATA");
  if (data == nullptr || *data == '\0') {
    WARN("skipped: set MOENDA_DATA to a folder with gpt2-bpe/ and corpora to compare with GPT-2");
    return std::nullopt;
  }
  fs::path const folder = fs::path(data) / "gpt2-bpe";
  if (!fs::exists(folder / "expected.jsonl")) {
    WARN("skipped: " << folder.string() << " has no recorded tokenisations (expected.jsonl)");
    return std::nullopt;
  }
  return folder;
}

Tokenizer const& gpt2(fs::path const& folder) {
  static Tokenizer const tokenizer = Tokenizer::load(folder);
  return tokenizer;
}

std::string as_uint16(std::vector<int> const& ids) {
  std::string bytes;
  for (int const id : ids) {
    bytes += static_cast<char>(id & 0xFF);
    bytes += static_cast<char>(id >> 8);
  }
  return bytes;
}

/// Encodes every file that `folder`/TOKENS.tsv lists and compares count and checksum of the ids.
void check_corpus(Tokenizer const& tokenizer, fs::path const& folder) {
  std::ifstream table(folder / "TOKENS.tsv");
  std::string line;
  std::getline(table, line);
  std::vector<Document> documents;
  std::vector<std::pair<std::size_t, std::string>> expected;
  int row_number = 0;
  while (std::getline(table, line)) {
    std::istringstream row(line);
    std::string name, bytes, words, checksum;
    std::size_t tokens = 0;
    row >> name >> bytes >> words >> tokens >> checksum;
    if (!fs::exists(folder / name)) continue;  // the line of totals
    if (row_number++ % 3 != 0) continue;       // all of them take minutes under the sanitizers
    documents.push_back({name, read_file(folder / name)});
    expected.emplace_back(tokens, checksum);
  }
  REQUIRE_FALSE(documents.empty());
  std::vector<std::string_view> texts;
  for (auto const& document : documents) texts.push_back(document.text);
  ThreadPool pool(2);
  auto const ids = encode_documents(tokenizer, texts, pool);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    INFO(documents[i].name);
    CHECK(ids[i].size() == expected[i].first);
    CHECK(test::Sha256::of(as_uint16(ids[i])) == expected[i].second);
    CHECK(tokenizer.decode(ids[i]) == documents[i].text);
  }
}

}  // namespace

TEST_CASE("SHA-256 gives the published results", "[data][gpt2]") {
  CHECK(test::Sha256::of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(test::Sha256::of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("The ids of every recorded text agree with GPT-2", "[data][gpt2]") {
  auto const folder = gpt2_folder();
  if (!folder) return;
  std::size_t cases = 0;
  for (auto const* name : {"expected.jsonl", "testplans_r50k.jsonl"}) {
    std::ifstream file(*folder / name);
    for (std::string line; std::getline(file, line); ++cases) {
      auto const record = nlohmann::json::parse(line);
      auto const text = record["text"].get<std::string>();
      INFO(name << ": " << text);
      auto const ids = gpt2(*folder).encode(text);
      CHECK(ids == record["ids"].get<std::vector<int>>());
      CHECK(gpt2(*folder).decode(ids) == text);
    }
  }
  CHECK(cases == 590);
}

TEST_CASE("Every token of GPT-2 that text can make is made from its own bytes", "[data][gpt2]") {
  auto const folder = gpt2_folder();
  if (!folder) return;
  // Then merging by pairs and merging by the joined bytes, as tiktoken does, are the same.
  Bpe const bpe = load_bpe(*folder / encoder_file, *folder / merges_file);
  CHECK(bpe.vocab_size() == 50257);
  CHECK(bpe.end_of_text() == 50256);
  MergeTable merges(bpe.vocabulary().merges.size());
  std::array<int, 256> byte_ids{};
  for (int id = 0; id < 256; ++id) {
    byte_ids[static_cast<unsigned char>(bpe.token(id)[0])] = id;
  }
  for (std::uint32_t i = 0; i < bpe.vocabulary().merges.size(); ++i) {
    auto const [left, right] = bpe.vocabulary().merges[i];
    merges.insert(left, right, {i, static_cast<int>(256 + i)});
  }
  PieceMerger merger(merges);
  for (int id = 0; id < 50256; ++id) {
    std::vector<int> symbols, ids;
    for (char const c : bpe.token(id)) symbols.push_back(byte_ids[static_cast<unsigned char>(c)]);
    merger.append(symbols, ids);
    REQUIRE(ids == std::vector<int>{id});
  }
}

TEST_CASE("Every third book has the recorded tokens", "[data][gpt2]") {
  auto const folder = gpt2_folder();
  if (!folder) return;
  for (auto const* corpus : {"pt-eltec", "pt-machado", "en-openstax"}) {
    auto const path = folder->parent_path() / corpus;
    if (fs::exists(path / "TOKENS.tsv")) check_corpus(gpt2(*folder), path);
  }
}
