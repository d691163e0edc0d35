// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "moenda/energy/source.hpp"

namespace moenda::energy {

/// Adds up a counter that starts again at 0 after `range`.
class Unwrapped {
 public:
  explicit Unwrapped(double range) : range_(range) {}
  /// What was counted since the first call.
  double operator()(double reading) {
    if (!started_) last_ = reading, started_ = true;
    if (reading < last_) sum_ += range_;
    sum_ += reading - last_;
    last_ = reading;
    return sum_;
  }

 private:
  double range_, last_ = 0, sum_ = 0;
  bool started_ = false;
};

/// The energy counters of Intel and AMD processors (Running Average Power Limit), read from
/// /sys/class/powercap: every package, and its memory where it is counted apart. Cores and graphics
/// are part of the package and would count twice. The whole package is counted, other programs
/// included.
class Rapl : public Source {
 public:
  /// Null when there is no counter, or none that may be read (the files belong to root since Linux
  /// 5.10).
  [[nodiscard]] static std::unique_ptr<Rapl> open(
      std::filesystem::path const& root = "/sys/class/powercap") {
    auto meter = std::unique_ptr<Rapl>(new Rapl);
    std::error_code error;
    std::vector<std::filesystem::path> zones;
    for (std::filesystem::directory_iterator entry(root, error), end; !error && entry != end;
         entry.increment(error)) {
      zones.push_back(entry->path());
    }
    std::sort(zones.begin(), zones.end());
    for (auto const& zone : zones) {
      auto const folder = zone.filename().string();
      auto const colons = std::count(folder.begin(), folder.end(), ':');
      if (!folder.starts_with("intel-rapl:") || colons == 0) continue;
      auto const name = text(zone / "name");
      bool const package = colons == 1 && name.starts_with("package");
      if (package || (colons == 2 && name == "dram")) meter->add(zone);
    }
    if (meter->counters_.empty()) return nullptr;
    (void)meter->joules();
    return meter;
  }
  [[nodiscard]] std::string name() const override {
    return "RAPL counters of " + std::to_string(counters_.size()) + " zones";
  }
  [[nodiscard]] double joules() override {
    double sum = 0;
    for (auto& counter : counters_) {
      double microjoules = 0;
      if (read(counter.file, microjoules)) counter.joules = 1e-6 * counter.unwrapped(microjoules);
      sum += counter.joules;
    }
    return sum;
  }

 private:
  struct Counter {
    std::filesystem::path file;
    Unwrapped unwrapped;
    double joules = 0;
  };
  Rapl() = default;
  void add(std::filesystem::path const& zone) {
    double range = 0, reading = 0;
    if (read(zone / "max_energy_range_uj", range) && read(zone / "energy_uj", reading)) {
      counters_.push_back({zone / "energy_uj", Unwrapped(range)});
    }
  }
  static std::string text(std::filesystem::path const& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
  }
  static bool read(std::filesystem::path const& file, double& value) {
    std::ifstream stream(file);
    return bool(stream >> value);
  }

  std::vector<Counter> counters_;
};

}  // namespace moenda::energy
