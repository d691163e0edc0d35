// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary position embedding (Su et al. 2021, eq. 34), with the pairs (i, i + head_dim / 2) instead
// of neighbours: both halves of a head are then plain vectors.
#include <cmath>

#include "moenda/core/error.hpp"
#include "moenda/cpu/kernels/blocks.hpp"

namespace moenda::cpu::MOENDA_LEVEL {

namespace detail {

/// What a rotation turns by: position * base^(-2 i / head_dim), or position * frequencies[i] where
/// they are not null. `amplitude` is what lengths are multiplied by.
struct Rotation {
  double base = 1;
  double const* frequencies = nullptr;
  double amplitude = 1;
};

/// cos and sin of the angles of consecutive positions, times the amplitude, [positions, half]
/// each. One pair of sine and cosine costs as much as rotating some twenty scalars, so angles are
/// split: position = 64 a + b, and e^(i (a' + b')) = e^(i a') e^(i b') from two short exact tables.
/// All in double, rounded at the end; an entry depends on its position, not on where a call starts.
template <class T>
class RopeTable {
 public:
  RopeTable(Backend<T>& backend, std::int64_t first, std::ptrdiff_t positions, int head_dim,
            Rotation const& by)
      : first_(first),
        half_(head_dim / 2),
        coarse_first_(first >> shift),
        amplitude_(by.amplitude) {
    auto const last = first + positions - 1;
    auto const coarse = (last >> shift) - coarse_first_ + 1;
    // Within one coarse step (decoding: a single position) only that part of the steps is needed.
    fine_first_ = coarse == 1 ? first & step_mask : 0;
    auto const fine = coarse == 1 ? positions : step_mask + 1;
    reserve(backend, positions, coarse, fine);
    for (std::ptrdiff_t i = 0; i < half_; ++i) {
      frequency_[i] = by.frequencies != nullptr
                          ? by.frequencies[i]
                          : std::pow(by.base, -2.0 * static_cast<double>(i) / head_dim);
    }
    fill_exact(backend, coarse_, coarse, coarse_first_, step_mask + 1);
    fill_exact(backend, fine_, fine, fine_first_, 1);
    auto const body = [this](std::ptrdiff_t begin, std::ptrdiff_t end) {
      for (std::ptrdiff_t p = begin; p < end; ++p) combine(p);
    };
    for_blocks(backend, positions, rows_per_block(half_), body);
  }

  [[nodiscard]] T const* cosine(std::ptrdiff_t p) const { return cosine_ + p * half_; }
  [[nodiscard]] T const* sine(std::ptrdiff_t p) const { return sine_ + p * half_; }

 private:
  static constexpr int shift = 6;
  static constexpr std::int64_t step_mask = (1 << shift) - 1;

  /// Row r of an exact table: half_ cosines, then half_ sines.
  void reserve(Backend<T>& backend, std::ptrdiff_t positions, std::ptrdiff_t coarse,
               std::ptrdiff_t fine) {
    auto const doubles = static_cast<std::size_t>(half_ * (1 + 2 * coarse + 2 * fine));
    auto const scalars = static_cast<std::size_t>(2 * positions * half_);
    auto* const bytes = backend.template scratch<std::byte>(
        Backend<T>::reduction, doubles * sizeof(double) + scalars * sizeof(T));
    frequency_ = static_cast<double*>(static_cast<void*>(bytes));
    coarse_ = frequency_ + half_;
    fine_ = coarse_ + 2 * coarse * half_;
    cosine_ = static_cast<T*>(static_cast<void*>(bytes + doubles * sizeof(double)));
    sine_ = cosine_ + positions * half_;
  }

  /// Rows for the positions (first + r) * step, r < rows.
  void fill_exact(Backend<T>& backend, double* table, std::ptrdiff_t rows, std::int64_t first,
                  std::int64_t step) {
    auto const body = [=, this](std::ptrdiff_t begin, std::ptrdiff_t end) {
      for (std::ptrdiff_t r = begin; r < end; ++r) {
        double* const row = table + 2 * r * half_;
        auto const position = static_cast<double>((first + r) * step);
        for (std::ptrdiff_t i = 0; i < half_; ++i) {
          row[i] = std::cos(position * frequency_[i]);
          row[half_ + i] = std::sin(position * frequency_[i]);
        }
      }
    };
    for_blocks(backend, rows, rows_per_block(half_, scalars_per_block / 16), body);
  }

