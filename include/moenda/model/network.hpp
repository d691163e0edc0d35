// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "moenda/model/language_model.hpp"
#include "moenda/output/check_targets.hpp"
#include "moenda/weights/parameters.hpp"

namespace moenda {

/// The loss of a batch.
struct Loss {
  double mean = 0;  ///< over the counted targets: of a language model or a classifier the cross
                    ///< entropy in nats, of a regressor the squared error
  double auxiliary = 0;     ///< weighted auxiliary losses; not part of validation
  std::int64_t tokens = 0;  ///< how many targets were counted
};

/// A model that runs: parameters and the step memory. It owns no gradient: Training does.
template <class M, class B>
class Network : public Parameters<M, B> {
  using Base = Parameters<M, B>;

 public:
  using typename Base::Config;
  using typename Base::Params;
  using typename Base::Scalar;
  using Target = typename M::Target;
  using Base::backend, Base::config, Base::params;

  /// Draws its weights, or leaves them to be filled: as Parameters says.
  using Base::Base;

  /// The loss alone, without training behaviour. `losses`: empty, or one place for each target's
  /// loss. `hook` may look at routing, or change it.
  Loss evaluate(Batch const& batch, std::span<Target const> targets, std::span<Scalar> losses = {},
                RoutingHook<B>* hook = nullptr) {
    M::check_batch(config, batch);
    auto const counted = count_targets(config, batch, targets);
    require(losses.empty() || losses.size() == targets.size(),
            "Network::evaluate: losses must be empty or as long as targets",
            static_cast<long long>(losses.size()), static_cast<long long>(targets.size()));
    auto ctx = inference(batch, nullptr);
    ctx.hook = hook;
    auto const hidden = M::forward(ctx, config, params, cache_);
    auto const each = losses_on_backend(ctx, losses);
    double sum = 0;
    auto const* place = M::loss(ctx, config, params, hidden, on_backend(ctx, targets), each.data());
    backend.space().copy_to_host(&sum, place, sizeof sum);
    if (each.data() != losses.data()) {
      backend.space().copy_to_host(losses.data(), each.data(), each.size_bytes());
    }
    return {counted == 0 ? 0 : sum / double(counted), 0, counted};
  }
  /// Logits of the batch (of a language model [tokens, vocab_size]; of a regressor its values),
  /// valid until the next call. With a memory, the batch continues what the memory holds.
  Tensor<B> logits(Batch const& batch, Memory<B>* memory = nullptr) {
    M::check_batch(config, batch);
    auto ctx = inference(batch, memory);
    auto const hidden = M::forward(ctx, config, params, cache_);
    if (memory != nullptr) memory->end(batch);
    return M::outputs(ctx, config, params, hidden);
  }
  /// Logits [batch_size, vocab_size] of the last row of every sequence that is no padding. Those of
  /// a sequence without rows mean nothing.
  Tensor<B> last_logits(Batch const& batch, Memory<B>* memory = nullptr) {
    M::check_batch(config, batch);
    require(batch.seq_len >= 1, "Network::last_logits: seq_len must be at least 1", batch.seq_len,
            1);
    auto ctx = inference(batch, memory);
    auto const hidden = M::forward(ctx, config, params, cache_);
    require(hidden.rows == batch.rows(),
            "Network::last_logits: the model must answer for every token (its rows vs the batch's)",
            hidden.rows, batch.rows());
    if (memory != nullptr) memory->end(batch);
    auto last = ctx.tensor(batch.batch_size, hidden.cols);  // [batch_size, d_model]
    if (batch.lengths == nullptr) {
      copy_blocks(backend, last.data, hidden.data + std::ptrdiff_t(batch.seq_len - 1) * hidden.cols,
                  batch.batch_size, std::ptrdiff_t(hidden.cols), std::ptrdiff_t(hidden.cols),
                  std::ptrdiff_t(batch.seq_len) * hidden.cols);
    } else {
      last_rows(backend, last.data, hidden.data, ctx.batch.lengths, batch.batch_size, batch.seq_len,
                hidden.cols);
    }
    return M::outputs(ctx, config, params, last);
  }
  /// The scalars of a result for the host: where they lie if it may read them there, else in
  /// `copy`, which costs one synchronisation.
  [[nodiscard]] std::span<Scalar const> on_host(Tensor<B> result, std::vector<Scalar>& copy) {
    auto const size = std::size_t(result.size());
    if constexpr (B::Space::is_host) return {result.data, size};
    copy.resize(size);
    backend.space().copy_to_host(copy.data(), result.data, size * sizeof(Scalar));
    return copy;
  }

  StepMemory<B> arena{backend};

 protected:
  Context<B> inference(Batch const& batch, Memory<B>* memory) {
    arena.rewind();
    if (memory != nullptr) memory->begin(batch);
    Context<B> ctx{backend, arena};
    ctx.batch = on_backend(ctx, batch);
    ctx.training = false;
    ctx.memory = memory;
    return ctx;
  }
  /// What a batch points to, in the backend's space.
  static Batch on_backend(Context<B>& ctx, Batch batch) {
    auto const rows = std::size_t(batch.rows()), channels = std::size_t(batch.channels);
    auto const upload = [&](auto const*& data, std::size_t size) {
      if (data != nullptr) data = ctx.on_backend(std::span(data, size)).data();
    };
    upload(batch.tokens, rows);
    upload(batch.lengths, std::size_t(batch.batch_size));
    upload(batch.positions, std::size_t(batch.batch_size));
    upload(batch.features, rows * channels);
    return batch;
  }
  /// Targets too, where they are numbers; a model that has others reads them on the host.
  static Target const* on_backend(Context<B>& ctx, std::span<Target const> targets) {
    if constexpr (std::is_arithmetic_v<Target>) return ctx.on_backend(targets).data();
    return targets.data();
  }
  static std::span<Scalar> losses_on_backend(Context<B>& ctx, std::span<Scalar> losses) {
    if (B::Space::is_host || losses.empty()) return losses;
    return ctx.template numbers<Scalar>(int(losses.size()));
  }
  static bool counts(int target) { return target != -1; }
  static bool counts(float target) { return !std::isnan(target); }
  static bool counts(auto const&) { return true; }
  /// Checks them too, as the batch is checked: before anything is uploaded.
  static std::int64_t count_targets(Config const& config, Batch const& batch,
                                    std::span<Target const> targets) {
    require(std::int64_t(targets.size()) == M::target_count(batch),
            "Batch: targets must be as many as the batch has to predict",
            static_cast<long long>(targets.size()), static_cast<long long>(M::target_count(batch)));
    check_targets<M>(config, targets);
    return std::count_if(targets.begin(), targets.end(),
                         [](Target const& target) { return counts(target); });
  }

  typename M::template Cache<B> cache_;
};

}  // namespace moenda
