// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a signal ends what runs.
#include <csignal>

namespace moenda::runner {

/// Set by SIGINT and SIGTERM, which ask for a checkpoint; a second one ends at once.
inline volatile std::sig_atomic_t interrupted = 0;

/// Thrown between two batches of the final evaluation when a signal has come.
struct Interrupted {};
inline void end_if_interrupted() {
  if (interrupted != 0) throw Interrupted{};
}
inline void ask_to_stop(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace moenda::runner
