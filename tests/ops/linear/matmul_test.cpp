// SPDX-License-Identifier: Apache-2.0
// Products of one weight and of many, and the rows they read.
#include "moenda/ops/linear/grouped_matmul.hpp"

#include "moenda/ops/elementwise/concatenate.hpp"
#include "moenda/ops/linear/embedding.hpp"
#include "moenda/ops/loss/cross_entropy.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;
using B = Setup::B;

TEST_CASE("matrix products need equal inner sizes", "[ops]") {
  Setup s;
  auto const w = s.weight(3, 5), dw = s.weight(3, 5);
  CHECK(ops::matmul(s.ctx, s.tensor(4, 5), w).cols == 3);
  CHECK_THROWS_WITH(ops::matmul(s.ctx, s.tensor(4, 6), w),
                    "matmul: x.cols must equal w.cols (6 vs 5)");
  CHECK_THROWS_WITH(ops::matmul_backward(s.ctx, s.tensor(4, 2), s.tensor(4, 5), w, dw),
                    "matmul_backward: dy.cols must equal w.rows (2 vs 3)");
  CHECK_THROWS_WITH(ops::matmul_backward(s.ctx, s.tensor(4, 3), s.tensor(2, 5), w, dw),
                    "matmul_backward: dy.rows must equal x.rows (4 vs 2)");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, s.tensor(4, 3), s.tensor(4, 6), w, dw),
                "matmul_backward: x.cols must equal w.cols (6 vs 5)");
  auto const dy = s.tensor(4, 3), x = s.tensor(4, 5);
  CHECK_REFUSED(ops::matmul_backward(s.ctx, dy, x, w, s.weight(2, 5)),
                "matmul_backward: dw and w must have equally many rows (2 vs 3)");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, dy, x, w, s.weight(3, 4)),
                "matmul_backward: dw and w must have equally many columns (4 vs 5)");
  CHECK_NOTHROW(ops::matmul_backward(s.ctx, dy, x, w, dw));
}

TEST_CASE("a frozen weight gets no gradient, what is below it does", "[ops]") {
  Setup s;
  auto w = s.weight(3, 5);
  auto const values = laws::numbers<float>(15, 1);
  std::copy(values.begin(), values.end(), w.data);
  auto const dy = s.tensor(4, 3), x = s.tensor(4, 5);
  auto const dw = s.weight(3, 5), untouched = s.weight(3, 5);
  auto const bits = [](auto const& t) { return std::vector<float>(t.data, t.data + t.size()); };
  auto const dx = bits(ops::matmul_backward(s.ctx, dy, x, w, dw));
  CHECK(bits(dw) != std::vector<float>(15, 0.5f));
  w.frozen = true;
  CHECK(laws::same_bits(bits(ops::matmul_backward(s.ctx, dy, x, w, untouched)), dx));
  CHECK(bits(untouched) == std::vector<float>(15, 0.5f));
}

TEST_CASE("a frozen table and a frozen head get no gradient", "[ops]") {
  Setup s;
  auto w = s.weight(3, 5);
  auto const values = laws::numbers<float>(15, 1);
  std::copy(values.begin(), values.end(), w.data);
  auto const x = s.tensor(4, 5), dy = s.tensor(4, 5);
  auto const dw = s.weight(3, 5), dtable = s.weight(3, 5), untouched = s.weight(3, 5);
  std::vector<int> const ids{0, 2, 1, 2};
  auto const bits = [](auto const& t) { return std::vector<float>(t.data, t.data + t.size()); };
  auto const backward = [&](Weight<B> const& into_head, Weight<B> const& into_table) {
    ops::embedding_backward(s.ctx, dy, ids.data(), w, into_table);
    auto const [loss, dx] =
        ops::cross_entropy_with_gradient(s.ctx, x, w, into_head, ids.data(), 0.5);
    auto outcome = bits(dx);
    outcome.push_back(float(*loss));
    return outcome;
  };
  auto const outcome = backward(dw, dtable);
  CHECK(bits(dw) != bits(untouched));
  CHECK(bits(dtable) != bits(untouched));
  w.frozen = true;
  CHECK(laws::same_bits(backward(untouched, untouched), outcome));
  CHECK(bits(untouched) == std::vector<float>(15, 0.5f));
}

/// Three weights of [3, 5]: the second has no rows, the others share `rows`.
struct Three {
  Three(Setup& s, int rows, int groups = 3) : begin{0, 1, 1, rows} {
    begin.resize(std::size_t(groups) + 1);
    for (int g = 0; g < 3; ++g) {
      each.push_back(s.weight(3, 5));
      auto const values = laws::numbers<float>(15, std::uint64_t(g));
      std::copy(values.begin(), values.end(), each.back().data);
      data.push_back(each.back().data);
    }
    all = {.rows = 3, .cols = 5, .data = data.data(), .begin = begin};
  }
  std::vector<Weight<B>> each;
  std::vector<float*> data;
  std::vector<int> begin;
  Weight<PerExpert<B>> all;
};

