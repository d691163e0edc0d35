// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace moenda::energy {

/// Something that counts joules: a counter of the hardware, or a model of it.
struct Source {
  Source() = default;
  Source(Source const&) = delete;
  Source& operator=(Source const&) = delete;
  virtual ~Source() = default;
  /// What was measured and how, for tables: "RAPL package counter".
  [[nodiscard]] virtual std::string name() const = 0;
  /// Joules since some fixed moment; never falls. Counters wrap around: ask at least every minute.
  [[nodiscard]] virtual double joules() = 0;
};

}  // namespace moenda::energy
