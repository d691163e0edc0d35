// SPDX-License-Identifier: Apache-2.0
// The laws of the matrix product by every kind of registers: right against a plain loop in double,
// the same bits for any number of threads, and defined on every edge.
#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/kernels/gemm/gemm.hpp"

using namespace moenda;
using namespace moenda::cpu;

namespace {

using checks::numbers;

template <class T>
struct Case {
  int m, n, k;
  bool a_transposed, b_transposed, accumulate;
  std::ptrdiff_t c_stride;
  std::vector<T> a, b, c;

  Case(int m_, int n_, int k_, int layout, std::uint32_t seed)
      : m(m_),
        n(n_),
        k(k_),
        a_transposed(layout % 2 == 1),
        b_transposed(layout / 2 % 2 == 1),
        accumulate(layout / 4 % 2 == 1),
        c_stride(n + layout % 3),
        a(numbers<T>(std::ptrdiff_t(m) * k, seed)),
        b(numbers<T>(std::ptrdiff_t(k) * n, seed + 1)),
        c(numbers<T>(m * c_stride, seed + 2)) {}

  [[nodiscard]] Operand<T> left() const {
    return a_transposed ? Operand<T>{a.data(), 1, m} : Operand<T>{a.data(), k, 1};
  }
  [[nodiscard]] Operand<T> right() const {
    return b_transposed ? Operand<T>{b.data(), 1, k} : Operand<T>{b.data(), n, 1};
  }
  template <class V>
  [[nodiscard]] std::vector<T> result(Backend<T>& backend) const {
    auto out = c;
    gemm<T, V>(backend, out.data(), c_stride, m, n, k, left(), right(), accumulate);
    return out;
  }
  /// The largest difference from a plain loop in double, in units of the rounding of k products.
  template <class V = gemm_detail::Native<T>>
  [[nodiscard]] double error(std::vector<T> const& got) const {
    double worst = 0;
    for (std::ptrdiff_t i = 0; i < m; ++i) {
      for (std::ptrdiff_t j = 0; j < c_stride; ++j) {
        auto const at = std::size_t(i * c_stride + j);
        double sum = j < n && !accumulate ? 0 : double(c[at]);  // what lies between rows stays
        for (int p = 0; p < k && j < n; ++p) {
          sum += double(V::rounded(*left().at(i, p))) * double(V::rounded(*right().at(p, j)));
        }
        worst = std::max(worst, std::abs(sum - double(got[at])));
      }
    }
    return worst / (double(std::numeric_limits<T>::epsilon()) * (k + 4));
  }
};

constexpr int sizes[] = {0, 1, 2, 3, 7, 8, 9, 14, 15, 31, 32, 33, 63, 64, 65, 127, 128, 129};
constexpr int size_count = sizeof sizes / sizeof sizes[0];

/// Calls body(case) on many combinations of sizes and layouts.
template <class T, class Body>
void for_cases(int count, Body&& body) {
  std::uint32_t state = 7;
  auto const next = [&] {
    state = state * 1664525U + 1013904223U;
    return sizes[(state >> 16) % size_count];
  };
  for (int i = 0; i < count; ++i) {
    int const m = next(), n = next(), k = next();
    body(Case<T>(m, n, k, i % 8, std::uint32_t(i)));
  }
}

template <class V>
void check_registers() {
  using T = typename V::Scalar;
  Backend<T> backend(1);
  for_cases<T>(200, [&](Case<T> const& example) {
    CAPTURE(example.m, example.n, example.k, example.a_transposed, example.b_transposed,
            example.accumulate);
    REQUIRE(example.template error<V>(example.template result<V>(backend)) < 1);
  });
  Case<T> const deep(20, 70, 1025, 5, 3);  // several parts of the depth, the last of odd length
  REQUIRE(deep.template error<V>(deep.template result<V>(backend)) < 1);
}

#if MOENDA_AMX
using Tiles = gemm_detail::AmxBf16;
bool has_tiles() { return highest_level() == Level::amx; }
#else
using Tiles = gemm_detail::PlainTiles;
bool has_tiles() { return false; }
#endif

template <class T>
std::vector<Backend<T>*> backends_of_1_2_3_8() {
  static Backend<T> one(1), two(2), three(3), eight(8);
  return {&one, &two, &three, &eight};
}

}  // namespace

TEMPLATE_TEST_CASE("gemm agrees with a plain loop in double", "[gemm]", float, double) {
  using namespace gemm_detail;
  SECTION("portable") { check_registers<Exact<Portable<TestType>>>(); }
#if MOENDA_AVX2
  SECTION("AVX2") { check_registers<Exact<Avx2<TestType>>>(); }
#endif
#if MOENDA_AVX512
  SECTION("AVX-512") { check_registers<Exact<Avx512<TestType>>>(); }
#endif
}

