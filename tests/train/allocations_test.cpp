// SPDX-License-Identifier: Apache-2.0
// This program's operator new, which counts and can be made to fail.
#include "laws/operator_new.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

namespace {

struct alignas(64) Line {
  char bytes[64];
};

TEST_CASE("allocations are counted and can fail", "[memory]") {
  std::unique_ptr<std::vector<int>> kept;
  std::unique_ptr<Line> line;
  CHECK(laws::allocations_of([&] { kept = std::make_unique<std::vector<int>>(5); }) == 2);
  CHECK(laws::allocations_of([&] { line = std::make_unique<Line>(); }) == 1);
  CHECK(laws::allocations_of([&] { kept.reset(); }) == 0);
  bool thrown = false;
  {
    laws::FailingAllocation failing(1);
    try {
      kept = std::make_unique<std::vector<int>>(5);
    } catch (std::bad_alloc const&) {
      thrown = true;
    }
    CHECK(failing.happened());
  }
  CHECK(thrown);
  CHECK(!kept);
  laws::FailingAllocation const unused(1000000);
  CHECK(!unused.happened());
}

}  // namespace
