// SPDX-License-Identifier: Apache-2.0
#pragma once
// What layers owe to batches of sequences of different lengths: padding changes nothing, and
// neither does the order of the sequences. Rows of one sequence are all that Case may mix.
#include <array>

#include "laws/layer_laws.hpp"

namespace laws {

/// Sequences of `lengths` rows, padded to seq_len with `filling`.
template <class T, int width>
class PaddedBatch {
 public:
  PaddedBatch(std::vector<int> row_counts, int seq_len, double filling)
      : lengths(std::move(row_counts)), batch{nullptr, int(lengths.size()), seq_len} {
    batch.lengths = lengths.data();
    x = table(1, filling);
    dy = table(2, 0);
  }
  PaddedBatch(PaddedBatch const&) = delete;
  PaddedBatch& operator=(PaddedBatch const&) = delete;

  [[nodiscard]] bool is_padding(std::size_t scalar) const {
    auto const row = int(scalar) / width;
    return row % batch.seq_len >= lengths[std::size_t(row / batch.seq_len)];
  }
  /// The rows of sequence b without its padding.
  [[nodiscard]] std::vector<T> rows_of(std::vector<T> const& from, std::size_t b) const {
    auto const first = from.begin() + std::ptrdiff_t(b) * batch.seq_len * width;
    return {first, first + std::ptrdiff_t(lengths[b]) * width};
  }

  std::vector<int> lengths;
  moenda::Batch batch;
  std::vector<T> x, dy;

 private:
  /// Sequences of equal length get equal rows, wherever they stand.
  std::vector<T> table(std::uint64_t seed, double filling) const {
    std::vector<T> out(std::size_t(batch.rows()) * width, T(filling));
    for (std::size_t b = 0; b < lengths.size(); ++b) {
      auto const rows = numbers<T>(lengths[b] * width, seed + 10 * std::uint64_t(lengths[b]));
      std::copy(rows.begin(), rows.end(), out.begin() + std::ptrdiff_t(b) * batch.seq_len * width);
    }
    return out;
  }
};

/// Gradients with padding against central differences; what is padding gets none.
template <class Case>
void padded_gradients_are_right() {
  Subject<Case, double> subject;
  PaddedBatch<double, Case::width> padded({5, 2, 4, 1}, 5, 0.3);
  auto const dx = subject.run(padded.batch, padded.x, padded.dy).dx;
  for (std::size_t i = 0; i < dx.size(); ++i) REQUIRE((!padded.is_padding(i) || dx[i] == 0));
  auto const measure = [&] { return subject.measure(padded.batch, padded.x, padded.dy); };
  GradientCheck check;
  check("x", padded.x, dx, measure);
  moenda::walk(subject.params, [&](moenda::Path const& path, auto& weight) {
    if (!weight.trains()) return;
    auto const offset = std::size_t(weight.data - subject.values.data());
    auto const size = std::size_t(weight.size());
    check(path.str(), {weight.data, size}, std::span(subject.gradients).subspan(offset, size),
          measure, 40);
  });
}

/// A batch that is padded longer, with other numbers in the padding, answers with the same bits.
/// (Products of few rows add up in another order, so there are more.) Sums of gradients run over
/// the padding too; the zeros in it move the borders of their parts.
template <class Case>
void padding_changes_nothing() {
  std::vector<int> const lengths{17, 3, 12, 1, 16};
  Subject<Case, float> tight(1), loose(2);
  PaddedBatch<float, Case::width> a(lengths, 17, 0), b(lengths, 24, -4.5);
  auto const expected = tight.run(a.batch, a.x, a.dy), got = loose.run(b.batch, b.x, b.dy);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(b.rows_of(got.y, i), a.rows_of(expected.y, i)));
    CHECK(distance(b.rows_of(got.dx, i), a.rows_of(expected.dx, i)) <= Tolerance<Float>::value);
  }
  CHECK(got.auxiliary == Approx(expected.auxiliary).epsilon(1e-6));
  CHECK(distance(loose.gradients, tight.gradients) <= Tolerance<Float>::value);
}

/// Sequences in another order: each gets the bits it had.
template <class Case>
void sequences_can_be_permuted() {
  Subject<Case, float> first, second;
  PaddedBatch<float, Case::width> a({7, 3, 5, 1, 6}, 7, 0), b({5, 6, 7, 3, 1}, 7, 0);
  std::array<std::size_t, 5> const place{2, 3, 0, 4, 1};  // in b of the sequences of a
  auto const expected = first.run(a.batch, a.x, a.dy), got = second.run(b.batch, b.x, b.dy);
  for (std::size_t i = 0; i < place.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(b.rows_of(got.y, place[i]), a.rows_of(expected.y, i)));
    CHECK(same_bits(b.rows_of(got.dx, place[i]), a.rows_of(expected.dx, i)));
  }
  CHECK(distance(second.gradients, first.gradients) <= Tolerance<Float>::value);
}

/// The same bits for any number of threads, with padding, and no allocation in a steady step.
template <class Case>
void padded_steps_are_steady() {
  Subject<Case, float> one(1), three(3);
  PaddedBatch<float, Case::width> padded({40, 3, 65, 1, 17}, 65, 0);
  typename Subject<Case, float>::Result expected, got;
  one.run(padded.batch, padded.x, &padded.dy, expected);
  for (int step = 0; step < 3; ++step) {
    three.zero_gradients();
    three.run(padded.batch, padded.x, &padded.dy, got);
  }
  CHECK(same_bits(got.y, expected.y));
  CHECK(same_bits(got.dx, expected.dx));
  CHECK(same_bits(three.gradients, one.gradients));
  CHECK(allocations_of([&] { three.run(padded.batch, padded.x, &padded.dy, got); }) == 0);
}

/// All of them.
template <class Case>
void check_sequences() {
  SECTION("padded gradients are right") { padded_gradients_are_right<Case>(); }
  SECTION("padding changes nothing") { padding_changes_nothing<Case>(); }
  SECTION("sequences can be permuted") { sequences_can_be_permuted<Case>(); }
  SECTION("padded steps are steady") { padded_steps_are_steady<Case>(); }
}

}  // namespace laws
