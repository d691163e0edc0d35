// SPDX-License-Identifier: Apache-2.0
// One column per row, rows of length 1, and selections by threshold.
#include "moenda/ops/routing/choice.hpp"

#include "moenda/ops/norm/unit_rows.hpp"
#include "moenda/ops/routing/top_any.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;
using B = Setup::B;

Tensor<B> table(Setup& s, std::vector<std::vector<float>> const& rows) {
  auto t = s.tensor(int(rows.size()), rows.empty() ? 0 : int(rows[0].size()));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::copy(rows[r].begin(), rows[r].end(), t.data + std::ptrdiff_t(r) * t.cols);
  }
  return t;
}
template <class T>
auto values_of(T const& t) {
  return std::vector<float>(t.data, t.data + t.size());
}

TEST_CASE("a draw chooses the column in which it falls", "[ops]") {
  Setup s;
  float const below_one = std::nextafter(1.f, 0.f);
  struct Drawn {
    std::vector<float> probs;
    float draw;
    int column;
  };
  for (auto const& [probs, draw, column] :
       {Drawn{{0.25f, 0.5f, 0.25f}, 0, 0}, Drawn{{0.25f, 0.5f, 0.25f}, 0.25f, 1},
        Drawn{{0.25f, 0.5f, 0.25f}, 0.74f, 1}, Drawn{{0.25f, 0.5f, 0.25f}, below_one, 2},
        Drawn{{0, 1, 0}, 0, 1}, Drawn{{0, 1, 0}, below_one, 1},
        Drawn{{0.5f, 0.4f, 0}, below_one, 1},  // they sum to less than 1
        Drawn{{0, 0, 0}, 0.5f, 0}, Drawn{{NAN, NAN, NAN}, 0.5f, 0}}) {
    CAPTURE(probs, draw);
    auto const mask = ops::choose_at_random(s.ctx, table(s, {probs}), table(s, {{draw}}));
    for (int c = 0; c < 3; ++c) CHECK(mask.data[c] == float(c == column));
    CHECK(ops::chosen_columns(s.ctx, mask)[0] == column);
  }
  CHECK(ops::chosen_columns(s.ctx, table(s, {{0, 0}}))[0] == 0);
  CHECK(ops::chosen_columns(s.ctx, s.tensor(0, 3)).empty());
  CHECK_REFUSED(ops::choose_at_random(s.ctx, s.tensor(2, 3), s.tensor(3, 1)),
                "choose_at_random: draws must be one per row (3 vs 2)");
  CHECK_REFUSED(ops::choose_at_random(s.ctx, s.tensor(2, 0), s.tensor(2, 1)),
                "choose_at_random: there must be a column to choose (0 vs 1)");
}

TEST_CASE("every row gets the row of a table, or the factor, that it chose", "[ops]") {
  Setup s;
  std::vector<int> const columns{2, 0, 2};
  auto const rows = table(s, {{1, 2}, {3, 4}, {5, 6}});
  Weight<B> const bias{3, 2, WeightKind::matrix, rows.data};
  auto y = table(s, {{10, 10}, {20, 20}, {30, 30}});
  ops::add_chosen_row(s.ctx, y, bias, columns);
  CHECK(values_of(y) == std::vector<float>{15, 16, 21, 22, 35, 36});
  ops::add_chosen_row_backward(s.ctx, y, columns, bias);
  CHECK(values_of(rows) == std::vector<float>{22, 24, 3, 4, 55, 58});

  auto const factors = table(s, {{9, 9, 2}, {3, 9, 9}, {9, 9, 4}});
  auto const x = table(s, {{1, 2}, {3, 4}, {5, 6}});
  auto const scaled = ops::scale_by_chosen(s.ctx, x, factors, columns);
  CHECK(values_of(scaled) == std::vector<float>{2, 4, 9, 12, 20, 24});
  auto const d = table(s, {{0, 0, 1}, {0, 0, 0}, {0, 0, 0}});
  ops::scale_by_chosen_backward(s.ctx, scaled, x, columns, d);
  CHECK(values_of(d) == std::vector<float>{0, 0, 11, 75, 0, 0, 0, 0, 244});

  CHECK_REFUSED(ops::add_chosen_row(s.ctx, s.tensor(3, 4), bias, columns),
                "add_chosen_row: the table must be as wide as y (2 vs 4)");
  CHECK_REFUSED(ops::add_chosen_row(s.ctx, s.tensor(4, 2), bias, columns),
                "add_chosen_row: columns must be one per row (3 vs 4)");
  CHECK_REFUSED(ops::scale_by_chosen(s.ctx, x, s.tensor(2, 3), columns),
                "scale_by_chosen: factors and x must have equally many rows (2 vs 3)");
}

TEST_CASE("rows keep their direction and lose their length", "[ops]") {
  Setup s;
  auto const unit = ops::unit_rows(s.ctx, table(s, {{3, 4}, {0, 0}, {0, -1e-20f}, {1e18f, 0}}));
  CHECK(values_of(unit.y) == std::vector<float>{0.6f, 0.8f, 0, 0, 0, 0, 1, 0});
  // Along the row nothing changes, across it does.
  auto const dx = ops::unit_rows_backward(s.ctx, table(s, {{3, 4}, {1, 1}, {1, 1}, {0, 1}}), unit);
  CHECK(values_of(dx)[0] == Approx(0).margin(1e-6));
  CHECK(values_of(dx)[1] == Approx(0).margin(1e-6));
  CHECK(std::vector(dx.data + 2, dx.data + 6) == std::vector<float>{0, 0, 0, 0});
  CHECK(values_of(dx)[7] == Approx(1e-18));
}

TEST_CASE("a selection by threshold says what it must be given", "[ops]") {
  Setup s;
  CHECK_REFUSED(ops::top_any(s.ctx, s.tensor(4, 3), s.weight(1, 2), s.tensor(1, 3), 1, true),
                "top_any: there must be a threshold per expert (2 vs 3)");
  CHECK_REFUSED(ops::top_any(s.ctx, s.tensor(4, 3), s.weight(1, 3), s.tensor(1, 4), 1, true),
                "top_any: active must have a number per expert (4 vs 3)");
  CHECK_REFUSED(ops::gate_diversity(s.ctx, s.tensor(3, 2), s.tensor(1, 3), 1),
                "gate_diversity: similarity must be square (2 vs 3)");
  CHECK_REFUSED(
      ops::sum_of_unrouted(s.ctx, s.tensor(4, 3), s.tensor(3, 2), s.weight(1, 3), s.weight(1, 1)),
      "sum_of_unrouted: x and selected must have equally many rows (4 vs 3)");
}

}  // namespace
