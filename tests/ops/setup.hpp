// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of operations need: tensors and weights with something in them, and refusals to the
// letter.
#include "laws/numbers.hpp"
#include "moenda/core/context.hpp"

/// The expression throws ConfigError with exactly this sentence.
#define CHECK_REFUSED(expression, sentence) \
  CHECK_THROWS_MATCHES(expression, moenda::ConfigError, Catch::Message(sentence))

namespace operations {

struct Setup {
  using B = laws::Float;
  moenda::Tensor<B> tensor(int rows, int cols) {
    auto t = ctx.tensor(rows, cols);
    std::fill_n(t.data, t.size(), 0.5f);
    return t;
  }
  moenda::Weight<B> weight(int rows, int cols) {
    return {rows, cols, moenda::WeightKind::matrix, tensor(rows, cols).data};
  }
  B backend{1};
  moenda::StepMemory<B> arena;
  moenda::Context<B> ctx{backend, arena, {nullptr, 1, 4}};
};

}  // namespace operations
