// SPDX-License-Identifier: Apache-2.0
#pragma once
// The machine that runs us.
#include <fstream>
#include <string>

namespace moenda::runner {

/// What the processor calls itself, or "unknown".
[[nodiscard]] inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace moenda::runner
