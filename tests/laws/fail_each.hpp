// SPDX-License-Identifier: Apache-2.0
#pragma once
// The N-th allocation fails, for N = 0, 1, ... until none does. Leaks are the address sanitizer's
// to find.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include "laws/allocations.hpp"
#include "moenda/core/error.hpp"

namespace laws {

/// Appends "group,what,count" to the file that the environment variable MOENDA_COUNTS names, where
/// it names one: tools/reliability collects what tests have tried.
inline void note_count(std::string const& group, std::string const& what, long count) {
  char const* const file = std::getenv("MOENDA_COUNTS");
  if (file != nullptr)
    std::ofstream(file, std::ios::app) << group << ',' << what << ',' << count << '\n';
}

/// Runs `action` with ever later failures until it succeeds. Every failure must end in bad_alloc or
/// an error of ours. Returns how many there were, and notes them under `what`.
template <class Action>
long fail_each(char const* what, Action const& action) {
  constexpr long most = 50000;
  long failed = 0;
  for (bool done = false; !done; failed += !done) {
    if (failed == most) FAIL("no end of allocations: " << what);
    FailingAllocation failing(failed);
    try {
      action();
      done = !failing.happened();
    } catch (std::bad_alloc const&) {
    } catch (moenda::Error const&) {  // a failure may be reported as what it prevented
    }
  }
  note_count("M", std::string(what) + ": calls of operator new that failed", failed);
  return failed;
}

}  // namespace laws
