// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the programs of this folder share: arrays, masks, and how a kernel's result is compared with
// a plain loop in double. No test framework: the programs are compiled for many targets, and all of
// their time goes into the kernels.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <vector>

#include "moenda/core/bf16.hpp"
#include "moenda/cpu/declarations.hpp"

namespace targets {

using Backend = moenda::cpu::Backend<float>;
using Ints = std::vector<int>;
using Keys = std::vector<std::uint64_t>;
using Doubles = std::vector<double>;

inline Backend& backend() {
  static Backend one(1);
  return one;
}

/// Floats that a kernel works on. The reference reads them by [], one at a time: volatile keeps a
/// compiler from making vector code of the reference, and with it the kernel's mistake.
class Floats {
 public:
  explicit Floats(std::ptrdiff_t count, float value = 0)
      : values_(static_cast<std::size_t>(count), value) {}
  /// `count` numbers between low and high (SplitMix64).
  [[gnu::noinline]] Floats(std::ptrdiff_t count, std::uint64_t seed, double low, double high)
      : Floats(count) {
    for (auto& value : values_) {
      std::uint64_t z = seed += 0x9e3779b97f4a7c15u;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      z ^= z >> 31;
      value = static_cast<float>(low + (high - low) * double(z >> 11) * 0x1p-53);
    }
  }
  [[nodiscard]] float* data() { return values_.data(); }
  [[nodiscard]] float const* data() const { return values_.data(); }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] double operator[](std::ptrdiff_t i) const {
    return *static_cast<float const volatile*>(values_.data() + i);
  }
  void set(std::ptrdiff_t i, double value) {
    values_[static_cast<std::size_t>(i)] = static_cast<float>(value);
  }

 private:
  std::vector<float> values_;
};

/// A mask over [rows, cols]; `null` masks are none at all.
struct Mask {
  char const* name;
  Floats values;
  bool null = false;
  [[nodiscard]] float const* data() const { return null ? nullptr : values.data(); }
  [[nodiscard]] bool taken(std::ptrdiff_t i) const { return null || values[i] != 0; }
};
/// Nothing, everything, a random half, and one entry of every row.
[[gnu::noinline]] inline std::vector<Mask> masks(int rows, int cols) {
  std::ptrdiff_t const size = std::ptrdiff_t{rows} * cols;
  Floats random(size, std::uint64_t(cols), 0, 1), one(size);
  for (std::ptrdiff_t i = 0; i < size; ++i) random.set(i, random[i] < 0.5);
  for (std::ptrdiff_t r = 0; r < rows; ++r) one.set(r * cols + (7 * r + cols / 2) % cols, 1);
  return {{"none", Floats(size)}, {"all", Floats(size, 1)}, {"random", random}, {"one", one}};
}
inline std::vector<Mask> masks_and_null(int rows, int cols) {
  auto all = masks(rows, cols);
  all.push_back({"null", Floats(std::ptrdiff_t{rows} * cols, 1), true});
  return all;
}

/// What was tried; it is printed when it goes wrong.
struct Tried {
  char const* kernel;
  int width;
  char const* mask = "-";
};
inline int checked = 0, failed = 0;

/// Any function of an index, as std::function but for its cost: what takes it is compiled once, and
/// most of the compilers' time goes into the kernels.
class Term {
 public:
  template <class F>
  Term(F const& f)
      : f_(&f), call_([](void const* of, std::ptrdiff_t i) {
          return static_cast<double>((*static_cast<F const*>(of))(i));
        }) {}
  double operator()(std::ptrdiff_t i) const { return call_(f_, i); }

 private:
  void const* f_;
  double (*call_)(void const*, std::ptrdiff_t);
};

/// f(0), ..., f(count - 1).
[[gnu::noinline]] inline Doubles all_of(std::ptrdiff_t count, Term f) {
  Doubles values;
  for (std::ptrdiff_t i = 0; i < count; ++i) values.push_back(f(i));
  return values;
}
[[gnu::noinline]] inline double sum_over(std::ptrdiff_t count, Term f) {
  double sum = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) sum += f(i);
  return sum;
}

/// got must be want, within `bound` of 1 + |want|. The first wrong entry is printed.
[[gnu::noinline]] inline void compare(Tried const& tried, Doubles const& got, Doubles const& want,
                                      double bound) {
  ++checked;
  bool wrong = got.size() != want.size();
  if (wrong) std::printf("%s: %zu instead of %zu numbers\n", tried.kernel, got.size(), want.size());
  for (std::size_t i = 0; i < want.size() && !wrong; ++i) {
    wrong = !(got[i] == want[i] || std::abs(got[i] - want[i]) <= bound * (1 + std::abs(want[i])));
    if (wrong && failed < 50) {
      std::printf("%s, width %d, mask %s: entry %zu: expected %.9g, got %.9g\n", tried.kernel,
                  tried.width, tried.mask, i, want[i], got[i]);
    }
  }
  failed += wrong;
}
[[gnu::noinline]] inline Doubles doubles_of(Floats const& x) {
  return all_of(std::ptrdiff_t(x.size()), [&](auto i) { return x[i]; });
}
template <class T>
Doubles doubles_of(std::vector<T> const& x) {
  return all_of(std::ptrdiff_t(x.size()), [&](auto i) { return x[std::size_t(i)]; });
}
template <class Got, class Want>
void expect(Tried const& tried, Got const& got, Want const& want, double bound = 2e-5) {
  compare(tried, doubles_of(got), doubles_of(want), bound);
}
inline void expect(Tried const& tried, double got, double want, double bound = 2e-5) {
  compare(tried, {got}, {want}, bound);
}
/// got[i] must be f(i) for i < count.
template <class Got>
void expect_each(Tried const& tried, Got const& got, std::ptrdiff_t count, Term f,
                 double bound = 2e-5) {
  compare(tried, doubles_of(got), all_of(count, f), bound);
}

/// Fewer widths, where MOENDA_FEW_WIDTHS is set: an emulated processor is slow.
inline bool few_widths() { return std::getenv("MOENDA_FEW_WIDTHS") != nullptr; }
/// Widths at the edges of vectors, for kernels that cost more than a walk over their rows.
inline Ints some_widths() {
  if (few_widths()) return {1, 7, 8, 17, 33, 130};
  return {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 130};
}
/// Every width up to 130.
inline Ints widths() {
  if (few_widths()) return some_widths();
  Ints all;
  for (int width = 1; width <= 130; ++width) all.push_back(width);
  return all;
}

/// Runs all checks; returns what main does. 77: this processor does not have the level that
/// MOENDA_KERNELS names.
template <class Checks>
int run(Checks const& checks) {
  try {
    std::printf("level %s\n", moenda::cpu::name_of(backend().level));
  } catch (moenda::ConfigError const& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  checks();
  std::printf("%d comparisons, %d wrong\n", checked, failed);
  return failed == 0 && checked > 0 ? 0 : 1;
}

}  // namespace targets
