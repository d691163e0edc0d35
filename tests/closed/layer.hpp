// SPDX-License-Identifier: Apache-2.0
#pragma once
// One layer with weights of its own, wherever the backend's numbers live.
#include <span>
#include <vector>

#include "closed/backend.hpp"
#include "laws/numbers.hpp"
#include "moenda/core/array.hpp"
#include "moenda/core/context.hpp"

namespace closed {

template <class M, class B>
class Layer {
 public:
  using T = typename B::Scalar;

  Layer(typename M::Config how, int d_model)
      : backend(1),
        config(std::move(how)),
        width(d_model),
        params(M::template params<B>(config, width)),
        grads(params),
        values(backend, std::size_t(moenda::count(params))),
        gradients(backend, values.size()) {
    std::vector<T> first(values.size());
    moenda::bind(params, first.data());
    laws::fill_weights(params, 3);
    values.assign(first);
    moenda::bind(params, values.data());
    moenda::bind(grads, gradients.data());
    arena.poison();  // what nobody wrote is never read
  }
  /// A step of training on x and dy [rows, width]: y, dx, the auxiliary loss and the gradients so
  /// far, one after the other. What `batch` points to lies on the host.
  std::vector<T> run(moenda::Batch batch, std::vector<T> const& x, std::vector<T> const& dy,
                     moenda::RoutingHook<B>* hook = nullptr) {
    arena.rewind();
    moenda::Context<B> ctx{backend, arena, batch};
    ctx.hook = hook;
    auto const up = [&](auto const*& data, int size) {
      if (data != nullptr) data = ctx.on_backend(std::span(data, std::size_t(size))).data();
    };
    up(ctx.batch.tokens, batch.rows());
    up(ctx.batch.lengths, batch.batch_size);
    auto const in = [&](std::vector<T> const& from) {
      auto to = ctx.tensor(batch.rows(), width);  // [rows, width]
      backend.space().copy_from_host(to.data, from.data(), from.size() * sizeof(T));
      return to;
    };
    std::vector<T> all;
    auto const out = [&](moenda::Tensor<B> from) {
      auto const before = all.size();
      all.resize(before + std::size_t(from.size()));
      backend.space().copy_to_host(all.data() + before, from.data,
                                   std::size_t(from.size()) * sizeof(T));
    };
    auto const asked = Region::one().to_host;
    auto const y = M::forward(ctx, config, params, cache, in(x));
    auto const dx = M::backward(ctx, config, params, grads, cache, in(dy));
    synchronisations = Region::one().to_host - asked;
    out(y);
    out(dx);
    all.push_back(T(ctx.auxiliary_loss()));
    auto const of_weights = gradients.on_host();
    all.insert(all.end(), of_weights.begin(), of_weights.end());
    return all;
  }

  B backend;
  moenda::StepMemory<B> arena{backend};
  typename M::Config config;
  int width;
  typename M::template Params<B> params, grads;
  moenda::Array<B, T> values, gradients;
  typename M::template Cache<B> cache{};
  std::size_t synchronisations = 0;  ///< of the last forward and backward
};

}  // namespace closed
