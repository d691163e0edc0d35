// SPDX-License-Identifier: Apache-2.0
// The list of kernels: its entries are sound. tests/closed makes a backend of it.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "moenda/kernels/names.hpp"

using namespace moenda;

namespace {

struct Entry {
  std::string_view name, arguments, parameters;
};
constexpr Entry entries[] = {
#define MOENDA_KERNEL(name, arguments, ...) {#name, #arguments, #__VA_ARGS__},
#include "moenda/kernels/for_each_kernel.inc"
};

/// "T* y, int rows" -> "(y, rows)".
std::string names_of(std::string_view parameters) {
  std::string names = "(";
  while (true) {
    auto const comma = parameters.find(',');
    auto const one = parameters.substr(0, comma);
    names += one.substr(one.find_last_of(" *&") + 1);
    if (comma == std::string_view::npos) return names + ")";
    names += ", ";
    parameters.remove_prefix(comma + 1);
  }
}

}  // namespace

TEST_CASE("the arguments of an entry are the names of its parameters, in order", "[kernels]") {
  REQUIRE(names_of("T* y, RoutingLoss<T> const& how") == "(y, how)");
  for (auto const& entry : entries) {
    INFO(entry.name);
    CHECK(names_of(entry.parameters) == entry.arguments);
  }
}

TEST_CASE("kernels have names of their own", "[kernels]") {
  std::set<std::string_view> const names(std::begin(kernel_names), std::end(kernel_names));
  CHECK(names.size() == std::size(entries));
  STATIC_REQUIRE(is_kernel("matmul_forward"));
  STATIC_REQUIRE(!is_kernel("matmul"));
}
