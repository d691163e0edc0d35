// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "moenda/core/context.hpp"
#include "moenda/core/grouped.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/ops/shapes.hpp"

namespace moenda {

namespace detail {

/// Throws ConfigError unless the experts of a group keep a weight in one format.
inline void require_one_format(Path const& path, std::ptrdiff_t expert, Format format,
                               Format first) {
  if (format == first) return;
  auto const names = enum_names(format);
  throw ConfigError("Group: all experts must keep '" + path.str() + "' in one format, but expert " +
                    std::to_string(expert) + " has " + names[std::size_t(format)] +
                    ", and expert 0 " + names[std::size_t(first)]);
}

}  // namespace detail

/// The weights of `experts`, all of kind M, as those of one group: expert e works on the rows
/// begin[e] .. begin[e + 1] of `num_rows`. Nothing is copied but pointers. Throws ConfigError when
/// an expert has other weights than `config` says, or keeps one in another format than the first.
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
  auto const codes = ctx.template make<void const*>(num_weights * int(groups));
  auto const scales = ctx.template make<void const*>(num_weights * int(groups));
  bool any_stored = false;
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
    walk(experts[std::size_t(e)], [&](Path const& path, auto const& weight) {
      require(i < num_weights, problem, i + 1, num_weights);
      ops::require_same_shape(weight, *weights[std::size_t(i)], "Group: weights and config");
      auto& group = *weights[std::size_t(i)];
      group.frozen = group.frozen && weight.frozen;
      auto const view = weight.view();
      if (e == 0) group.stored.format = view.format;
      detail::require_one_format(path, e, view.format, group.stored.format);
      any_stored = any_stored || !view.is_plain();
      auto const at = std::size_t(i++ * groups + e);
      pointers[at] = weight.data, codes[at] = view.codes, scales[at] = view.scales;
    });
    require(i == num_weights, problem, i, num_weights);
  }
  auto const* data = ctx.on_backend(std::span<Scalar* const>(pointers)).data();
  i = 0;
  walk(all, [&](Path const&, auto& weight) { weight.data = data + i++ * groups; });
  if (!any_stored) return all;
  auto const* their_codes = ctx.on_backend(std::span<void const* const>(codes)).data();
  auto const* their_scales = ctx.on_backend(std::span<void const* const>(scales)).data();
  i = 0;
  walk(all, [&](Path const&, auto& weight) {
    auto const first = i++ * groups;
    if (!weight.stored.is_plain()) {
      weight.stored = {weight.stored.format, their_codes + first, their_scales + first};
    }
  });
  return all;
}

}  // namespace moenda
