// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/core/weights.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/ops/loss/cross_entropy.hpp"

namespace moenda::output {

/// One of num_classes: logits = weight x, cross entropy against the class. Target -1 counts
/// nothing.
struct Classes {
  static constexpr char const* name = "classes";
  using Target = int;
  struct Config {
    int num_classes = 0;
    MOENDA_FIELDS(Config, num_classes);
  };
  template <class B>
  struct Params {
    Weight<B> weight;  // [num_classes, d_model]
    MOENDA_FIELDS(Params, weight);
  };

  static void check(Config const& c, Setting const&, Problems& problems) {
    problems.expect(c.num_classes >= 2 && c.num_classes <= 1 << 20, "num_classes",
                    "in 2.." + std::to_string(1 << 20), c.num_classes);
  }
  /// Throws DataError for a target that is neither -1 nor a class.
  static void check_targets(Config const& c, std::span<Target const> targets) {
    ops::check_targets(targets, c.num_classes);
  }
  template <class B>
  static constexpr Params<B> params(Config const& c, int d_model) {
    return {weights::matrix(c.num_classes, d_model)};
  }
  /// hidden [batch_size, d_model], targets [batch_size] -> the sum of their losses, dhidden.
  template <class B>
  static auto loss_with_gradient(Context<B>& ctx, Params<B> const& p, Params<B> const& grads,
                                 Tensor<B> hidden, int const* targets, double scale) {
    return ops::cross_entropy_with_gradient(ctx, hidden, p.weight, grads.weight, targets, scale);
  }
  /// The sum alone; `losses`: null, or [batch_size].
  template <class B>
  static double* loss(Context<B>& ctx, Params<B> const& p, Tensor<B> hidden, int const* targets,
                      typename B::Scalar* losses) {
    return ops::cross_entropy(ctx, hidden, p.weight, targets, losses);
  }
  /// hidden [batch_size, d_model] -> logits [batch_size, num_classes].
  template <class B>
  static Tensor<B> outputs(Context<B>& ctx, Params<B> const& p, Tensor<B> hidden) {
    return ops::matmul(ctx, hidden, p.weight);
  }
};

}  // namespace moenda::output
