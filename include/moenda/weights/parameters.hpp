// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "moenda/core/array.hpp"
#include "moenda/core/random.hpp"
#include "moenda/core/walk.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/weights/layout.hpp"

namespace moenda {

/// The weights of a model: one flat array of values, and the model's weights that point into it.
/// Checkpoints and optimizers see the flat array; the model sees the weights. Some weights may be
/// kept in another format instead, with less memory: see Formats and store().
template <class M, class B>
class Parameters {
 public:
  using Model = M;
  using Scalar = typename B::Scalar;
  using Config = typename M::Config;
  using Params = typename M::template Params<B>;

  /// Values are drawn from N(0, initial_std), by name and seed alone, so that equal parts of
  /// different models start equal. Throws ConfigError with every problem of `config`.
  Parameters(B& on, Config model_config, std::uint64_t seed = 1, double initial_std = 0.02)
      : Parameters(on, std::move(model_config), unfilled) {
    seed_ = seed;
    draw(initial_std);
  }
  /// Values are 0 until they are written. Throws ConfigError with every problem of `config`.
  Parameters(B& on, Config model_config, Unfilled)
      : Parameters(on, std::move(model_config), unfilled,
                   [](Path const&, auto const&) { return Format::fp32; }) {}
  /// Laid out in the formats that format_of(path, weight) says, and written through WeightsOnHost:
  /// what is only read needs no room for plain values. Codes are any until they are written.
  template <class FormatOf>
  Parameters(B& on, Config model_config, Unfilled, FormatOf const& format_of)
      : backend(on), config(std::move(model_config)), values(on), stored(on) {
    if (auto const problems = M::check(config); !problems.empty()) {
      throw ConfigError(problems.str());
    }
    params = M::template params<B>(config);
    auto const room = room_of_all(params, format_of);
    values = Array<B, Scalar>(backend, room.values);
    stored = Array<B, std::byte>(backend, room.bytes, unfilled);
    Layout<Scalar> layout(values.data(), stored.data());
    walk(params,
         [&](Path const& path, auto& weight) { layout.place(weight, format_of(path, weight)); });
  }
  Parameters(Parameters const&) = delete;
  Parameters& operator=(Parameters const&) = delete;

  B& backend;
  Config config;
  Params params;
  Array<B, Scalar> values;
  Array<B, std::byte> stored;  ///< the codes of weights that are not plain

  /// Of all weights.
  [[nodiscard]] std::size_t bytes() const { return values.size() * sizeof(Scalar) + stored.size(); }
  /// Throws ConfigError when a weight is kept in another format: `who` sees the flat array.
  void require_plain(char const* who) const {
    if (stored.empty()) return;
    throw ConfigError(std::string(who) +
                      " needs plain values, but weights of this model are kept in another format");
  }

 protected:
  std::uint64_t seed_ = 1;  // also of what is drawn in training

 private:
  void draw(double initial_std) {
    double const residual_std = initial_std / std::sqrt(2.0 * std::max(1, config.num_layers));
    OnHost drawn(values);
    walk(params, [&](Path const& path, auto& weight) {
      auto* const first = drawn.at(weight.data);
      if (weight.kind == WeightKind::gain || weight.kind == WeightKind::bias ||
          weight.kind == WeightKind::state) {
        std::fill_n(first, weight.size(), Scalar(weight.kind == WeightKind::gain));
        return;
      }
      Random const random(seed_, stream_of(path.str()));
      double const usual = weight.kind == WeightKind::residual ? residual_std : initial_std;
      double const std = usual * weight.initial_scale;
      backend.pool.parallel_for(weight.size(), [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
          first[i] = Scalar(std * random.normal(std::uint64_t(i)));
        }
      });
    });
    drawn.give_back();
  }
};

}  // namespace moenda
