// SPDX-License-Identifier: Apache-2.0
// The law of stored weights: every kernel that reads them gives the bits that it gives with plain
// weights of the same values.
#include <array>

#include "cpu/kernels/checks.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/weights/quantised/encode.hpp"

using namespace moenda;
using checks::numbers;

namespace {

constexpr Format formats[] = {Format::bf16, Format::int8, Format::int4, Format::nf4,
                              Format::nf4_double};

/// A matrix in a format, and the same values plain.
template <class T>
struct Weights {
  Weights(Format how, int rows, int cols, std::uint64_t seed)
      : format(how), plain(numbers<T>(std::ptrdiff_t(rows) * cols, seed)) {
    auto const size = stored_bytes(format, rows, cols);
    codes.resize(size.codes), scales.resize(size.scales);
    quantised::encode(format, codes.data(), scales.data(), plain.data(), rows, cols);
    cpu::Backend<T> backend(1);
    std::vector<int> ids;
    for (int r = 0; r < rows; ++r) ids.push_back(r);
    cpu::embedding_forward(backend, plain.data(), stored(), ids.data(), rows, cols);
  }
  [[nodiscard]] WeightView<T> stored() const { return {format, codes.data(), scales.data()}; }
  Format format;
  std::vector<T> plain;
  std::vector<std::byte> codes, scales;
};

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

struct Shape {
  int rows, out, in;
};
/// Few rows and many; narrow results with few columns and more; edges of tiles; depths of one, of
/// half a pair, of whole blocks of a format, and of more than one block of a product.
constexpr Shape shapes[] = {{1, 40, 33},  {1, 1, 1},    {3, 129, 130}, {8, 64, 1},     {9, 33, 70},
                            {40, 5, 65},  {40, 8, 130}, {40, 9, 31},   {70, 31, 129},  {37, 1, 64},
                            {5, 7, 1500}, {1, 300, 9},  {50, 100, 1},  {33, 97, 2300}, {1, 40, 128},
                            {3, 21, 192}, {8, 9, 256},  {5, 7, 160},   {2, 17, 96}};

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
    auto const x = numbers<T>(std::ptrdiff_t(shape.rows) * shape.in, 1);
    for (auto const format : formats) {
      INFO(shape.rows << " rows, " << shape.out << " out, " << shape.in << " in, "
                      << enum_names(format)[std::size_t(format)]);
      Weights<T> const w(format, shape.out, shape.in, 2);
      auto const expected = product<T>(backend, shape, x, w.plain.data(), precision);
      REQUIRE(same_bits(product<T>(backend, shape, x, w.stored(), precision), expected));
    }
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
void check_groups(cpu::Backend<T>& backend, int out, int in, Precision precision, Format format) {
  INFO(out << " out, " << in << " in, " << enum_names(format)[std::size_t(format)]);
  Groups const groups;
  auto const x = numbers<T>(std::ptrdiff_t(groups.rows) * in, 3);
  std::vector<Weights<T>> weights;
  std::vector<T const*> plain;
  std::vector<void const*> codes, scales;
  for (int g = 0; g < groups.count; ++g) {
    weights.emplace_back(format, out, in, std::uint64_t(10 + g));
    plain.push_back(weights.back().plain.data());
    codes.push_back(weights.back().codes.data());
    scales.push_back(weights.back().scales.data());
  }
  auto const run = [&](KeptGroups<T> w, int const* row_of) {
    std::vector<T> y(std::size_t(groups.rows) * std::size_t(out), T(9));
    cpu::grouped_matmul_forward(backend, y.data(), x.data(), row_of, w, groups.begin.data(),
                                groups.count, out, in, precision);
    return y;
  };
  WeightViews<T> const stored{format, codes.data(), scales.data()};
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
      for (auto const format : formats) {
        check_groups(backend, 70, 130, Precision::fp32, format);
        check_groups(backend, 6, 31, Precision::fp32, format);
      }
    }
  }
}

TEST_CASE("products at bf16 read stored weights to the bit", "[stored]") {
  for (int const threads : {1, 3}) {
    cpu::Backend<float> backend(threads);
    check_products(backend, Precision::bf16);
    for (auto const format : formats) {
      check_groups(backend, 70, 130, Precision::bf16, format);
      check_groups(backend, 6, 31, Precision::bf16, format);
    }
  }
}

TEMPLATE_TEST_CASE("embeddings and the loss read stored weights to the bit", "[stored]", float,
                   double) {
  using T = TestType;
  cpu::Backend<T> backend(2);
  constexpr int rows = 23, vocab_size = 40, cols = 19;
  auto const format = GENERATE(from_range(std::begin(formats), std::end(formats)));
  Weights<T> const table(format, vocab_size, cols, 4);
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
