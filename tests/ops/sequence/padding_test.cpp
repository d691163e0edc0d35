// SPDX-License-Identifier: Apache-2.0
#include "moenda/ops/sequence/padding.hpp"

#include "moenda/ops/elementwise/random_mask.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;

std::vector<float> values(Tensor<laws::Float> t) { return {t.data, t.data + t.size()}; }

TEST_CASE("present items are those before a sequence's length", "[ops]") {
  Setup s;
  CHECK(ops::present_items(s.ctx, 4).data == nullptr);
  std::vector<int> const lengths{2, 0, 7, -1};
  s.ctx.batch = {nullptr, 4, 3, 0, lengths.data()};
  CHECK(values(ops::present_items(s.ctx, 12)) ==
        std::vector<float>{1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0});
  CHECK(values(ops::present_items(s.ctx, 4)) == std::vector<float>{1, 0, 1, 0});
  CHECK_REFUSED(ops::present_items(s.ctx, 5),
                "present_items: with padding, items must be the batch's tokens or its sequences (5 "
                "vs 12)");
  s.ctx.batch = {nullptr, 4, 1, 0, lengths.data()};
  CHECK(values(ops::present_items(s.ctx, 4)) == std::vector<float>{1, 0, 1, 0});
  s.ctx.batch = {nullptr, 0, 3, 0, lengths.data()};
  CHECK(ops::present_items(s.ctx, 0).rows == 0);
}

TEST_CASE("tables lose the rows of padding", "[ops]") {
  Setup s;
  auto const table = s.tensor(4, 2);
  CHECK(ops::without_padding(s.ctx, table).data == table.data);
  std::vector<int> const lengths{1, 2};
  s.ctx.batch = {nullptr, 2, 2, 0, lengths.data()};
  CHECK(values(ops::without_padding(s.ctx, table)) ==
        std::vector<float>{0.5, 0.5, 0, 0, 0.5, 0.5, 0.5, 0.5});
}

TEST_CASE("random masks keep the mean, and are drawn once per step and purpose", "[ops]") {
  Setup s;
  auto const a = values(ops::random_mask(s.ctx, "one", 0.25, 100, 100));
  double sum = 0;
  for (float const v : a) {
    REQUIRE((v == 0 || v == float(1 / 0.75)));
    sum += double(v);
  }
  CHECK(sum / 1e4 == Approx(1).margin(0.025));
  CHECK(a == values(ops::random_mask(s.ctx, "one", 0.25, 100, 100)));
  CHECK(a != values(ops::random_mask(s.ctx, "other", 0.25, 100, 100)));
  s.ctx.step = 1;
  CHECK(a != values(ops::random_mask(s.ctx, "one", 0.25, 100, 100)));
  CHECK(values(ops::random_mask(s.ctx, "one", 0, 2, 2)) == std::vector<float>(4, 1));
  for (double const p : {-0.5, 1.0, double(NAN)}) {
    CHECK_THROWS_WITH(ops::random_mask(s.ctx, "one", p, 2, 2),
                      Catch::Contains("at least 0 and below 1"));
  }
}

}  // namespace
