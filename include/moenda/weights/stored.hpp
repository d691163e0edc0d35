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
/// already, when a pattern matches no weight, or when a number is too large for its format; then
/// nothing has changed.
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
    auto params = parameters.params;
    walk(params, [&](Path const& path, auto& weight) {
      auto const* const old = from.at(weight.data);
      layout.place(weight, formats(path, weight));
      if (weight.size() == 0) return;
      auto const place = on_host(weight);
      place.put(old);
      if (place.is_sound()) return;
      throw ConfigError("store: '" + path.str() + "' has numbers that are too large for " +
                        enum_names(place.format)[std::size_t(place.format)]);
    });
    on_host.give_back();
    parameters.params = std::move(params);
  }
  parameters.values = std::move(values);
  parameters.stored = std::move(stored);
}

}  // namespace moenda
