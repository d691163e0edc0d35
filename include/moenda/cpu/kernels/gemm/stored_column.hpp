// SPDX-License-Identifier: Apache-2.0
#pragma once
// Columns of the right operand of a product of few rows: plain numbers, or those of a stored
// weight, which become factors in registers. What a stored column gives has the bits of the plain
// numbers.
#include <cstdint>
#include <cstring>

#include "moenda/cpu/kernels/gemm/micro.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"
#include "moenda/cpu/kernels/linear/unpack.hpp"

namespace moenda::cpu::MOENDA_LEVEL::gemm_detail {

/// A column that lies in memory without gaps.
template <class V>
struct PlainColumn {
  using T = typename V::Scalar;
  static constexpr int span = V::lanes * V::pair;  ///< numbers that it gives at a time
  struct Rest {};
  T const* from;
  std::ptrdiff_t next;  // from one column to the one behind it

  PlainColumn(Problem<T> const& problem, int col)
      : from(problem.b.at(0, col)), next(problem.b.col_stride) {}
  /// The numbers p .. p + span of the depth.
  [[gnu::always_inline]] void load(typename V::Factor* to, int p) const {
    *to = V::along(from + p);
  }
  /// The numbers from p on, fewer than span of them.
  [[nodiscard]] T const* rest(Rest&, int p, int) const { return from + p; }
  /// What load(p) will read of a column further on: it comes from memory, and no prefetcher follows
  /// so many short streams.
  [[gnu::always_inline]] void prefetch(int columns, int p) const {
    for (int half = 0; half < V::pair; ++half) {
      __builtin_prefetch(from + columns * next + p + half * V::lanes);
    }
  }
};

#if MOENDA_AVX512
/// A row of a stored weight; `span` numbers at a time share a scale. (The masked forms of
/// instructions say what becomes of lanes that are not asked for: of the plain ones g++ 12 warns.
/// It makes sixteen scalar conversions of one of its own vectors of bytes.)
template <Format format>
struct StoredRow {
  static constexpr bool nf4 = format == Format::nf4 || format == Format::nf4_double;
  static constexpr int span = nf4 ? nf4_block : 32;
  std::uint8_t const* codes;  // of the row
  void const* scales;
  std::ptrdiff_t block;  // the row's first one in the matrix

  StoredRow(WeightView<float> const& w, std::ptrdiff_t row, int cols)
      : codes(static_cast<std::uint8_t const*>(w.codes) + row * bytes_before(cols)),
        scales(w.scales),
        block(row * (cols / span)) {}
  /// Whether no block runs across the end of a row.
  [[nodiscard]] static constexpr bool serves(int cols) { return cols % span == 0; }
  /// How many bytes of a row come before number p, a multiple of span.
  [[nodiscard]] static constexpr std::ptrdiff_t bytes_before(int p) {
    constexpr int bytes = format == Format::bf16   ? 2 * span
                          : format == Format::int8 ? int(sizeof(Int8Block))
                          : format == Format::int4 ? int(sizeof(Int4Block))
                                                   : span / 2;
    return static_cast<std::ptrdiff_t>(unsigned(p) / unsigned(span)) * bytes;
  }

