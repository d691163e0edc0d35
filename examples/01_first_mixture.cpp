// SPDX-License-Identifier: Apache-2.0
// What is new here: a mixture of experts is a type; its weights are one flat array of yours; and
// after forward() the dispatch plan tells which token went to which expert, with which weight.
#include <cstdio>
#include <moenda/moenda.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
using Layer = Mixture<router::TopK, expert::SwiGlu>;  // every token goes to its top_k experts

int main() {
  constexpr int tokens = 6, d_model = 8;
  constexpr Layer::Config config{.router = {.top_k = 2},
                                 .experts = {.count = 4, .each = {.hidden = 16}}};
  auto params = Layer::params<Backend>(config, d_model);  // shapes only, until they are bound
  std::vector<float> values(std::size_t(count(params)));
  bind(params, values.data());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(Random(1).normal(i) / 2);

  Backend backend;
  StepMemory<Backend> arena;
  Context<Backend> ctx{backend, arena, {.seq_len = tokens}};
  auto x = ctx.tensor(tokens, d_model);  // [tokens, d_model]
  for (int i = 0; i < x.size(); ++i) x.data[i] = float(Random(2).normal(std::uint64_t(i)));
  Layer::Cache<Backend> cache;
  auto y = Layer::forward(ctx, config, params, cache, x);  // [tokens, d_model]

  std::printf("%zu weights; x [%d, %d] -> y [%d, %d]\n\n", values.size(), x.rows, x.cols, y.rows,
              y.cols);
  auto const& plan = cache.plan;  // who went where: one slot per (token, expert)
  std::puts("token  experts  combine weights  their sum");
  for (std::size_t token = 0; token < tokens; ++token) {
    std::size_t const first = std::size_t(plan.item_begin[token]);
    auto const slots = plan.slots_of_item.subspan(first, 2);  // [top_k]
    auto const a = std::size_t(slots[0]), b = std::size_t(slots[1]);
    std::printf("%5zu  %3d %3d  %7.2f %7.2f  %9.2f\n", token, plan.expert_of_slot[a],
                plan.expert_of_slot[b], plan.combine_weights[a], plan.combine_weights[b],
                plan.combine_weights[a] + plan.combine_weights[b]);
  }
  std::puts("\nexpert  tokens");
  for (int e = 0; e < plan.num_experts; ++e) {
    std::printf("%6d  %6d\n", e, plan.tokens_per_expert(e));
  }
}
