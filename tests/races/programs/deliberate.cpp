// SPDX-License-Identifier: Apache-2.0
// A race on purpose: every worker of the pool adds to one plain number. The thread sanitizer must
// report it, or its silence about concurrent.cpp would say nothing.
#include <cstdio>

#include "moenda/core/parallel.hpp"

int main() {
  moenda::ThreadPool pool(4);
  long sum = 0;
  for (int job = 0; job < 100; ++job) {
    pool.parallel_for(1000, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) sum = sum + 1;
    });
  }
  std::printf("%ld\n", sum);
}
