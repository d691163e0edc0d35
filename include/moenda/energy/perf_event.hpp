// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "moenda/energy/source.hpp"

namespace moenda::energy {

/// The same processor counters through perf_event_open(2), where powercap is missing: the event
/// power/energy-pkg/ of one processor.
class PerfEvent : public Source {
 public:
  /// Null when the kernel has no such event or does not let us read it.
  [[nodiscard]] static std::unique_ptr<PerfEvent> open(
      std::filesystem::path const& power = "/sys/bus/event_source/devices/power") {
    std::uint32_t type = 0;
    double scale = 0;
    std::string event;
    std::ifstream(power / "type") >> type;
    std::ifstream(power / "events" / "energy-pkg") >> event;  // "event=0x02"
    std::ifstream(power / "events" / "energy-pkg.scale") >> scale;
    auto const equals = event.find('=');
    if (type == 0 || scale <= 0 || equals == std::string::npos) return nullptr;
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = type;
    attributes.config = std::strtoull(event.c_str() + equals + 1, nullptr, 0);
    long const descriptor = ::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, 0);
    if (descriptor < 0) return nullptr;
    return std::unique_ptr<PerfEvent>(new PerfEvent(int(descriptor), scale));
  }
  ~PerfEvent() override { ::close(descriptor_); }
  [[nodiscard]] std::string name() const override { return "perf power/energy-pkg/"; }
  [[nodiscard]] double joules() override {
    std::uint64_t count = 0;
    if (::read(descriptor_, &count, sizeof count) == sizeof count) last_ = scale_ * double(count);
    return last_;
  }

 private:
  PerfEvent(int descriptor, double scale) : descriptor_(descriptor), scale_(scale) {}
  int descriptor_;
  double scale_, last_ = 0;
};

}  // namespace moenda::energy