TEST_CASE("gemm of bf16 agrees with a plain loop over rounded operands", "[gemm]") {
  // A product of two rounded numbers is exact in fp32, so only the sums round: the same bound.
  using namespace gemm_detail;
  SECTION("portable") { check_registers<Rounded<Portable<float>>>(); }
#if MOENDA_AVX2
  SECTION("AVX2") { check_registers<Rounded<Avx2<float>>>(); }
#endif
#if MOENDA_AVX512
  SECTION("AVX-512") { check_registers<Rounded<Avx512<float>>>(); }
#endif
#if MOENDA_AVX512_BF16
  SECTION("AVX-512 with dots of pairs") { check_registers<Avx512Bf16>(); }
#endif
  SECTION("tiles, by plain loops") { check_registers<PlainTiles>(); }
  SECTION("tiles of the machine") {
    if (has_tiles()) {
      check_registers<Tiles>();
    } else {
      WARN("skipped: this machine has no tile unit that programs may use");
    }
  }
}

TEMPLATE_TEST_CASE("gemm crosses blocks of rows, of columns and of the depth", "[gemm]", float,
                   double) {
  Backend<TestType> backend(2);
  for (auto const& example :
       {Case<TestType>(2500, 33, 20, 4, 1), Case<TestType>(70, 40, 1100, 1, 2),
        Case<TestType>(20, 2500, 3, 6, 3), Case<TestType>(3, 40, 2100, 0, 4),
        // Panels of the right operand by the dozen, read where they lie; some, packed together.
        Case<TestType>(12, 2496, 600, 4, 5), Case<TestType>(300, 411, 1100, 0, 6)}) {
    CAPTURE(example.m, example.n, example.k);
    auto const got = example.template result<gemm_detail::Native<TestType>>(backend);
    CHECK(example.error(got) < 1);
  }
}

TEMPLATE_TEST_CASE("gemm gives the same bits for any number of threads", "[gemm]", float, double) {
  using V = gemm_detail::Native<TestType>;
  auto const backends = backends_of_1_2_3_8<TestType>();
  auto const check = [&](Case<TestType> const& example) {
    CAPTURE(example.m, example.n, example.k);
    auto const one = example.template result<V>(*backends[0]);
    for (auto* backend : backends) REQUIRE(example.template result<V>(*backend) == one);
  };
  for_cases<TestType>(40, check);
  for (int layout = 0; layout < 8; ++layout) {
    check(Case<TestType>(150, 130, 600, layout, 5));  // large enough to run as jobs
    check(Case<TestType>(5, 1000, 600, layout, 6));   // few rows
    check(Case<TestType>(1000, 4, 600, layout, 7));   // few columns
  }
  check(Case<TestType>(700, 70, 1100, 0, 8));  // in more passes, the fewer threads there are
}

TEMPLATE_TEST_CASE("tile units: depths in parts, the same bits for any number of threads and rows",
                   "[gemm]", gemm_detail::PlainTiles, Tiles) {
  auto const backends = backends_of_1_2_3_8<float>();
  if (std::is_same_v<TestType, Tiles> && !has_tiles()) {
    WARN("skipped: this machine has no tile unit that programs may use");
    return;
  }
  for (int layout = 0; layout < 8; ++layout) {
    Case<float> const example(75, 70, 2100, layout, 5);
    CAPTURE(layout);
    auto const one = example.result<TestType>(*backends[0]);
    CHECK(example.error<TestType>(one) < 1);
    for (auto* backend : backends) REQUIRE(example.result<TestType>(*backend) == one);
  }
  Case<float> const all(64, 48, 600, 0, 3);
  auto const whole = all.result<TestType>(*backends[0]);
  for (int m : {9, 16, 17, 33}) {
    std::vector<float> part(std::size_t(m) * 48);
    gemm<float, TestType>(*backends[0], part.data(), 48, m, 48, 600, all.left(), all.right(),
                          false);
    CHECK(std::equal(part.begin(), part.end(), whole.begin()));
  }
}

TEST_CASE("a row has the same bits among any number of other rows", "[gemm]") {
  // Above the few rows of decoding, which sum in another order.
  using V = gemm_detail::Native<float>;
  Backend<float> backend(1);
  Case<float> const all(64, 48, 600, 0, 3);
  auto const whole = all.result<V>(backend);
  for (int m : {9, 14, 17, 33}) {
    std::vector<float> part(std::size_t(m) * 48);
    gemm<float, V>(backend, part.data(), 48, m, 48, 600, all.left(), all.right(), false);
    CHECK(std::equal(part.begin(), part.end(), whole.begin()));
  }
}

