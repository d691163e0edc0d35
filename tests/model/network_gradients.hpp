// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "laws/gradient_check.hpp"
#include "model/models.hpp"

namespace models {

/// Every parameter of a whole model against central differences of its training loss.
/// `coordinates`: how many of each parameter.
template <class M>
void check_network_gradients(typename M::Config const& config, std::size_t coordinates) {
  laws::Double backend(1);
  Training<M, laws::Double> network(backend, config, 3, 0.3);
  network.arena.poison(true);
  TextBatch text(2, 6, config.vocab_size);
  text.targets[3] = -1;
  network.zero_gradients();
  network.accumulate_gradients(text.batch, text.targets);
  auto const gradients = network.gradients.on_host();
  auto const measure = [&] {
    laws::ChoiceProbe<laws::Double> probe;
    network.accumulate_gradients(text.batch, text.targets, 1, &probe);
    auto const loss = network.losses().back();
    return laws::Measured{loss.mean + loss.auxiliary, std::move(probe.choices)};
  };
  laws::GradientCheck check;
  walk(network.params, [&](Path const& path, auto& weight) {
    if (weight.size() == 0) return;
    auto const offset = std::size_t(weight.data - network.values.data());
    auto const size = std::size_t(weight.size());
    check(path.str(), {weight.data, size}, std::span(gradients).subspan(offset, size), measure,
          coordinates);
  });
}

}  // namespace models