  /// The numbers p .. p + span; p is a multiple of it.
  [[gnu::always_inline]] void load(__m512* to, int p) const {
    auto const* const at = codes + bytes_before(p);
    if constexpr (format == Format::bf16) {
      for (int i = 0; i < 2; ++i) {
        auto const half = _mm256_loadu_si256(reinterpret_cast<__m256i_u const*>(at + 32 * i));
        auto const wide = reinterpret_cast<Words>(_mm512_maskz_cvtepu16_epi32(all, half));
        to[i] = reinterpret_cast<__m512>(wide << 16);
      }
    } else if constexpr (format == Format::int8) {
      auto const scale = half_scale(at);
      for (int i = 0; i < 2; ++i) {
        auto const whole = _mm512_maskz_cvtepi8_epi32(all, load_bytes(at + 2 + 16 * i));
        to[i] = _mm512_maskz_cvtepi32_ps(all, whole) * scale;
      }
    } else if constexpr (format == Format::int4) {
      auto const both =
          reinterpret_cast<Words>(_mm512_maskz_cvtepu8_epi32(all, load_bytes(at + 2)));
      auto const steps = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
      auto const values = steps * half_scale(at);
      to[0] = look_up(values, both), to[1] = look_up(values, both >> 4);
    } else {
      auto const index = block + static_cast<std::ptrdiff_t>(unsigned(p) / unsigned(span));
      auto const values = _mm512_loadu_ps(nf4_values.data()) *
                          _mm512_set1_ps(detail::nf4_scale(format, scales, index));
      // A byte stands in two lanes, the first of which takes its upper half.
      Words const twice = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
      Words const halves = {4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0};
      for (int i = 0; i < 2; ++i) {
        auto const bytes = _mm512_maskz_cvtepu8_epi32(all, load_bytes(at + 16 * i));
        for (int half = 0; half < 2; ++half) {
          auto const order = reinterpret_cast<__m512i>(twice + (half == 0 ? 0U : 8U));
          auto const of_lane =
              reinterpret_cast<Words>(_mm512_maskz_permutexvar_epi32(all, order, bytes));
          to[2 * i + half] = look_up(values, of_lane >> halves);
        }
      }
    }
  }

 private:
  static constexpr __mmask16 all = 0xffff;
  using Words = Vector<std::uint32_t, 16>::Type;

  [[gnu::always_inline]] static __m128i load_bytes(std::uint8_t const* at) {
    return _mm_loadu_si128(reinterpret_cast<__m128i_u const*>(at));
  }
  /// values[code % 16] in every lane.
  [[gnu::always_inline]] static __m512 look_up(__m512 values, Words const& code) {
    return _mm512_maskz_permutexvar_ps(all, reinterpret_cast<__m512i>(code), values);
  }
  [[gnu::always_inline]] static __m512 half_scale(std::uint8_t const* at) {
    std::int16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return _mm512_maskz_cvtph_ps(all, _mm256_set1_epi16(bits));
  }
};

/// A column of a stored weight, which is a row of it.
template <class V, Format format>
struct StoredColumn {
  static constexpr int span = StoredRow<format>::span;
  using Rest = float[span];
  StoredRow<format> row;
  WeightView<float> weight;
  std::ptrdiff_t number;
  int cols;

  StoredColumn(Problem<float> const& problem, int col)
      : row(problem.stored.weight, col, problem.stored.cols),
        weight(problem.stored.weight),
        number(col),
        cols(problem.stored.cols) {}
  [[gnu::always_inline]] void load(typename V::Factor* to, int p) const {
    typename V::Register parts[span / V::lanes];
    row.load(parts, p);
    for (int i = 0; i < span / V::lanes / V::pair; ++i) to[i] = V::factor_of(parts + i * V::pair);
  }
  [[nodiscard]] float const* rest(Rest& to, int p, int count) const {
    detail::unpack_row(to, weight, number, cols, p, count);
    return to;
  }
  [[gnu::always_inline]] void prefetch(int columns, int p) const {
    __builtin_prefetch(row.codes + columns * row.bytes_before(cols) + row.bytes_before(p));
  }
};

/// body.template operator()<Column>() for the format of the weight; false where none serves.
template <class V, class Body>
bool with_stored_column(StoredRows<float> const& stored, Body const& body) {
  auto const with = [&]<Format format>() {
    if (!StoredRow<format>::serves(stored.cols) || stored.first != 0) return false;
    body.template operator()<StoredColumn<V, format>>();
    return true;
  };
  switch (stored.weight.format) {
    case Format::fp32:
      return false;
    case Format::bf16:
      return with.template operator()<Format::bf16>();
    case Format::int8:
      return with.template operator()<Format::int8>();
    case Format::int4:
      return with.template operator()<Format::int4>();
    case Format::nf4:
      return with.template operator()<Format::nf4>();
    case Format::nf4_double:
      return with.template operator()<Format::nf4_double>();
  }
  return false;
}
#endif

}  // namespace moenda::cpu::MOENDA_LEVEL::gemm_detail
