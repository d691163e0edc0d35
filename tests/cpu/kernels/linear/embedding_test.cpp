// SPDX-License-Identifier: Apache-2.0

#include "cpu/kernels/checks.hpp"

using namespace moenda;
using checks::numbers;

namespace {

std::vector<int> some_ids(int rows, int table_rows) {
  std::vector<int> ids(static_cast<std::size_t>(rows));
  for (int r = 0; r < rows; ++r) {
    ids[static_cast<std::size_t>(r)] = static_cast<int>((r * 7919L + 3) % table_rows);
  }
  return ids;
}

}  // namespace

TEMPLATE_TEST_CASE("embedding looks rows up and its backward adds them back", "[cpu][embedding]",
                   float, double) {
  using T = TestType;
  cpu::Backend<T> backend(3);
  int const table_rows = 11;
  for (int const rows : {0, 1, 5, 400}) {
    for (int const cols : {1, 3, 16, 130}) {
      auto const ids = some_ids(rows, table_rows);
      auto const table = numbers<T>(table_rows * cols, 1), dy = numbers<T>(rows * cols, 2);
      std::vector<T> y(dy.size());
      cpu::embedding_forward(backend, y.data(), table.data(), ids.data(), rows, cols);
      auto dtable = numbers<T>(table_rows * cols, 3);  // accumulates
      std::vector<double> expected(dtable.begin(), dtable.end());
      cpu::embedding_backward(backend, dtable.data(), dy.data(), ids.data(), rows, cols,
                              table_rows);
      for (int i = 0; i < rows * cols; ++i) {
        auto const from =
            static_cast<std::size_t>(ids[static_cast<std::size_t>(i / cols)] * cols + i % cols);
        REQUIRE(y[static_cast<std::size_t>(i)] == table[from]);
        expected[from] += static_cast<double>(dy[static_cast<std::size_t>(i)]);
      }
      checks::require_near(dtable, expected, checks::tolerance<T>);
    }
  }
}

TEST_CASE("embedding_backward refuses ids outside the table and writes nothing",
          "[cpu][embedding]") {
  cpu::Backend<float> backend(2);
  std::vector<float> dtable(12, 0.0f);
  auto const dy = numbers<float>(12, 1);
  for (int const bad : {-1, 4, 1 << 30, -(1 << 30)}) {
    std::vector<int> const ids{0, 3, bad};
    REQUIRE_THROWS_AS(
        cpu::embedding_backward(backend, dtable.data(), dy.data(), ids.data(), 3, 3, 4), DataError);
    REQUIRE_THROWS_WITH(
        cpu::embedding_backward(backend, dtable.data(), dy.data(), ids.data(), 3, 3, 4),
        "embedding_backward: ids must lie in 0..3 (id " + std::to_string(bad) + " in row 2)");
  }
  REQUIRE(dtable == std::vector<float>(12, 0.0f));
}

TEST_CASE("embedding_backward has the same bits for any thread count", "[cpu][embedding]") {
  auto const ids = some_ids(700, 5);
  auto const dy = numbers<float>(700 * 200, 1);
  checks::require_same_bits([&](cpu::Backend<float>& backend) {
    std::vector<float> dtable(5 * 200, 0.5f);
    cpu::embedding_backward(backend, dtable.data(), dy.data(), ids.data(), 700, 200, 5);
    return dtable;
  });
}
