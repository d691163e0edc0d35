// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/weights.hpp"

#include <catch2/catch.hpp>

#include "moenda/core/grouped.hpp"

using namespace moenda;

namespace {

template <class W>
constexpr bool is(W const& w, int rows, int cols, WeightKind kind, double initial_scale = 1) {
  return w.rows == rows && w.cols == cols && w.kind == kind && w.initial_scale == initial_scale &&
         w.data == nullptr && !w.frozen && w.stored.is_plain();
}

}  // namespace

TEMPLATE_TEST_CASE("makers of weights give shapes of their kind", "[weights]", Shapes,
                   PerExpert<Shapes>) {
  using W = Weight<TestType>;
  STATIC_REQUIRE(is<W>(weights::matrix(2, 3), 2, 3, WeightKind::matrix));
  STATIC_REQUIRE(is<W>(weights::matrix(2, 3, 50), 2, 3, WeightKind::matrix, 50));
  STATIC_REQUIRE(is<W>(weights::residual(2, 3), 2, 3, WeightKind::residual));
  STATIC_REQUIRE(is<W>(weights::embedding(2, 3, 5), 2, 3, WeightKind::embedding, 5));
  STATIC_REQUIRE(is<W>(weights::table(2, 3), 2, 3, WeightKind::table));
  STATIC_REQUIRE(is<W>(weights::router(2, 3, 0), 2, 3, WeightKind::router, 0));
  STATIC_REQUIRE(is<W>(weights::gain(3), 1, 3, WeightKind::gain));
  STATIC_REQUIRE(is<W>(weights::bias(3), 1, 3, WeightKind::bias));
  STATIC_REQUIRE(is<W>(weights::bias(3, false), 0, 3, WeightKind::bias));
  STATIC_REQUIRE(is<W>(weights::state(2, 3), 2, 3, WeightKind::state));
}
