// SPDX-License-Identifier: Apache-2.0
#pragma once
// The balanced assignment of rows to columns, by auction. It runs on one worker: every bid changes
// the prices that the next one sees, and the result must not depend on threads.
#include <algorithm>

#include "moenda/cpu/kernels/blocks.hpp"
#include "moenda/cpu/kernels/routing/auction.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

inline constexpr double auction_precision = 1e-4;  // of the range, for a whole column
inline constexpr double auction_shrink = 5;        // from one round's step to the next
inline constexpr int auction_bids_per_row = 100;   // over all rounds

}  // namespace detail

// selected[r, c] = 1 where row r goes to column c, else 0: every one of the n rows that are present
// once, every column n / cols times (one more for n % cols of them), with nearly the largest sum of
// affinities: at most cols * auction_precision * range below it, unless the bids run out; then the
// rows that wait take what is left. NaN counts as the lowest affinity.
template <class T>
void balanced_assignment(Backend<T>& backend, T* selected, T const* affinity, T const* present,
                         int rows, int cols) {
  std::fill_n(selected, std::ptrdiff_t{rows} * cols, T(0));
  auto const bidders = static_cast<int>(detail::present_rows(present, rows));
  if (bidders <= 0 || cols <= 0) return;
  using detail::AuctionColumn, detail::AuctionPlace;
  auto const row_count = static_cast<std::size_t>(bidders);
  auto* const columns = backend.template scratch<AuctionColumn>(Backend<T>::reduction,
                                                                static_cast<std::size_t>(cols));
  auto* const places = backend.template scratch<AuctionPlace>(Backend<T>::matmul_left, row_count);
  detail::Auction<T> auction(affinity, present, rows, cols, columns, places,
                             backend.template scratch<int>(Backend<T>::matmul_right, row_count));
  double const range = auction.range();
  double const last = range == 0 ? 1 : range * detail::auction_precision * cols / bidders;
  std::ptrdiff_t bids = std::ptrdiff_t{bidders} * detail::auction_bids_per_row;
  for (double step = std::max(last, range / detail::auction_shrink); bids > 0;
       step = std::max(last, step / detail::auction_shrink)) {
    bids = auction.sell(step, bids);
    if (step == last) break;
  }
  auction.finish();
  for (int c = 0; c < cols; ++c) {
    for (int i = 0; i < columns[c].taken; ++i) {
      int const row = places[columns[c].first + i].row;
      selected[std::ptrdiff_t{row} * cols + c] = T(1);
    }
  }
}

}  // namespace moenda::cpu::MOENDA_LEVEL