TEST_CASE("products of many weights need the rows of their groups", "[ops]") {
  Setup s;
  Three const w(s, 4), dw(s, 4), few(s, 4, 2);
  CHECK(ops::matmul(s.ctx, s.tensor(4, 5), w.all).cols == 3);
  CHECK_REFUSED(ops::matmul(s.ctx, s.tensor(4, 6), w.all),
                "matmul: x.cols must equal w.cols (6 vs 5)");
  CHECK_REFUSED(ops::matmul(s.ctx, s.tensor(3, 5), w.all),
                "matmul: x.rows must be those of the groups (3 vs 4)");
  auto const dy = s.tensor(4, 3), x = s.tensor(4, 5);
  CHECK_REFUSED(ops::matmul_backward(s.ctx, s.tensor(4, 2), x, w.all, dw.all),
                "matmul_backward: dy.cols must equal w.rows (2 vs 3)");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, s.tensor(3, 3), s.tensor(3, 5), w.all, dw.all),
                "matmul_backward: x.rows must be those of the groups (3 vs 4)");
  CHECK_REFUSED(ops::matmul_backward(s.ctx, dy, x, w.all, few.all),
                "matmul_backward: dw and w must have equally many groups (2 vs 3)");
  CHECK(ops::matmul(s.ctx, s.tensor(0, 5), Weight<PerExpert<B>>{.rows = 3, .cols = 5}).rows == 0);
}

TEST_CASE("frozen weights of a group get no gradient", "[ops]") {
  Setup s;
  Three w(s, 4);
  Three const dw(s, 4), untouched(s, 4);
  auto const dy = s.tensor(4, 3), x = s.tensor(4, 5);
  auto const bits = [](Tensor<B> t) { return std::vector<float>(t.data, t.data + t.size()); };
  auto const dx = bits(ops::matmul_backward(s.ctx, dy, x, w.all, dw.all));
  w.all.frozen = true;
  CHECK(laws::same_bits(bits(ops::matmul_backward(s.ctx, dy, x, w.all, untouched.all)), dx));
  for (std::size_t g = 0; g < 3; ++g) {
    auto const first = laws::numbers<float>(15, std::uint64_t(g));
    CHECK(std::equal(first.begin(), first.end(), untouched.data[g]));
    if (g != 1) CHECK(!std::equal(first.begin(), first.end(), dw.data[g]));  // group 1 has no rows
  }
}

TEST_CASE("a product of many weights is one product per group, of the rows it picks", "[ops]") {
  Setup s;
  Three const w(s, 4), dw(s, 4), expected_dw(s, 4);
  auto const table = s.tensor(6, 5), dy = s.tensor(4, 3);
  auto const values = laws::numbers<float>(30, 7);
  std::copy(values.begin(), values.end(), table.data);
  std::vector<int> const row_of{5, 0, 5, 2};
  PickedRows<B> const x(table, row_of);
  auto const y = ops::matmul(s.ctx, x, w.all);
  auto const dx = ops::matmul_backward(s.ctx, dy, x, w.all, dw.all);
  auto const close = [](Tensor<B> a, Tensor<B> b) {
    return laws::distance(std::span<float const>(a.data, std::size_t(a.size())),
                          std::span<float const>(b.data, std::size_t(b.size()))) <= 1e-6;
  };
  for (std::size_t g = 0; g < 3; ++g) {
    int const first = w.begin[g], rows = w.begin[g + 1] - first;
    auto const part = x.slice(first, rows);
    CHECK(close(y.slice(first, rows), ops::matmul(s.ctx, part, w.each[g])));
    CHECK(close(dx.slice(first, rows), ops::matmul_backward(s.ctx, dy.slice(first, rows), part,
                                                            w.each[g], expected_dw.each[g])));
    CHECK(close({dw.data[g], 3, 5}, {expected_dw.data[g], 3, 5}));
  }
}

TEST_CASE("picked rows are copied only where they must", "[ops]") {
  Setup s;
  auto const x = s.tensor(3, 2);
  for (int i = 0; i < 6; ++i) x.data[i] = float(i);
  CHECK(ops::gather(s.ctx, PickedRows<B>(x).slice(1, 2)).data == x.data + 2);
  std::vector<int> const row_of{0, 2, 2, 1};
  auto const y = ops::gather(s.ctx, PickedRows<B>(x, row_of).slice(1, 3));
  CHECK(std::vector<float>(y.data, y.data + 6) == std::vector<float>{4, 5, 4, 5, 2, 3});
}

TEST_CASE("parts are copied together only where more than one has rows", "[ops]") {
  Setup s;
  auto const none = s.tensor(0, 2), one = s.tensor(1, 2), two = s.tensor(2, 2);
  auto const of = [&](std::vector<Tensor<B>> parts) {
    return ops::concatenate(s.ctx, std::span<Tensor<B> const>(parts));
  };
  CHECK(of({}).rows == 0);
  CHECK(of({none, none}).cols == 2);
  CHECK(of({none, two, none}).data == two.data);
  one.data[0] = 7;
  auto const all = of({one, none, two});
  REQUIRE(all.rows == 3);
  CHECK(std::vector<float>(all.data, all.data + 6) ==
        std::vector<float>{7, 0.5, 0.5, 0.5, 0.5, 0.5});
  CHECK_REFUSED(of({one, s.tensor(1, 3)}),
                "concatenate: all parts must have equally many columns (3 vs 2)");
}

}  // namespace