  void combine(std::ptrdiff_t p) const {
    auto const position = first_ + p;
    double const* const a = coarse_ + 2 * half_ * ((position >> shift) - coarse_first_);
    double const* const b = fine_ + 2 * half_ * ((position & step_mask) - fine_first_);
    T* const c = cosine_ + p * half_;
    T* const s = sine_ + p * half_;
    for (std::ptrdiff_t i = 0; i < half_; ++i) {
      c[i] = static_cast<T>(amplitude_ * (a[i] * b[i] - a[half_ + i] * b[half_ + i]));
      s[i] = static_cast<T>(amplitude_ * (a[half_ + i] * b[i] + a[i] * b[half_ + i]));
    }
  }

  std::int64_t first_;
  std::ptrdiff_t half_;
  std::int64_t coarse_first_, fine_first_ = 0;
  double amplitude_;
  double *frequency_ = nullptr, *coarse_ = nullptr, *fine_ = nullptr;
  T *cosine_ = nullptr, *sine_ = nullptr;
};

/// (u, v) <- (u cos - v sin, v cos + u sin) for the two halves of one head.
template <class T>
inline void rotate_head(T* u, T* v, T const* cosine, T const* sine, T sign, std::ptrdiff_t half) {
  for (std::ptrdiff_t i = 0; i < half; ++i) {
    T const a = u[i], b = v[i], c = cosine[i], s = sign * sine[i];
    u[i] = a * c - b * s;
    v[i] = b * c + a * s;
  }
}

/// x[rows, num_heads, head_dim] in place; row r stands at position first_position + r % seq_len, or
/// at positions[r / seq_len] + r % seq_len.
template <class T>
void rotate_rows(Backend<T>& backend, T* x, int rows, int num_heads, int head_dim, int seq_len,
                 int first_position, Rotation const& by, int sign, int const* positions) {
  if (rows <= 0 || num_heads <= 0 || head_dim <= 0) return;
  require(seq_len > 0, "rope_rotate: seq_len must be positive, at least", seq_len, 1);
  if (positions != nullptr) {  // a table for each sequence
    for (int row = 0; row < rows; row += seq_len) {
      rotate_rows(backend, x + std::ptrdiff_t{row} * num_heads * head_dim,
                  std::min(seq_len, rows - row), num_heads, head_dim, seq_len,
                  positions[row / seq_len], by, sign, nullptr);
    }
    return;
  }
  RopeTable<T> const table(backend, first_position, std::min(rows, seq_len), head_dim, by);
  std::ptrdiff_t const half = head_dim / 2, width = std::ptrdiff_t{num_heads} * head_dim;
  auto const direction = static_cast<T>(sign);
  auto const body = [=, &table](std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
      T const* const cosine = table.cosine(r % seq_len);
      T const* const sine = table.sine(r % seq_len);
      for (T* head = x + r * width; head < x + (r + 1) * width; head += head_dim) {
        rotate_head(head, head + half, cosine, sine, direction, half);
      }
    }
  };
  for_blocks(backend, rows, rows_per_block(width), body);
}

}  // namespace detail

// sign 1 rotates; -1 undoes it, which is also the backward: a rotation's transpose is its inverse.
// Throws ConfigError unless head_dim is even and seq_len positive.
template <class T>
void rope_rotate(Backend<T>& backend, T* x, int rows, int num_heads, int head_dim, int seq_len,
                 int first_position, double base, int sign, int const* positions) {
  require(head_dim % 2 == 0, "rope_rotate: head_dim must be even, a multiple of", head_dim, 2);
  detail::rotate_rows(backend, x, rows, num_heads, head_dim, seq_len, first_position,
                      {.base = base}, sign, positions);
}

// The same by other angles, times amplitude: forward and backward alike.
template <class T>
void rope_rotate_scaled(Backend<T>& backend, T* x, double const* frequencies, double amplitude,
                        int rows, int num_heads, int head_dim, int seq_len, int first_position,
                        int sign, int const* positions) {
  require(head_dim % 2 == 0, "rope_rotate_scaled: head_dim must be even, a multiple of", head_dim,
          2);
  detail::rotate_rows(backend, x, rows, num_heads, head_dim, seq_len, first_position,
                      {.frequencies = frequencies, .amplitude = amplitude}, sign, positions);
}

}  // namespace moenda::cpu::MOENDA_LEVEL
