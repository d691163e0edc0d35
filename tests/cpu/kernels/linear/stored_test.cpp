// SPDX-License-Identifier: Apache-2.0
// The law of stored weights: every kernel that reads them gives the bits that it gives with plain
// weights of the same values.
#include <array>

#include "cpu/kernels/checks.hpp"
#include "moenda/core/bf16.hpp"
#include "moenda/cpu/backend.hpp"

using namespace moenda;
using checks::numbers;

namespace {

/// Weights in bf16, and the same values plain.
template <class T>
struct Weights {
  explicit Weights(std::ptrdiff_t count, std::uint64_t seed) : plain(numbers<T>(count, seed)) {
    for (auto& value : plain) {
      codes.push_back(to_bf16(static_cast<float>(value)));
      value = static_cast<T>(from_bf16(codes.back()));
    }
  }
  [[nodiscard]] WeightView<T> stored() const { return {Format::bf16, codes.data(), nullptr}; }
  std::vector<T> plain;
  std::vector<std::uint16_t> codes;
};

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

struct Shape {
  int rows, out, in;
};
/// Few rows and many; narrow results with few columns and more; edges of tiles; depths of one, of
/// half a pair, and of more than one block.
constexpr Shape shapes[] = {{1, 40, 33},  {1, 1, 1},    {3, 129, 130}, {8, 64, 1},    {9, 33, 70},
                            {40, 5, 65},  {40, 8, 130}, {40, 9, 31},   {70, 31, 129}, {37, 1, 64},
                            {5, 7, 1500}, {1, 300, 9},  {50, 100, 1},  {33, 97, 2300}};

template <class T>
std::vector<T> product(cpu::Backend<T>& backend, Shape const& shape, std::vector<T> const& x,
                       Kept<T> w, Precision precision) {
  std::vector<T> y(std::size_t(shape.rows) * std::size_t(shape.out), T(9));
  cpu::matmul_forward(backend, y.data(), x.data(), w, shape.rows, shape.out, shape.in, precision);
  return y;
}

template <class T>
void check_products(cpu::Backend<T>& backend, Precision precision) {
  for (auto const& shape : shapes) {
    INFO(shape.rows << " rows, " << shape.out << " out, " << shape.in << " in");
    auto const x = numbers<T>(std::ptrdiff_t(shape.rows) * shape.in, 1);
    Weights<T> const w(std::ptrdiff_t(shape.out) * shape.in, 2);
    auto const expected = product<T>(backend, shape, x, w.plain.data(), precision);
    REQUIRE(same_bits(product<T>(backend, shape, x, w.stored(), precision), expected));
  }
}

/// Groups of 5 rows, of none, of 30, of 1 and of 9, whose rows are picked backwards.
struct Groups {
  static constexpr int count = 5, rows = 45;
  std::array<int, count + 1> begin{0, 5, 5, 35, 36, 45};
  std::vector<int> row_of{};
  Groups() {
    for (int r = 0; r < rows; ++r) row_of.push_back(rows - 1 - r);
  }
};

template <class T>
void check_groups(cpu::Backend<T>& backend, int out, int in, Precision precision) {
  INFO(out << " out, " << in << " in");
  Groups const groups;
  auto const x = numbers<T>(std::ptrdiff_t(groups.rows) * in, 3);
  std::vector<Weights<T>> weights;
  std::vector<T const*> plain;
  std::vector<void const*> codes, scales(std::size_t(groups.count), nullptr);
  for (int g = 0; g < groups.count; ++g) {
    weights.emplace_back(std::ptrdiff_t(out) * in, std::uint64_t(10 + g));
    plain.push_back(weights.back().plain.data());
    codes.push_back(weights.back().codes.data());
  }
  auto const run = [&](KeptGroups<T> w, int const* row_of) {
    std::vector<T> y(std::size_t(groups.rows) * std::size_t(out), T(9));
    cpu::grouped_matmul_forward(backend, y.data(), x.data(), row_of, w, groups.begin.data(),
                                groups.count, out, in, precision);
    return y;
  };
  WeightViews<T> const stored{Format::bf16, codes.data(), scales.data()};
  for (auto const* row_of : {static_cast<int const*>(nullptr), groups.row_of.data()}) {
    REQUIRE(same_bits(run(stored, row_of), run(plain.data(), row_of)));
  }
}

}  // namespace

TEMPLATE_TEST_CASE("products read stored weights to the bit", "[stored]", float, double) {
  for (int const threads : {1, 3}) {
    for (auto const kernel : {cpu::MatmulKernel::packed, cpu::MatmulKernel::eigen}) {
      cpu::Backend<TestType> backend(threads, kernel);
      check_products(backend, Precision::fp32);
      check_groups(backend, 70, 130, Precision::fp32);
      check_groups(backend, 6, 31, Precision::fp32);
    }
  }
}

TEST_CASE("products at bf16 read stored weights to the bit", "[stored]") {
  for (int const threads : {1, 3}) {
    cpu::Backend<float> backend(threads);
    check_products(backend, Precision::bf16);
    check_groups(backend, 70, 130, Precision::bf16);
    check_groups(backend, 6, 31, Precision::bf16);
  }
}

TEMPLATE_TEST_CASE("embeddings and the loss read stored weights to the bit", "[stored]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(2);
  constexpr int rows = 23, vocab_size = 40, cols = 19;
  Weights<T> const table(vocab_size * cols, 4);
  std::vector<int> ids;
  for (int r = 0; r < rows; ++r) ids.push_back(r * 7 % vocab_size);
  auto const looked_up = [&](Kept<T> w) {
    std::vector<T> y(rows * cols);
    cpu::embedding_forward(backend, y.data(), w, ids.data(), rows, cols);
    return y;
  };
  CHECK(same_bits(looked_up(table.stored()), looked_up(table.plain.data())));

  auto const x = numbers<T>(rows * cols, 5);
  auto const losses = [&](Kept<T> w) {
    std::vector<T> each(rows);
    double sum = 0;
    cpu::cross_entropy(backend, &sum, each.data(), static_cast<T*>(nullptr),
                       static_cast<T*>(nullptr), x.data(), w, ids.data(), T(1), rows, vocab_size,
                       cols, Precision::fp32);
    each.push_back(static_cast<T>(sum));
    return each;
  };
  CHECK(same_bits(losses(table.stored()), losses(table.plain.data())));
  std::vector<T> dx(rows * cols), dw(vocab_size * cols);
  double sum = 0;
  CHECK_THROWS_AS(
      cpu::cross_entropy(backend, &sum, static_cast<T*>(nullptr), dx.data(), dw.data(), x.data(),
                         table.stored(), ids.data(), T(1), rows, vocab_size, cols, Precision::fp32),
      ConfigError);
}
