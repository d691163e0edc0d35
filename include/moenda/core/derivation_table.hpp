// SPDX-License-Identifier: Apache-2.0
#pragma once
// What kernels on windows and derivations are told, whatever they run on.

namespace moenda {

/// Windows first .. first + count of every item, which has `windows` of them.
struct WindowRange {
  int items = 0, windows = 0, first = 0, count = 0;
};

/// Ways in which experts derive what is right for item b: derivations begin[b] .. begin[b + 1].
/// Each is a product of up to four probabilities, whose logarithms stand in columns of [items,
/// width].
struct DerivationTable {
  static constexpr int parts = 4;
  int items = 0, experts = 0, width = 0;
  int const* begin = nullptr;    // [items + 1]
  int const* expert = nullptr;   // [derivations]
  int const* columns = nullptr;  // [derivations, parts], -1: no such part
};

}  // namespace moenda
