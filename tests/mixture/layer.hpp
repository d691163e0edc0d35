// SPDX-License-Identifier: Apache-2.0
#pragma once
// Any layer with weights of its own, for tests that compare layers with each other.
#include "laws/numbers.hpp"
#include "moenda/module/concepts.hpp"

namespace models {

template <class Scalar>
struct LayerResult {
  std::vector<Scalar> y, dx;
};

template <moenda::LayerLike M, class B>
struct Layer {
  using Scalar = typename B::Scalar;
  using Result = LayerResult<Scalar>;

  Layer(typename M::Config c, int d_model, int threads = 1)
      : backend(threads), config(std::move(c)), width(d_model) {
    params = M::template params<B>(config, width);
    grads = params;
    values.resize(std::size_t(moenda::count(params)));
    gradients.resize(values.size());
    moenda::bind(params, values.data());
    moenda::bind(grads, gradients.data());
    laws::fill_weights(params, 3);
  }
  void zero_gradients() { std::fill(gradients.begin(), gradients.end(), Scalar(0)); }
  Result run(moenda::Batch batch, std::vector<Scalar> const& x, std::vector<Scalar> const& dy) {
    arena.rewind();
    moenda::Context<B> ctx{backend, arena, batch};
    auto const in = [&](std::vector<Scalar> const& from) {
      auto t = ctx.tensor(batch.rows(), width);
      REQUIRE(std::size_t(t.size()) == from.size());
      std::copy(from.begin(), from.end(), t.data);
      return t;
    };
    auto const out = [](moenda::Tensor<B> t) {
      return std::vector<Scalar>(t.data, t.data + t.size());
    };
    auto const y = M::forward(ctx, config, params, cache, in(x));
    Result result{out(y), {}};
    result.dx = out(M::backward(ctx, config, params, grads, cache, in(dy)));
    return result;
  }

  B backend;
  moenda::StepMemory<B> arena;
  typename M::Config config;
  int width;
  typename M::template Params<B> params, grads;
  typename M::template Cache<B> cache{};
  std::vector<Scalar> values, gradients;
};

}  // namespace models
