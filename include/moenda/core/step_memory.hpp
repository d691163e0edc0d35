// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

#include "moenda/core/arena.hpp"

namespace moenda {

/// What one step needs: caches and the host's part of plans, which are on the host, and numbers,
/// which live in the backend's space. Marks cover both.
template <class B>
class StepMemory {
 public:
  using Space = typename B::Space;
  struct Mark {
    Arena<>::Mark host{};
    typename Arena<Space>::Mark numbers{};
    bool operator==(Mark const&) const = default;
  };

  /// Of a backend whose numbers lie on the host.
  StepMemory() requires(Space::is_host) = default;
  explicit StepMemory(B& backend) : numbers(backend.space()) {}

  [[nodiscard]] Mark mark() const { return {host.mark(), numbers.mark()}; }
  /// Everything taken since `mark`, or since the beginning, is free again.
  void rewind() { rewind(Mark{}); }
  void rewind(Mark mark) {
    host.rewind(mark.host);
    numbers.rewind(mark.numbers);
  }
  /// The most bytes that were ever in use, of both.
  [[nodiscard]] std::size_t peak() const { return host.peak() + numbers.peak(); }
  /// For tests: Arena::poison of both.
  void poison(bool on = true) { host.poison = numbers.poison = on; }

  Arena<> host;
  Arena<Space> numbers;
};

}  // namespace moenda
