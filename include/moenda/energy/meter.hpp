// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <utility>

#include "moenda/energy/nvml.hpp"
#include "moenda/energy/perf_event.hpp"
#include "moenda/energy/power_model.hpp"
#include "moenda/energy/rapl.hpp"

namespace moenda::energy {

/// The best source this machine has for work on its processors: a counter if there is one, else the
/// model. Its name says which.
[[nodiscard]] inline std::unique_ptr<Source> processor_source() {
  if (auto rapl = Rapl::open()) return rapl;
  if (auto perf = PerfEvent::open()) return perf;
  return std::make_unique<PowerModel>();
}
/// For work on a GPU: its counter alone, or the processors' source when it has none.
[[nodiscard]] inline std::unique_ptr<Source> gpu_source() {
  if (auto nvml = Nvml::open()) return nvml;
  return processor_source();
}

/// Joules of one kind of work, such as training apart from evaluation. Between pause() and
/// resume() nothing counts.
class Meter {
 public:
  explicit Meter(Source& source) : source_(&source) {}
  void resume() {
    if (!running_) begin_ = source_->joules(), running_ = true;
  }
  void pause() {
    if (running_) sum_ += source_->joules() - begin_;
    running_ = false;
  }
  [[nodiscard]] double joules() const {
    return running_ ? sum_ + source_->joules() - begin_ : sum_;
  }
  /// Continues a count from an earlier process.
  void start_from(double joules) { sum_ = joules; }

 private:
  Source* source_;
  double sum_ = 0, begin_ = 0;
  bool running_ = false;
};

}  // namespace moenda::energy
