// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeping the weights of a trained model in a smaller format.
#include <utility>

#include "moenda/weights/layout.hpp"
#include "moenda/weights/weights_on_host.hpp"

namespace moenda {

/// Keeps every weight in its format. The others move together, so parameters.bytes() falls by what
/// the formats save. From then on the model evaluates and generates, and whoever needs plain values
/// says so in a ConfigError. fp32 changes nothing. Throws ConfigError when weights are stored
/// already, or when a pattern matches no weight; then nothing has changed.
template <class P>
void store(P& parameters, Formats const& formats) {
  static_assert(
      !requires { parameters.gradients; },
      "store: a model in training keeps plain values; store those of a Network");
  formats.require_used(parameters.params, "store");
  if (formats.are_plain()) return;
  parameters.require_plain("store");
  auto const room = room_of_all(parameters.params, formats);
  decltype(parameters.values) values(parameters.backend, room.values);
  decltype(parameters.stored) stored(parameters.backend, room.bytes);
  {
    OnHost from(parameters.values);
    WeightsOnHost<P> on_host(values, stored);
    Layout<typename P::Scalar> layout(values.data(), stored.data());
    walk(parameters.params, [&](Path const& path, auto& weight) {
      auto const* const old = from.at(weight.data);
      layout.place(weight, formats(path, weight));
      if (weight.size() > 0) on_host(weight).put(old);
    });
    on_host.give_back();
  }
  parameters.values = std::move(values);
  parameters.stored = std::move(stored);
}

}  // namespace moenda
