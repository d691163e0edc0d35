// SPDX-License-Identifier: Apache-2.0
#include "moenda/train/evaluate.hpp"

#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Double;

TEST_CASE("evaluation is the mean over all windows, whatever the batch size", "[train]") {
  Double backend(1);
  Network<MoeGqa, Double> network(backend, moe_gqa(), 3, 0.3);
  auto const text = windows();
  REQUIRE(text.count() == 74);
  double sum = 0;
  std::vector<int> inputs(12), targets(12);
  for (int w = 0; w < 74; ++w) {
    text.fill(w, inputs, targets);
    sum += network.evaluate({inputs.data(), 1, 12}, targets).mean;
  }
  for (int const batch_size : {1, 3, 8, 74, 100}) {
    auto const got = evaluate(network, text, batch_size);
    CAPTURE(batch_size);
    CHECK(got.tokens == 74 * 12);
    CHECK(got.loss == Approx(sum / 74).epsilon(1e-12));
    CHECK(got.perplexity() == Approx(std::exp(sum / 74)));
  }
}

TEST_CASE("evaluation can stop early and says how far it is", "[train]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2());
  std::vector<std::int64_t> seen;
  auto const got = evaluate(network, windows(), 10, 3, [&](std::int64_t done, std::int64_t all) {
    seen.push_back(done);
    CHECK(all == 3);
  });
  CHECK(seen == std::vector<std::int64_t>{1, 2, 3});
  CHECK(got.tokens == 3 * 10 * 12);
  CHECK(evaluate(network, windows(), 50, 9).tokens == 74 * 12);
  CHECK(evaluate(network, windows(12, 5), 4).tokens == 0);
  CHECK(evaluate(network, windows(12, 5), 4).loss == 0);
  CHECK_THROWS_AS(evaluate(network, windows(), 0), ConfigError);
}

TEST_CASE("evaluation changes neither weights nor gradients, and knows no auxiliary loss",
          "[train]") {
  Double backend(1);
  Run<MoeGqa, Double> run(backend, moe_gqa(), train_config());
  run.steps(1);
  auto const values = run.network.values.on_host(), gradients = run.network.gradients.on_host();
  (void)evaluate(run.network, windows(), 4);
  CHECK(run.network.values.on_host() == values);
  CHECK(run.network.gradients.on_host() == gradients);
  auto plain = moe_gqa();
  get<loss::LoadBalancing>(plain.block.ffn.loss).weight = 0;
  get<loss::RouterZ>(plain.block.ffn.loss).weight = 0;
  Network<MoeGqa, Double> other(backend, plain);
  other.values.assign(values);
  CHECK(evaluate(other, windows(), 4).loss == evaluate(run.network, windows(), 4).loss);
}

}  // namespace
