// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"
#include "moenda/data/text/corpus.hpp"
#include "moenda/data/text/token_cache.hpp"
#include "moenda/data/text/token_stream.hpp"

namespace moenda::data {

/// Three rows of tokens that share none, and the documents in each (empty for SplitBy::position).
struct Splits {
  TokenStream train, valid, test;
  std::vector<std::string> train_documents, valid_documents, test_documents;
};

/// The fractions of a configuration. Throws ConfigError unless each lies in 0..1 and they sum to 1.
[[nodiscard]] inline std::array<double, 3> split_fractions(CorpusConfig const& config) {
  std::array<double, 3> const fractions{config.train_fraction, config.valid_fraction,
                                        config.test_fraction};
  double const sum = fractions[0] + fractions[1] + fractions[2];
  bool const inside =
      std::all_of(fractions.begin(), fractions.end(), [](double f) { return f >= 0 && f <= 1; });
  if (!inside || std::abs(sum - 1) > 1e-6)
    throw ConfigError(
        "CorpusConfig: train_fraction, valid_fraction and test_fraction must lie in 0..1 and sum "
        "to 1, got " +
        std::to_string(fractions[0]) + ", " + std::to_string(fractions[1]) + ", " +
        std::to_string(fractions[2]));
  return fractions;
}

/// The documents in an order that depends on the seed and on their names alone.
[[nodiscard]] inline std::vector<std::size_t> drawn_order(
    std::vector<TokenDocument> const& documents, std::uint64_t seed) {
  Random const random(seed, stream_of("document split"));
  std::vector<std::uint64_t> keys;
  for (auto const& document : documents) keys.push_back(random.bits(stream_of(document.name)));
  std::vector<std::size_t> order(documents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  return order;
}

/// Documents handed out to three splits, and the tokens that each split still lacks.
struct SplitAssignment {
  std::vector<int> split_of;        ///< [documents], 0, 1 or 2
  std::array<double, 3> missing{};  ///< negative: has too many
  std::array<std::size_t, 3> documents{};
};

/// In drawn order, each document goes where most tokens are missing.
[[nodiscard]] inline SplitAssignment hand_out(std::vector<TokenDocument> const& documents,
                                              std::array<double, 3> const& fractions,
                                              std::uint64_t seed, std::size_t empty) {
  SplitAssignment result;
  double const total = documents.empty() ? 0 : static_cast<double>(documents.back().end);
  for (std::size_t k = 0; k < 3; ++k) result.missing[k] = fractions[k] * total;
  result.split_of.resize(documents.size());
  std::size_t left = documents.size();
  for (std::size_t const i : drawn_order(documents, seed)) {
    std::size_t best = 3;
    for (std::size_t k = 0; k < 3; ++k) {
      // The last documents are kept for splits that have none yet.
      bool const allowed = fractions[k] > 0 && (left > empty || result.documents[k] == 0);
      if (allowed && (best == 3 || result.missing[k] > result.missing[best])) best = k;
    }
    result.split_of[i] = static_cast<int>(best);
    result.missing[best] -= static_cast<double>(documents[i].end - documents[i].begin);
    if (result.documents[best]++ == 0) --empty;
    --left;
  }
  return result;
}

/// Moves the one document that brings the shares nearest to the fractions (least sum of squares);
/// false when no move helps.
inline bool move_one(std::vector<TokenDocument> const& documents,
                     std::array<double, 3> const& fractions, SplitAssignment& assignment) {
  auto& [split_of, missing, count] = assignment;
  double best_change = -1;  // squares of whole tokens: less is no gain worth a move
  std::size_t moved = 0, target = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    auto const from = static_cast<std::size_t>(split_of[i]);
    auto const size = static_cast<double>(documents[i].end - documents[i].begin);
    for (std::size_t to = 0; to < 3; ++to) {
      double const change = size * (missing[from] - missing[to] + size);
      bool const allowed = to != from && fractions[to] > 0 && count[from] > 1;
      if (allowed && change < best_change) best_change = change, moved = i, target = to;
    }
  }
  if (best_change >= -1) return false;
  auto const from = static_cast<std::size_t>(split_of[moved]);
  auto const size = static_cast<double>(documents[moved].end - documents[moved].begin);
  missing[from] += size;
  missing[target] -= size;
  --count[from];
  ++count[target];
  split_of[moved] = static_cast<int>(target);
  return true;
}

/// Which split (0, 1, 2) every document goes to: drawn by seed and name, then a few documents moved
/// so that the shares come near the fractions even when documents are large. Every split with a
/// positive fraction gets at least one. Throws DataError if there are too few.
[[nodiscard]] inline std::vector<int> assign_documents(std::vector<TokenDocument> const& documents,
                                                       std::array<double, 3> const& fractions,
                                                       std::uint64_t seed) {
  auto const wanted = static_cast<std::size_t>(
      std::count_if(fractions.begin(), fractions.end(), [](double f) { return f > 0; }));
  if (documents.size() < wanted)
    throw DataError("Splits: " + std::to_string(wanted) + " splits need as many documents, got " +
                    std::to_string(documents.size()) + "; use split = \"position\"");
  constexpr int max_moves = 16;
  auto assignment = hand_out(documents, fractions, seed, wanted);
  for (int move = 0; move < max_moves && move_one(documents, fractions, assignment); ++move) {
  }
  return assignment.split_of;
}

/// Splits an encoded corpus as `config` says; within each split the corpus keeps its order.
/// Throws ConfigError for bad fractions, DataError for too few documents.
[[nodiscard]] inline Splits split_corpus(TokenCache const& corpus, CorpusConfig const& config) {
  auto const fractions = split_fractions(config);
  Splits splits;
  auto const& tokens = corpus.tokens();
  if (config.split == SplitBy::position) {
    auto const cut = [&](double fraction) {
      auto const size = static_cast<double>(tokens.size());
      return std::min(tokens.size(), static_cast<std::int64_t>(std::llround(fraction * size)));
    };
    auto const valid = cut(fractions[0]), test = cut(fractions[0] + fractions[1]);
    splits.train = tokens.slice(0, valid);
    splits.valid = tokens.slice(valid, test);
    splits.test = tokens.slice(test, tokens.size());
    return splits;
  }
  auto const& documents = corpus.documents();
  auto const assigned = assign_documents(documents, fractions, config.seed);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    auto& stream = assigned[i] == 0 ? splits.train : assigned[i] == 1 ? splits.valid : splits.test;
    auto& names = assigned[i] == 0   ? splits.train_documents
                  : assigned[i] == 1 ? splits.valid_documents
                                     : splits.test_documents;
    stream.append(tokens.slice(documents[i].begin, documents[i].end));
    names.push_back(documents[i].name);
  }
  return splits;
}

}  // namespace moenda::data
