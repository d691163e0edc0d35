// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "moenda/report/terminal/progress.hpp"
#include "moenda/train/evaluate.hpp"
#include "runner/run/run.hpp"

namespace moenda::runner {

/// The loss on `tokens` in windows of `stride` (0: not overlapping), with a progress line.
/// `between` is called between two batches and may throw to end it; `probe` sees the routing.
inline Evaluation measured_loss(Run const& run, AnyNetwork& network, std::string const& label,
                                data::TokenStream const& tokens, int stride,
                                std::function<void()> const& between = {},
                                RoutingHook<Backend>* probe = nullptr) {
  int const length = run.config.model.context_length;
  std::optional<io::Progress> progress;
  return moenda::evaluate(
      network, data::Windows(tokens, length, stride > 0 ? stride : length),
      run.config.train.batch_size, run.config.evaluate.test_batches,
      [&](std::int64_t done, std::int64_t all) {
        if (between) between();
        if (!progress) progress.emplace(label, std::uint64_t(all));
        progress->update(std::uint64_t(done));
        if (done == all) progress->finish();
      },
      probe);
}

}  // namespace moenda::runner
