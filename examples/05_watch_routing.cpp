// SPDX-License-Identifier: Apache-2.0
// What is new here: the modules inside a Mixture can be called one by one. One token is routed by
// hand, and the weighted sum of its experts is what Mixture::forward answers.
#include <cmath>
#include <cstdio>
#include <moenda/moenda.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
using Layer = Mixture<router::TopK, expert::SwiGlu>;

double length(Tensor<Backend> row) {
  double squares = 0;
  for (int i = 0; i < row.cols; ++i) squares += double(row.data[i]) * double(row.data[i]);
  return std::sqrt(squares);
}
void print(char const* what, Tensor<Backend> row) {
  std::printf("%-16s", what);
  for (int i = 0; i < row.cols; ++i) std::printf(" %6.2f", double(row.data[i]));
  std::puts("");
}

int main() {
  constexpr int d_model = 4, num_experts = 5;
  constexpr Layer::Config config{.router = {.top_k = 2},
                                 .experts = {.count = num_experts, .each = {.hidden = 8}}};
  auto params = Layer::params<Backend>(config, d_model);
  std::vector<float> values(std::size_t(count(params)));
  bind(params, values.data());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(Random(5).normal(i));

  Backend backend;
  StepMemory<Backend> arena;
  Context<Backend> ctx{backend, arena};
  auto token = ctx.tensor(1, d_model);  // [1, d_model]
  for (int i = 0; i < d_model; ++i) token.data[i] = float(1 - 0.5 * i);
  print("token", token);

  router::TopK::Cache<Backend> router_cache;
  auto const gates =
      router::TopK::forward(ctx, config.router, params.router, router_cache, token, num_experts);
  auto sum = ops::zeros(ctx, 1, d_model);  // [1, d_model]
  std::puts("\nexpert  logit  probability  chosen  weight  |expert(token)|");
  for (std::size_t e = 0; e < num_experts; ++e) {
    std::printf("%6zu %6.2f %12.2f", e, double(gates.logits.data[e]), double(gates.probs.data[e]));
    if (gates.selected.data[e] == 0) {
      std::puts("");  // never computed: that is what makes the mixture sparse
      continue;
    }
    expert::SwiGlu::Cache<Backend> cache;
    auto const y = expert::SwiGlu::forward(ctx, config.experts.each, params.experts[e], cache,
                                           token);  // [1, d_model]
    float const weight = gates.weights.data[e];
    std::printf("     yes  %6.2f  %15.2f\n", double(weight), length(y));
    for (int i = 0; i < d_model; ++i) sum.data[i] += weight * y.data[i];
  }

  Layer::Cache<Backend> cache;
  auto const y = Layer::forward(ctx, config, params, cache, token);  // [1, d_model]
  std::puts("");
  print("weighted sum", sum);
  print("Mixture::forward", y);
  for (int i = 0; i < d_model; ++i) sum.data[i] -= y.data[i];
  std::printf("equal to five digits: %s\n", length(sum) < 1e-5 * length(y) ? "yes" : "no");
}
