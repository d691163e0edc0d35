// SPDX-License-Identifier: Apache-2.0
// The list of kernels: its entries are sound, and a backend can be made of it.
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"
#include "moenda/kernels/names.hpp"
#include "moenda/ops/norm/softmax.hpp"

/// A backend that counts its kernels' calls and has the CPU do the work.
namespace moenda::counted {

template <class T>
struct Backend {
  using Scalar = T;
  using Space = HostSpace;
  [[nodiscard]] static Space space() { return {}; }
  cpu::Backend<T> host{1};
  std::map<std::string_view, int> calls{};
};

#define MOENDA_KERNEL(name, arguments, ...)              \
  template <class T>                                     \
  void name(Backend<T>& backend, __VA_ARGS__) {          \
    ++backend.calls[#name];                              \
    cpu::name(backend.host, MOENDA_ARGUMENTS arguments); \
  }
#include "moenda/kernels/for_each_kernel.inc"

// Every kernel can be passed on, in float and in double.
#define MOENDA_KERNEL(name, arguments, ...)   \
  template decltype(name<float>) name<float>; \
  template decltype(name<double>) name<double>;
#include "moenda/kernels/for_each_kernel.inc"

}  // namespace moenda::counted

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

TEST_CASE("operations run on a backend that is made of the list", "[kernels]") {
  counted::Backend<float> backend;
  StepMemory<counted::Backend<float>> arena;
  Context<counted::Backend<float>> ctx{backend, arena};
  auto x = ctx.tensor(3, 5);
  auto const values = checks::numbers<float>(x.size(), 1);
  std::copy(values.begin(), values.end(), x.data);
  auto const probs = ops::softmax(ctx, x);

  std::vector<float> expected(values.size());
  cpu::softmax_forward(backend.host, expected.data(), values.data(),
                       static_cast<float const*>(nullptr), 3, 5);
  CHECK(std::memcmp(probs.data, expected.data(), expected.size() * sizeof(float)) == 0);
  CHECK(backend.calls == std::map<std::string_view, int>{{"softmax_forward", 1}});
}
