// SPDX-License-Identifier: Apache-2.0
#include "runner/run/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "moenda/data/text/encoded_corpus.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/import/hugging_face/read_bpe.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

fs::path data_root() {
  char const* root = std::getenv("MOENDA_DATA");
  return root != nullptr && *root != '\0' ? fs::path(root) : fs::path("data");
}
std::vector<fs::path> matches(fs::path const& pattern) {
  auto name = pattern.filename().string();
  std::error_code error;
  if (!name.ends_with('*')) {
    return fs::exists(pattern, error) ? std::vector<fs::path>{pattern} : std::vector<fs::path>{};
  }
  name.pop_back();
  std::vector<fs::path> found;
  auto const folder = pattern.has_parent_path() ? pattern.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) return found;
  for (auto const& path : io::list_folder(folder, false)) {
    if (path.filename().string().starts_with(name)) found.push_back(path);
  }
  std::sort(found.begin(), found.end());
  return found;
}
data::CorpusConfig with_found_paths(data::CorpusConfig corpus) {
  std::vector<std::string> found;
  for (auto const& entry : corpus.paths) {
    for (auto const& path : find_data(entry)) found.push_back(path.string());
  }
  corpus.paths = std::move(found);
  return corpus;
}
void tell(std::string const& sentence) { std::cerr << sentence << '\n'; }

/// Enough to learn a vocabulary from; more text changes few merges and costs seconds.
constexpr std::int64_t bpe_training_bytes = 10'000'000;

data::Tokenizer trained_tokenizer(RunConfig const& config, fs::path const& cache) {
  auto corpus = with_found_paths(config.data);
  if (corpus.max_bytes == 0 || corpus.max_bytes > bpe_training_bytes) {
    corpus.max_bytes = bpe_training_bytes;
  }
  auto const sources = data::list_corpus(corpus);
  auto const folder = cache / ("bpe-" + std::to_string(config.tokenizer.vocab_size) + "-" +
                               data::corpus_fingerprint(sources, corpus.max_bytes));
  if (io::is_there(folder / data::merges_file)) {
    try {
      return data::Tokenizer::load(folder);
    } catch (DataError const& damaged) {
      tell(std::string(damaged.what()) + "; learning the vocabulary again");
    }
  }
  tell("tokenizer: learning " + std::to_string(config.tokenizer.vocab_size) +
       " tokens from the corpus");
  auto const documents = data::read_corpus(sources, corpus.max_bytes);
  std::vector<std::string_view> texts;
  for (auto const& document : documents) texts.push_back(document.text);
  data::Tokenizer tokenizer(data::train_bpe(texts, {.vocab_size = config.tokenizer.vocab_size}));
  io::create_folders(folder);
  tokenizer.save(folder);
  return tokenizer;
}

}  // namespace

std::vector<fs::path> find_data(std::string const& entry) {
  if (entry.find('\0') != std::string::npos) {
    throw DataError("data: a path must not hold a NUL character, got " + io::quote(entry));
  }
  for (auto const& pattern : {fs::path(entry), data_root() / entry}) {
    if (auto found = matches(pattern); !found.empty()) return found;
  }
  throw DataError("data: '" + entry + "' must exist here or below " + data_root().string() + "; " +
                  data::corpus_advice);
}

data::Tokenizer make_tokenizer(RunConfig const& config, fs::path const& cache) {
  switch (config.tokenizer.kind) {
    case TokenizerKind::byte:
      return data::Tokenizer();
    case TokenizerKind::gpt2: {
      auto const folder = find_data(config.tokenizer.folder).front();
      bool const theirs = !io::is_there(folder / data::encoder_file) &&
                          io::is_there(folder / hugging_face::tokenizer_file);
      return theirs ? data::Tokenizer(hugging_face::read_bpe(folder))
                    : data::Tokenizer::load(folder);
    }
    case TokenizerKind::trained:
      return trained_tokenizer(config, cache);
  }
  return data::Tokenizer();
}

data::Splits make_splits(RunConfig const& config, data::Tokenizer const& tokenizer,
                         fs::path const& cache, ThreadPool& pool) {
  auto const corpus = with_found_paths(config.data);
  auto const sources = data::list_corpus(corpus);
  auto const file = cache / (data::corpus_fingerprint(sources, corpus.max_bytes) + "-" +
                             tokenizer.fingerprint().substr(0, 40) + ".tokens");
  auto const encoded = data::open_corpus(corpus, tokenizer, file, pool, tell);
  return data::split_corpus(encoded, corpus);
}

std::string fingerprint_of(data::Splits const& splits) {
  data::ContentHash hash;
  std::vector<int> piece;
  for (auto const* tokens : {&splits.train, &splits.valid, &splits.test}) {
    for (std::int64_t begin = 0; begin < tokens->size(); begin += std::int64_t(piece.size())) {
      piece.resize(std::size_t(std::min<std::int64_t>(1 << 16, tokens->size() - begin)));
      tokens->read(begin, piece);
      hash.add(std::string_view(reinterpret_cast<char const*>(piece.data()),
                                piece.size() * sizeof(int)));
    }
    hash.add(std::uint64_t(tokens->size()));
  }
  return hash.hex();
}

}  // namespace moenda::runner
