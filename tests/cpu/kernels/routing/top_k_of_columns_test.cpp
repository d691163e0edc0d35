// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "cpu/kernels/checks.hpp"

using namespace moenda;

namespace {

struct Groups {
  int count, members, group_step, member_step;
};

/// Sorts every column of every group: the k largest first, equal ones by row.
template <class T>
std::vector<T> reference(std::vector<T> const& x, int k, Groups const& g, int cols) {
  std::vector<T> mask(x.size());
  for (int group = 0; group < g.count; ++group) {
    for (int c = 0; c < cols; ++c) {
      std::vector<std::size_t> at;
      for (int i = 0; i < g.members; ++i) {
        at.push_back(std::size_t((group * g.group_step + i * g.member_step) * cols + c));
      }
      std::stable_sort(at.begin(), at.end(),
                       [&](std::size_t a, std::size_t b) { return x[a] > x[b]; });
      for (int i = 0; i < std::min(k, g.members); ++i) mask[at[std::size_t(i)]] = T(1);
    }
  }
  return mask;
}

TEMPLATE_TEST_CASE("the largest of every column and group are marked", "[cpu][top_k]", float,
                   double) {
  constexpr int batch = 6, length = 7, cols = 5, rows = batch * length;
  auto x = checks::numbers<TestType>(rows * cols, 3);
  for (auto& value : x) value = std::round(4 * value);  // ties
  Groups const all{1, rows, 0, 1}, sequences{batch, length, length, 1},
      positions{length, batch, 1, length};
  for (Groups const& g : {all, sequences, positions}) {
    for (int const k : {1, 2, 3, 6, 7, 41, 42, 1000}) {
      CAPTURE(g.count, k);
      checks::require_same_bits<TestType>([&](auto& backend) {
        std::vector<TestType> mask(x.size(), TestType(-1));
        cpu::top_k_of_columns(backend, mask.data(), x.data(), k, g.count, g.members, g.group_step,
                              g.member_step, cols);
        REQUIRE(mask == reference(x, k, g, cols));
        return mask;
      });
    }
  }
}

TEST_CASE("NaN is the smallest of a column", "[cpu][top_k]") {
  cpu::Backend<float> backend(1);
  std::vector<float> const x{NAN, -1e30f, NAN, 5, -INFINITY};
  std::vector<float> mask(5);
  cpu::top_k_of_columns(backend, mask.data(), x.data(), 2, 1, 5, 0, 1, 1);
  CHECK(mask == std::vector<float>{0, 1, 0, 1, 0});
  cpu::top_k_of_columns(backend, mask.data(), x.data(), 3, 1, 5, 0, 1, 1);
  CHECK(mask == std::vector<float>{1, 1, 0, 1, 0});  // ties of -infinity: the first
}

}  // namespace
