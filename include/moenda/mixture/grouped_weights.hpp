// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iterator>
#include <span>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda {

/// The weights of `experts`, all of kind M, as those of one group: expert e works on the rows
/// begin[e] .. begin[e + 1] of `num_rows`. Nothing is copied but pointers. Throws ConfigError when
/// an expert has other weights than `config` says.
template <class M, class B, class Params>
typename M::template Params<PerExpert<B>> grouped_weights(
    Context<B>& ctx, typename M::Config const& config, int d_model,
    std::vector<Params> const& experts, std::span<int const> begin, int num_rows) {
  using Scalar = typename B::Scalar;
  constexpr auto problem = "Group: every expert must have the weights of its config";
  auto all = M::template params<PerExpert<B>>(config, d_model);
  auto const groups = std::ssize(experts);
  int num_weights = 0;
  walk(all, [&](Path const&, auto const&) { ++num_weights; });
  auto const weights = ctx.template make<Weight<PerExpert<B>>*>(num_weights);
  auto const pointers = ctx.template make<Scalar*>(num_weights * int(groups));
  std::ptrdiff_t i = 0;
  walk(all, [&](Path const&, auto& weight) {
    weight.begin = begin;
    weight.num_rows = num_rows;
    weight.frozen = groups > 0;
    weights[std::size_t(i++)] = &weight;
  });
  // An expert's weights come in the order in which the group's do.
  for (std::ptrdiff_t e = 0; e < groups; ++e) {
    i = 0;
    walk(experts[std::size_t(e)], [&](Path const&, auto const& weight) {
      require(i < num_weights, problem, i + 1, num_weights);
      ops::require_same_shape(weight, *weights[std::size_t(i)], "Group: weights and config");
      auto& group = *weights[std::size_t(i)];
      group.frozen = group.frozen && weight.frozen;
      pointers[std::size_t(i++ * groups + e)] = weight.data;
    });
    require(i == num_weights, problem, i, num_weights);
  }
  auto const* data = ctx.on_backend(std::span<Scalar* const>(pointers)).data();
  i = 0;
  walk(all, [&](Path const&, auto& weight) { weight.data = data + i++ * groups; });
  return all;
}

}  // namespace moenda