TEST_CASE("gemm inside a job of the pool runs in place with the same bits", "[gemm]") {
  using V = gemm_detail::Native<float>;
  Backend<float> backend(3);
  Case<float> const example(150, 130, 200, 2, 9);
  auto const outside = example.result<V>(backend);
  std::vector<std::vector<float>> inside(7);
  backend.pool.parallel_for(7, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) inside[std::size_t(i)] = example.result<V>(backend);
  });
  for (auto const& got : inside) CHECK(got == outside);
}

TEST_CASE("gemm of empty sizes", "[gemm]") {
  Backend<float> backend(2);
  std::vector<float> c = {1, 2, 3, 4, 5, 6};
  gemm<float>(backend, c.data(), 3, 2, 2, 0, {}, {}, true);
  CHECK(c == std::vector<float>{1, 2, 3, 4, 5, 6});
  gemm<float>(backend, c.data(), 3, 2, 2, 0, {}, {}, false);
  CHECK(c == std::vector<float>{0, 0, 3, 0, 0, 6});
  gemm<float>(backend, nullptr, 0, 0, 0, 5, {}, {}, false);
  gemm<float>(backend, nullptr, 4, 0, 4, 5, {}, {}, false);
  CHECK_THROWS_AS(gemm<float>(backend, c.data(), 3, -1, 2, 2, {}, {}, false), ConfigError);
  CHECK_THROWS_AS(gemm<float>(backend, c.data(), 1, 2, 2, 2, {}, {}, false), ConfigError);
}

TEMPLATE_TEST_CASE("gemm propagates values that are not finite, and only to their row and column",
                   "[gemm]", gemm_detail::Native<float>, gemm_detail::PlainTiles,
                   gemm_detail::Rounded<gemm_detail::Portable<float>>) {
  Backend<float> backend(2);
  for (int m : {3, 20, 70}) {
    for (float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Case<float> example(m, 37, 50, 2, 11);
      example.a[std::size_t(1 * 50 + 7)] = bad;
      auto const got = example.result<TestType>(backend);
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        for (std::ptrdiff_t j = 0; j < 37; ++j) {
          REQUIRE(std::isfinite(got[std::size_t(i * example.c_stride + j)]) == (i != 1));
        }
      }
    }
  }
}

TEST_CASE("rounding to bf16 is to the nearest, ties to even", "[gemm]") {
  auto const infinity = std::numeric_limits<float>::infinity();
  CHECK(round_to_bf16(1.0F + 0x1p-8F) == 1.0F);              // a tie, down to even
  CHECK(round_to_bf16(1.0F + 0x1.8p-7F) == 1.0F + 0x1p-6F);  // a tie, up to even
  CHECK(round_to_bf16(1.0F + 0x1.02p-8F) == 1.0F + 0x1p-7F);
  CHECK(round_to_bf16(-3.0F) == -3.0F);
  CHECK(round_to_bf16(std::numeric_limits<float>::max()) == infinity);
  CHECK(round_to_bf16(-infinity) == -infinity);
  CHECK(std::isnan(round_to_bf16(std::bit_cast<float>(0x7f800001U))));
}

TEMPLATE_TEST_CASE("portable registers read stored weights to the bit", "[gemm]",
                   gemm_detail::Exact<gemm_detail::Portable<float>>,
                   gemm_detail::Rounded<gemm_detail::Portable<float>>) {
  Backend<float> backend(2);
  for (auto const& [rows, out, in] : {std::array{1, 40, 33}, {9, 33, 70}, {40, 5, 65}}) {
    auto const x = numbers<float>(std::ptrdiff_t(rows) * in, 1);
    auto plain = numbers<float>(std::ptrdiff_t(out) * in, 2);
    std::vector<std::uint16_t> codes;
    for (float& value : plain) value = from_bf16(codes.emplace_back(to_bf16(value)));
    WeightView<float> const stored{Format::bf16, codes.data(), nullptr};
    std::vector<float> y(std::size_t(rows) * std::size_t(out)), expected = y;
    auto const run = [&](gemm_detail::Problem<float> const& problem) {
      gemm_detail::multiply<TestType>(backend, 1, [&](int) { return problem; });
    };
    Operand<float> const left{x.data(), in, 1};
    run({expected.data(), out, 1, rows, out, in, left, {plain.data(), 1, in}, false});
    run({y.data(), out, 1, rows, out, in, left, {}, false, {stored, in, 0}});
    CHECK(y == expected);
  }
}
