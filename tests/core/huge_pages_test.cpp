// SPDX-License-Identifier: Apache-2.0
// Whether the system grants the pages cannot be tested; that asking breaks nothing can.
#include "moenda/core/huge_pages.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace {

using namespace moenda;

TEST_CASE("memory that is in use keeps what it holds", "[memory]") {
  std::vector<int> numbers(5000001);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i);
  prefer_huge_pages(numbers.data(), numbers.size() * sizeof(int));
  prefer_huge_pages(numbers.data() + 3, 8u << 20);  // neither begin nor end on a page
  prefer_huge_pages(nullptr, 0);
  bool kept = true;
  for (std::size_t i = 0; i < numbers.size(); ++i) kept = kept && numbers[i] == static_cast<int>(i);
  CHECK(kept);
}

}  // namespace
