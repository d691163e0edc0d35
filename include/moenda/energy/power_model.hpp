// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "moenda/energy/source.hpp"

namespace moenda::energy {

/// Where a PowerModel reads time: replaced in tests.
struct Clocks {
  std::function<double()> wall_seconds = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  /// Of this process, user and system, over all threads.
  std::function<double()> cpu_seconds = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto const seconds = [](timeval t) { return double(t.tv_sec) + 1e-6 * double(t.tv_usec); };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
};

/// Memory of this machine, in 10^9 bytes.
[[nodiscard]] inline double machine_memory_gb() {
  return 1e-9 * double(::sysconf(_SC_PHYS_PAGES)) * double(::sysconf(_SC_PAGESIZE));
}

/// An estimate for machines that count nothing: watts per busy core, and per gigabyte of memory
/// while the program runs.   E = 12 W cpu_seconds + 0.3725 W/GB memory wall_seconds.
/// Both constants: Lannelongue, Grealey & Inouye 2021, Green Algorithms, table of any processor.
class PowerModel : public Source {
 public:
  static constexpr double watts_per_core = 12, watts_per_gb = 0.3725;

  explicit PowerModel(double memory_gb = machine_memory_gb(), Clocks clocks = {})
      : memory_gb_(memory_gb), clocks_(std::move(clocks)), begin_(clocks_.wall_seconds()) {}
  [[nodiscard]] std::string name() const override {
    return "power model (12 W per busy core, 0.3725 W per GB); not measured";
  }
  [[nodiscard]] double joules() override {
    return watts_per_core * clocks_.cpu_seconds() +
           watts_per_gb * memory_gb_ * (clocks_.wall_seconds() - begin_);
  }

 private:
  double memory_gb_;
  Clocks clocks_;
  double begin_;
};

}  // namespace moenda::energy
