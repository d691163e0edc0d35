// SPDX-License-Identifier: Apache-2.0
#pragma once
// A command in a process of its own, so that a run that dies takes nothing with it.
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace moenda::runner {

/// How a process ended: its exit code, or 128 + the signal that killed it.
struct Ended {
  pid_t process = -1;
  int code = 0;
};

/// Starts this program again with other arguments; it gets SIGTERM when this process dies. What it
/// prints goes to `log`; with an empty path stdout goes nowhere and stderr, which carries the
/// progress, stays. Throws DataError.
pid_t start(std::vector<std::string> const& arguments, std::filesystem::path const& log);
/// Waits for any process that was started. A signal that arrives meanwhile gives process = -1.
Ended wait_for_any();
void send_signal(pid_t process, int signal);

}  // namespace moenda::runner
