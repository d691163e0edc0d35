// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CPU's kernels on closed memory. Whatever runs here reads and writes its numbers in kernels
// and copies alone, so it will run where the host cannot look.
#include <string>
#include <type_traits>

#include "closed/space.hpp"
#include "moenda/core/error.hpp"
#include "moenda/cpu/backend.hpp"

namespace closed {

template <class T>
class Backend {
 public:
  using Scalar = T;
  using Space = closed::Space;

  explicit Backend(int threads = 1) : host(threads) { Region::watch(); }
  [[nodiscard]] static Space space() { return {}; }

  moenda::cpu::Backend<T> host;
  moenda::Precision& precision = host.precision;
  moenda::ThreadPool& pool = host.pool;
};

namespace detail {

/// Throws Error for an array of the host: a device could not read it. Of what is told by value,
/// such as a shape, the arrays that it points to.
template <class X>
void require_closed([[maybe_unused]] char const* kernel, [[maybe_unused]] X const& argument) {
  if constexpr (std::is_pointer_v<X>) {
    if (argument == nullptr || Region::one().holds(argument)) return;
    throw moenda::Error("closed: " + std::string(kernel) +
                        ": all arrays must be the backend's, but one is the host's");
  } else {
    static_assert(std::is_arithmetic_v<X> || std::is_enum_v<X>,
                  "closed: a kernel that is told a struct needs a require_closed for it, which "
                  "checks the arrays that it points to");
  }
}
inline void require_closed(char const*, moenda::AdamWStep const&) {}
inline void require_closed(char const*, moenda::Random const&) {}
inline void require_closed(char const*, moenda::WindowRange const&) {}
inline void require_closed(char const* kernel, moenda::AttentionShape const& shape) {
  require_closed(kernel, shape.firsts);
  require_closed(kernel, shape.lengths);
}
inline void require_closed(char const* kernel, moenda::DerivationTable const& table) {
  require_closed(kernel, table.begin);
  require_closed(kernel, table.expert);
  require_closed(kernel, table.columns);
}
template <class T>
void require_closed(char const* kernel, moenda::RoutingLoss<T> const& how) {
  require_closed(kernel, how.present);
}
template <class T>
void require_closed(char const* kernel, moenda::WeightView<T> const& w) {
  require_closed(kernel, w.values);
  require_closed(kernel, w.codes);
  require_closed(kernel, w.scales);
}
template <class T>
void require_closed(char const* kernel, moenda::WeightViews<T> const& w) {
  require_closed(kernel, w.values);
  require_closed(kernel, w.codes);
  require_closed(kernel, w.scales);
}
template <class... X>
void require_all_closed(char const* kernel, X const&... arguments) {
  (require_closed(kernel, arguments), ...);
}

}  // namespace detail

#define MOENDA_KERNEL(name, arguments, ...)                        \
  template <class T>                                               \
  void name(Backend<T>& backend, __VA_ARGS__) {                    \
    detail::require_all_closed(#name, MOENDA_ARGUMENTS arguments); \
    Opened const open(#name);                                      \
    moenda::cpu::name(backend.host, MOENDA_ARGUMENTS arguments);   \
  }
using moenda::AdamWStep;
using moenda::AttentionShape;
using moenda::DerivationTable;
using moenda::Kept;
using moenda::KeptGroups;
using moenda::Precision;
using moenda::Random;
using moenda::RoutingLoss;
using moenda::WindowRange;
#include "moenda/kernels/for_each_kernel.inc"

}  // namespace closed
