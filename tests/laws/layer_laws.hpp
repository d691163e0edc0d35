// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every layer must obey, whatever it computes. A new layer is one more case in a type list.
#include "closed/layer.hpp"
#include "laws/allocations.hpp"
#include "laws/subject.hpp"

namespace laws {

/// Forward and backward agree: dx and every parameter's gradient against central differences.
template <class Case>
void gradients_are_right(moenda::Batch batch) {
  Subject<Case, double> subject;
  auto x = numbers<double>(batch.rows() * Case::width, 1);
  auto const dy = numbers<double>(batch.rows() * Case::width, 2);
  auto const dx = subject.run(batch, x, dy).dx;
  auto const measure = [&] { return subject.measure(batch, x, dy); };
  GradientCheck check;
  check("x", x, dx, measure);
  moenda::walk(subject.params, [&](moenda::Path const& path, auto& weight) {
    if (!weight.trains()) return;  // state has no derivative
    auto const offset = std::size_t(weight.data - subject.values.data());
    auto const size = std::size_t(weight.size());
    check(path.str(), {weight.data, size}, std::span(subject.gradients).subspan(offset, size),
          measure, 40);
  });
}

/// dx is returned fresh, gradients accumulate on what is there, x and dy are left alone.
template <class Case>
void gradients_accumulate(moenda::Batch batch) {
  Subject<Case, double> subject;
  auto const x = numbers<double>(batch.rows() * Case::width, 1);
  auto const dy = numbers<double>(batch.rows() * Case::width, 2);
  auto const first = subject.run(batch, x, dy);
  CHECK(subject.inputs_kept);
  auto const once = subject.gradients;
  auto const second = subject.run(batch, x, dy);
  CHECK(same_bits(first.dx, second.dx));
  CHECK(same_bits(first.y, second.y));
  std::vector<double> twice(once);
  for (auto& g : twice) g *= 2;
  CHECK(distance(subject.gradients, twice) <= Tolerance<Double>::value);
  CHECK((once.empty() || std::any_of(once.begin(), once.end(), [](double g) { return g != 0; })));
}

/// Three steps with the gradients set to zero in between are three times the same step.
template <class Case>
void steps_repeat(moenda::Batch batch) {
  Subject<Case, float> subject(2);
  auto const x = numbers<float>(batch.rows() * Case::width, 1);
  auto const dy = numbers<float>(batch.rows() * Case::width, 2);
  auto const first = subject.run(batch, x, dy);
  auto const gradients = subject.gradients;
  auto const values = subject.values;
  for (int step = 1; step < 3; ++step) {
    subject.zero_gradients();
    auto const again = subject.run(batch, x, dy);
    CAPTURE(step);
    CHECK(same_bits(again.y, first.y));
    CHECK(same_bits(again.dx, first.dx));
    CHECK(same_bits(subject.gradients, gradients));
  }
  CHECK(same_bits(subject.values, values));
}

/// The number of threads changes no bit.
template <class Case>
void threads_change_nothing(moenda::Batch batch) {
  Subject<Case, float> one(1);
  auto const x = numbers<float>(batch.rows() * Case::width, 1);
  auto const dy = numbers<float>(batch.rows() * Case::width, 2);
  auto const expected = one.run(batch, x, dy);
  for (int const threads : {2, 3, 8}) {
    Subject<Case, float> many(threads);
    auto const got = many.run(batch, x, dy);
    CAPTURE(threads);
    CHECK(same_bits(got.y, expected.y));
    CHECK(same_bits(got.dx, expected.dx));
    CHECK(same_bits(many.gradients, one.gradients));
  }
}

/// No tokens: no output, and a backward that leaves the gradients as they are.
template <class Case>
void nothing_is_a_batch() {
  for (moenda::Batch const batch : {moenda::Batch{nullptr, 0, 4}, moenda::Batch{nullptr, 2, 0}}) {
    Subject<Case, float> subject;
    subject.arena.poison(true);
    std::fill(subject.gradients.begin(), subject.gradients.end(), 0.25f);
    auto const got = subject.run(batch, {}, std::vector<float>{});
    CHECK(got.y.empty());
    CHECK(got.dx.empty());
    CHECK(std::isfinite(got.auxiliary));
    for (float const g : subject.gradients) REQUIRE(g == 0.25f);
  }
}

/// Memory that nobody wrote is never read: with all of it NaN the bits are the same.
template <class Case>
void poison_changes_nothing(moenda::Batch batch) {
  Subject<Case, float> clean, poisoned;
  poisoned.arena.poison(true);
  auto const x = numbers<float>(batch.rows() * Case::width, 1);
  auto const dy = numbers<float>(batch.rows() * Case::width, 2);
  auto const expected = clean.run(batch, x, dy), got = poisoned.run(batch, x, dy);
  CHECK(all_finite(got.y));
  CHECK(same_bits(got.y, expected.y));
  CHECK(same_bits(got.dx, expected.dx));
  CHECK(same_bits(poisoned.gradients, clean.gradients));
}

/// Where the host cannot look at a number, as on a GPU, the bits are the CPU's.
template <class Case, class T>
void closed_memory_changes_nothing(moenda::Batch batch) {
  using Module = typename Case::Module;
  closed::Layer<Module, moenda::cpu::Backend<T>> open(Case::config(), Case::width);
  closed::Layer<Module, closed::Backend<T>> layer(Case::config(), Case::width);
  auto const x = numbers<T>(batch.rows() * Case::width, 1);
  auto const dy = numbers<T>(batch.rows() * Case::width, 2);
  auto const expected = open.run(batch, x, dy);
  CHECK(all_finite(expected));
  CHECK(same_bits(layer.run(batch, x, dy), expected));
}

/// After the first steps have grown the arena and the scratch, a step calls operator new not once.
template <class Case>
void steady_steps_allocate_nothing(moenda::Batch batch) {
  Subject<Case, float> subject(2);
  auto const x = numbers<float>(batch.rows() * Case::width, 1);
  auto const dy = numbers<float>(batch.rows() * Case::width, 2);
  typename Subject<Case, float>::Result result;
  for (int step = 0; step < 3; ++step) subject.run(batch, x, &dy, result);
  CHECK(allocations_of([&] { subject.run(batch, x, &dy, result); }) == 0);
}

/// Outputs depend on no input that they must not see. They are compared up to rounding: an expert
/// that gets more rows than a product takes for few sums in another order.
template <class Case>
void reach_is_kept(moenda::Batch batch) {
  Subject<Case, float> subject;
  auto const x = numbers<float>(batch.rows() * Case::width, 1);
  auto const y = subject.forward(batch, x);
  for (int row = 0; row < batch.rows(); ++row) {
    auto changed = x;
    for (int i = 0; i < Case::width; ++i) changed[std::size_t(row * Case::width + i)] += 1.5f;
    auto const z = subject.forward(batch, changed);
    for (int other = 0; other < batch.rows(); ++other) {
      bool const same_sequence = other / batch.seq_len == row / batch.seq_len;
      bool const reached = Case::reach == Reach::row              ? other == row
                           : Case::reach == Reach::whole_sequence ? same_sequence
                           : Case::reach == Reach::sequence       ? same_sequence && other >= row
                                                                  : other >= row;
      if (reached) continue;
      CAPTURE(row, other);
      auto const begin = std::ptrdiff_t(other) * Case::width;
      REQUIRE(std::equal(z.begin() + begin, z.begin() + begin + Case::width, y.begin() + begin,
                         [](float a, float b) { return std::abs(a - b) < 1e-5f; }));
    }
  }
}

/// All laws of a layer.
template <class Case>
void check_layer() {
  using Module = typename Case::Module;
  static_assert(moenda::LayerLike<Module>);
  static_assert(std::is_trivially_destructible_v<typename Module::template Cache<Float>>);
  constexpr moenda::Batch small{nullptr, 2, 5}, single{nullptr, 1, 1}, large{nullptr, 2, 65};
  SECTION("gradients are right") { gradients_are_right<Case>(small); }
  SECTION("gradients of a single token are right") { gradients_are_right<Case>(single); }
  SECTION("gradients accumulate") { gradients_accumulate<Case>(small); }
  SECTION("steps repeat") { steps_repeat<Case>(large); }
  SECTION("threads change nothing") { threads_change_nothing<Case>(large); }
  SECTION("nothing is a batch") { nothing_is_a_batch<Case>(); }
  SECTION("poison changes nothing") { poison_changes_nothing<Case>(large); }
  SECTION("closed memory changes nothing") {
    closed_memory_changes_nothing<Case, float>(small);
    closed_memory_changes_nothing<Case, double>(small);
  }
  SECTION("steady steps allocate nothing") { steady_steps_allocate_nothing<Case>(large); }
  SECTION("reach is kept") { reach_is_kept<Case>({nullptr, 2, 7}); }
}

}  // namespace laws
