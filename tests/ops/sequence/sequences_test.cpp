// SPDX-License-Identifier: Apache-2.0
// Operations on whole sequences and their answers.
#include <limits>

#include "moenda/ops/loss/squared_error.hpp"
#include "moenda/ops/sequence/features.hpp"
#include "moenda/ops/sequence/gru.hpp"
#include "moenda/ops/sequence/mean_pool.hpp"
#include "ops/setup.hpp"

namespace {

using namespace moenda;
using operations::Setup;

using Values = std::vector<float>;
Values values(Tensor<laws::Float> t) { return {t.data, t.data + t.size()}; }
Tensor<laws::Float> tensor(Setup& s, int cols, Values const& from) {
  auto t = s.ctx.tensor(int(from.size()) / cols, cols);
  std::copy(from.begin(), from.end(), t.data);
  return t;
}
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("pooling and repeating see what is there, and nothing else", "[ops]") {
  Setup s;
  std::vector<int> const lengths{2, 0, 3};
  s.ctx.batch = {nullptr, 3, 3, 0, lengths.data()};
  Values const x{1, 10, 3, 30, nan, nan, nan, nan, nan, nan, nan, nan, 1, 2, 3, 4, 5, 6};
  CHECK(values(ops::mean_pool(s.ctx, tensor(s, 2, x))) == Values{2, 20, 0, 0, 3, 4});
  CHECK(values(ops::repeat_rows_backward(s.ctx, tensor(s, 2, x))) == Values{4, 40, 0, 0, 9, 12});
  auto const rows = tensor(s, 2, {6, 12, nan, nan, -3, 9});
  CHECK(values(ops::mean_pool_backward(s.ctx, rows)) ==
        Values{3, 6, 3, 6, 0, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 3, -1, 3});
  CHECK(values(ops::repeat_rows(s.ctx, rows)) ==
        Values{6, 12, 6, 12, 0, 0, 0, 0, 0, 0, 0, 0, -3, 9, -3, 9, -3, 9});
  s.ctx.batch.lengths = nullptr;
  CHECK(values(ops::mean_pool(s.ctx, tensor(s, 1, {1, 2, 6, 0, 0, 3, 4, 4, 4}))) ==
        Values{3, 1, 4});
  s.ctx.batch.seq_len = 0;
  CHECK(ops::mean_pool(s.ctx, s.tensor(0, 2)).rows == 0);
  CHECK(ops::repeat_rows(s.ctx, s.tensor(0, 2)).rows == 0);
}

TEST_CASE("features are read without their padding", "[ops]") {
  Setup s;
  std::vector<int> const lengths{1, 2};
  Values const features{1, 2, nan, nan, 3, 4, 5, 6};
  s.ctx.batch = {nullptr, 2, 2, 0, lengths.data()};
  CHECK_THROWS_AS(ops::features(s.ctx, 2), ConfigError);
  s.ctx.batch.features = features.data();
  CHECK_THROWS_AS(ops::features(s.ctx, 2), ConfigError);  // of no known width
  s.ctx.batch.channels = 2;
  CHECK(values(ops::features(s.ctx, 2)) == Values{1, 2, 0, 0, 3, 4, 5, 6});
}

TEST_CASE("squared errors", "[ops]") {
  Setup s;
  Values const targets{1, nan, -2};
  auto const guess = tensor(s, 1, {3, 9, -2.5f});
  Values losses(3);
  CHECK(*ops::squared_error(s.ctx, guess, targets.data(), losses.data()) == 4.25);
  CHECK(losses == Values{4, 0, 0.25f});
  auto const [loss, dvalues] = ops::squared_error_with_gradient(s.ctx, guess, targets.data(), 0.5);
  CHECK(*loss == 4.25);
  CHECK(values(dvalues) == Values{2, 0, -0.5f});
  CHECK_REFUSED(ops::squared_error(s.ctx, s.tensor(2, 3), targets.data()),
                "squared_error: values must have one column (3 vs 1)");
}

TEST_CASE("a recurrence needs gates and weights of one size", "[ops]") {
  Setup s;
  s.ctx.batch = {nullptr, 2, 3};
  ops::GruCache<laws::Float> cache;
  CHECK_REFUSED(ops::gru(s.ctx, s.tensor(5, 12), s.weight(12, 4), s.weight(1, 12), cache),
                "gru: gates.rows must be batch_size * seq_len (5 vs 6)");
  CHECK_REFUSED(ops::gru(s.ctx, s.tensor(6, 12), s.weight(11, 4), s.weight(1, 12), cache),
                "gru: weight must be [3 hidden, hidden] (11 vs 12)");
  CHECK_REFUSED(ops::gru(s.ctx, s.tensor(6, 9), s.weight(12, 4), s.weight(1, 12), cache),
                "gru: gates.cols must be 3 hidden (9 vs 12)");
  CHECK_REFUSED(ops::gru(s.ctx, s.tensor(6, 12), s.weight(12, 4), s.weight(1, 4), cache),
                "gru: bias must be [1, 3 hidden] (4 vs 12)");
  ops::gru(s.ctx, s.tensor(6, 12), s.weight(12, 4), s.weight(1, 12), cache);
  CHECK_REFUSED(ops::gru_backward(s.ctx, {}, s.tensor(3, 4), s.weight(12, 4), s.weight(12, 4),
                                  s.weight(1, 12), cache),
                "gru_backward: dlast.rows must be batch_size (3 vs 2)");
  CHECK_REFUSED(ops::gru_backward(s.ctx, s.tensor(5, 4), s.tensor(2, 4), s.weight(12, 4),
                                  s.weight(12, 4), s.weight(1, 12), cache),
                "gru_backward: dsteps.rows must be seq_len * batch_size (5 vs 6)");
}

TEST_CASE("a frozen recurrent weight gets no gradient, what is below it does", "[ops]") {
  Setup s;
  s.ctx.batch = {nullptr, 2, 3};
  auto weight = s.weight(12, 4);
  auto const bias = s.weight(1, 12);
  auto const dweight = s.weight(12, 4), untouched = s.weight(12, 4);
  auto const backward = [&](Weight<laws::Float> const& into) {
    ops::GruCache<laws::Float> cache;
    ops::gru(s.ctx, s.tensor(6, 12), weight, bias, cache);
    auto const dbias = s.weight(1, 12);
    auto const dgates = ops::gru_backward(s.ctx, {}, s.tensor(2, 4), weight, into, dbias, cache);
    auto outcome = values(dgates);
    outcome.insert(outcome.end(), dbias.data, dbias.data + dbias.size());
    return outcome;
  };
  auto const outcome = backward(dweight);
  Values const kept(48, 0.5f);
  CHECK_FALSE(std::equal(kept.begin(), kept.end(), dweight.data));
  weight.frozen = true;
  CHECK(laws::same_bits(backward(untouched), outcome));
  CHECK(std::equal(kept.begin(), kept.end(), untouched.data));
}

TEST_CASE("steps and sequences are two orders of the same rows", "[ops]") {
  Setup s;
  s.ctx.batch = {nullptr, 2, 3};
  auto const steps = tensor(s, 1, {0, 10, 1, 11, 2, 12});
  auto const sequences = ops::sequences_of_steps(s.ctx, steps);
  CHECK(values(sequences) == Values{0, 1, 2, 10, 11, 12});
  CHECK(values(ops::steps_of_sequences(s.ctx, sequences)) == values(steps));
}

}  // namespace
