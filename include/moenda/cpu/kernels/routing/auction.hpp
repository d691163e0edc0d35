// SPDX-License-Identifier: Apache-2.0
#pragma once
// The auction by which rows get columns.
#include <algorithm>
#include <cstddef>
#include <limits>

#include "moenda/cpu/kernels/loss/routing_totals.hpp"

namespace moenda::cpu::MOENDA_LEVEL::detail {

/// What a column of an auction offers: `places` equal places, of which `taken` are sold. Nobody
/// gets one below `price`.
struct AuctionColumn {
  double price = 0;
  int places = 0, taken = 0;
  int first = 0;  ///< of its places
};
/// A sold place: the row that has it, and what it bid.
struct AuctionPlace {
  double bid;
  int row;
};
/// The lowest bid is on top of a heap; of equal bids the one of the later row.
[[nodiscard]] inline bool outbids(AuctionPlace const& a, AuctionPlace const& b) {
  return a.bid != b.bid ? a.bid > b.bid : a.row < b.row;
}

/// Rows bid for places until everybody has one (Bertsekas & Castanon 1989, the auction for similar
/// objects). Each bid is `step` above what would make the row's second best column as good, so that
/// in the end nobody is more than `step` away from its best, and the sum of affinities is at most
/// rows * step below the largest one.
template <class T>
class Auction {
 public:
  /// Of the first `rows` rows those that are present bid, at least one. columns [cols], places
  /// [rows] and waiting [rows] are working memory; afterwards they say who has what.
  Auction(T const* affinity, T const* present, int rows, int cols, AuctionColumn* columns,
          AuctionPlace* places, int* waiting)
      : affinity_(affinity),
        present_(present),
        all_rows_(rows),
        rows_(static_cast<int>(present_rows(present, rows))),
        cols_(cols),
        columns_(columns),
        places_(places),
        waiting_(waiting) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (int c = 0; c < cols; ++c) columns[c] = {};
    for (int r = 0; r < rows; ++r) {
      if (!is_present(present, r)) continue;
      for (int c = 0; c < cols; ++c) {
        columns[c].price += value(r, c);  // for now the total affinity
        low = std::min(low, value(r, c));
        high = std::max(high, value(r, c));
      }
    }
    range_ = high - low;
    share_places();
  }
  /// The largest distance between two affinities.
  [[nodiscard]] double range() const { return range_; }

  /// One round with fresh places and the prices of the last. Returns how many bids are left of
  /// `bids`; 0 says that rows may still be waiting.
  std::ptrdiff_t sell(double step, std::ptrdiff_t bids) {
    for (int c = 0; c < cols_; ++c) columns_[c].taken = 0;
    first_ = count_ = 0;
    for (int r = 0; r < all_rows_; ++r) {
      if (is_present(present_, r)) waiting_[count_++] = r;
    }
    for (; count_ > 0 && bids > 0; --bids) bid(pop(), step);
    return bids;
  }
  /// Rows that still wait take the column they like best among those with free places.
  void finish() {
    while (count_ > 0) {
      int const row = pop();
      int best = -1;
      double most = 0;
      for (int c = 0; c < cols_; ++c) {
        double const worth = value(row, c);
        if (columns_[c].taken == columns_[c].places) continue;
        if (best < 0 || worth > most) best = c, most = worth;
      }
      auto& column = columns_[best];
      places_[column.first + column.taken++] = {0, row};
    }
  }

 private:
  /// What a row would pay for a column, always finite.
  [[nodiscard]] double value(int row, int column) const {
    T const z = affinity_[std::ptrdiff_t{row} * cols_ + column];
    constexpr double limit = 1e30;
    return z == z ? std::clamp(static_cast<double>(z), -limit, limit) : -limit;
  }
  /// Every column gets rows / cols places; the remainder goes, one each, to the columns of largest
  /// total affinity (ties: lowest column).
  void share_places() {
    int const share = rows_ / cols_;
    for (int c = 0; c < cols_; ++c) columns_[c].places = share;
    for (int extra = rows_ % cols_; extra > 0; --extra) {
      int best = -1;
      double most = 0;
      for (int c = 0; c < cols_; ++c) {
        double const price = columns_[c].price;
        if (columns_[c].places > share) continue;
        if (best < 0 || price > most) best = c, most = price;
      }
      ++columns_[best].places;
    }
    int first = 0;
    for (int c = 0; c < cols_; ++c) {
      columns_[c].price = 0;
      columns_[c].first = first;
      first += columns_[c].places;
    }
  }
  int pop() {
    int const row = waiting_[first_];
    first_ = first_ + 1 == rows_ ? 0 : first_ + 1;
    --count_;
    return row;
  }
  void push(int row) {
    int const at = first_ + count_;
    waiting_[at < rows_ ? at : at - rows_] = row;
    ++count_;
  }
  void bid(int row, double step) {
    constexpr double least = -std::numeric_limits<double>::infinity();
    double best = least, second = least;
    int wanted = 0;
    for (int c = 0; c < cols_; ++c) {
      double const gain = value(row, c) - columns_[c].price;
      if (columns_[c].places == 0) continue;
      if (gain > best) {
        second = best;
        best = gain;
        wanted = c;
      } else if (gain > second) {
        second = gain;
      }
    }
    auto& column = columns_[wanted];
    double const margin = second == least ? 0 : best - second;
    take(column, {column.price + margin + step, row});
  }
  void take(AuctionColumn& column, AuctionPlace place) {
    auto* const begin = places_ + column.first;
    if (column.taken == column.places) {
      std::pop_heap(begin, begin + column.taken, outbids);
      push(begin[--column.taken].row);
    }
    begin[column.taken++] = place;
    std::push_heap(begin, begin + column.taken, outbids);
    if (column.taken == column.places) column.price = begin->bid;
  }

  T const* affinity_;  // [all rows, cols]
  T const* present_;   // [all rows], or null
  int all_rows_;
  int rows_, cols_;         // those that bid
  AuctionColumn* columns_;  // [cols]
  AuctionPlace* places_;    // [rows], column by column
  int* waiting_;            // [rows], a ring of the rows without a place
  int first_ = 0, count_ = 0;
  double range_ = 0;
};

}  // namespace moenda::cpu::MOENDA_LEVEL::detail
