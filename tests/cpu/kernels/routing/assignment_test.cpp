// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/cpu/kernels/routing/auction.hpp"

using namespace moenda;
using checks::numbers;

namespace {

/// The assignment of rows to `place` columns of largest sum, exactly: the Hungarian algorithm with
/// potentials (Kuhn 1955, Munkres 1957), O(n^3). affinity [n, n].
double best_sum(std::vector<double> const& affinity, int n) {
  auto const size = std::size_t(n) + 1;
  std::vector<double> u(size), v(size);
  std::vector<std::size_t> row_of(size), way(size);
  for (std::size_t i = 1; i < size; ++i) {
    row_of[0] = i;
    std::size_t j0 = 0;
    std::vector<double> least(size, INFINITY);
    std::vector<bool> used(size);
    do {
      used[j0] = true;
      std::size_t const i0 = row_of[j0];
      std::size_t j1 = 0;
      double delta = INFINITY;
      for (std::size_t j = 1; j < size; ++j) {
        if (used[j]) continue;
        double const cost = -affinity[(i0 - 1) * (size - 1) + j - 1] - u[i0] - v[j];
        if (cost < least[j]) least[j] = cost, way[j] = j0;
        if (least[j] < delta) delta = least[j], j1 = j;
      }
      for (std::size_t j = 0; j < size; ++j) {
        if (used[j]) {
          u[row_of[j]] += delta, v[j] -= delta;
        } else {
          least[j] -= delta;
        }
      }
      j0 = j1;
    } while (row_of[j0] != 0);
    for (; j0 != 0; j0 = way[j0]) row_of[j0] = row_of[way[j0]];
  }
  double sum = 0;
  for (std::size_t j = 1; j < size; ++j) sum += affinity[(row_of[j] - 1) * (size - 1) + j - 1];
  return sum;
}

template <class T>
std::vector<T> assignment(std::vector<T> const& affinity, int cols,
                          std::vector<T> const& present = {}) {
  cpu::Backend<T> backend(2);
  std::vector<T> selected(affinity.size());
  int const rows = int(affinity.size()) / cols;
  cpu::balanced_assignment(backend, selected.data(), affinity.data(),
                           present.empty() ? nullptr : present.data(), rows, cols);
  return selected;
}

struct Assigned {
  std::vector<int> loads;
  double sum = 0;
};
template <class T>
Assigned assigned(std::vector<T> const& selected, std::vector<T> const& affinity, int cols) {
  Assigned result{std::vector<int>(std::size_t(cols))};
  for (std::size_t r = 0; r < selected.size(); r += std::size_t(cols)) {
    REQUIRE(std::accumulate(&selected[r], &selected[r] + cols, T(0)) == T(1));
  }
  for (std::size_t i = 0; i < selected.size(); ++i) {
    if (selected[i] == T(0)) continue;
    ++result.loads[i % std::size_t(cols)];
    result.sum += double(affinity[i]);
  }
  return result;
}

TEMPLATE_TEST_CASE("the auction shares out evenly and nearly for the best", "[cpu][assignment]",
                   float, double) {
  for (int const cols : {1, 2, 3, 8}) {
    for (int const rows : {1, 2, 7, 24, 61}) {
      for (int const kind : {0, 1, 2}) {
        auto z = numbers<TestType>(rows * cols, std::uint64_t(rows * 10 + cols), -3, 3);
        for (std::size_t i = 0; i < z.size(); ++i) {
          if (kind == 1)
            z[i] = TestType(0.1) * z[i] - TestType(i % std::size_t(cols));  // one leads
          if (kind == 2) z[i] = TestType(std::round(z[i]));                 // many ties
        }
        CAPTURE(cols, rows, kind);
        auto const selected = assignment(z, cols);
        auto const got = assigned(selected, z, cols);
        int longer = 0;
        std::vector<double> places;  // [rows, rows] a column per place, by the loads it got
        for (int const load : got.loads) {
          REQUIRE((load == rows / cols || load == rows / cols + 1));
          longer += load > rows / cols;
        }
        CHECK(longer == rows % cols);
        for (std::size_t r = 0; r < std::size_t(rows); ++r) {
          for (std::size_t c = 0; c < std::size_t(cols); ++c) {
            places.insert(places.end(), std::size_t(got.loads[c]),
                          double(z[r * std::size_t(cols) + c]));
          }
        }
        double const best = best_sum(places, rows);
        CHECK(got.sum <= best + 1e-9);
        auto const [low, high] = std::minmax_element(z.begin(), z.end());
        CHECK(got.sum >= best - 1e-9 - cols * 1e-4 * double(*high - *low));  // E * eps
      }
    }
  }
}

TEST_CASE("the remainder goes to the experts of largest total affinity", "[cpu][assignment]") {
  std::vector<double> const z{0, 5, 1, 3, 0, 4, 1, 1, 1, 2};  // [2, 5]: totals 4 1 ... by column
  auto const selected = assignment(z, 5);
  // totals 4, 6, 2, 4, 2: columns 1 and 0 have the two places
  CHECK(selected == std::vector<double>{0, 1, 0, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("an auction is that of the rows that are present", "[cpu][assignment]") {
  constexpr std::size_t rows = 61, cols = 4;
  auto z = numbers<double>(int(rows * cols), 42, -3, 3);
  std::vector<double> present(rows, 1), rest;
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % 3 == 0) {
      present[r] = 0;
      z[r * cols] = 1e9;  // neither in the totals nor in the range
    } else {
      rest.insert(rest.end(), &z[r * cols], &z[r * cols] + cols);
    }
  }
  auto const selected = assignment(z, int(cols), present);
  std::vector<double> kept;
  for (std::size_t r = 0; r < rows; ++r) {
    auto const* const row = &selected[r * cols];
    if (present[r] != 0) {
      kept.insert(kept.end(), row, row + cols);
    } else {
      CHECK(std::accumulate(row, row + cols, 0.0) == 0);
    }
  }
  CHECK(kept == assignment(rest, int(cols)));
  std::vector<double> const nobody(rows, 0);
  CHECK(assignment(z, int(cols), nobody) == std::vector<double>(z.size(), 0));
}

TEST_CASE("the auction ends evenly whatever it is given", "[cpu][assignment]") {
  auto const loads = [](std::vector<float> const& z, int cols) {
    auto const selected = assignment(z, cols);
    return assigned(selected, z, cols).loads;
  };
  std::vector<int> const even(4, 16);
  for (float const value : {0.f, NAN, INFINITY, -INFINITY, 1e38f}) {
    CHECK(loads(std::vector<float>(64 * 4, value), 4) == even);
    auto z = numbers<float>(64 * 4, 40);
    for (std::size_t i = 0; i < z.size(); i += 7) z[i] = value;
    CHECK(loads(z, 4) == even);
  }
}

TEST_CASE("an auction that runs out of bids still gives everybody a place", "[cpu][assignment]") {
  constexpr int rows = 30, cols = 4;
  auto const z = numbers<double>(rows * cols, 41);
  std::vector<cpu::detail::AuctionColumn> columns(cols);
  std::vector<cpu::detail::AuctionPlace> places(rows);
  std::vector<int> waiting(rows);
  for (int const bids : {0, 1, 29, 35}) {
    cpu::detail::Auction<double> auction(z.data(), nullptr, rows, cols, columns.data(),
                                         places.data(), waiting.data());
    CHECK(auction.sell(0.001, bids) == 0);
    auction.finish();
    std::vector<int> seen(rows);
    for (auto const& column : columns) {
      CHECK(column.taken == column.places);
      for (int i = 0; i < column.taken; ++i)
        ++seen[std::size_t(places[std::size_t(column.first + i)].row)];
    }
    CHECK(seen == std::vector<int>(rows, 1));
  }
}

}  // namespace
