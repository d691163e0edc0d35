// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace moenda {

/// What is drawn from logits sorted by falling size (ties: by rising id), found without sorting
/// them. Probabilities are summed in buckets of nearly equal logits, and only the bucket that a
/// cut or a draw falls into is sorted.
///
/// Sums of a sorted list are rounded in its order, and these in another. Each differs from the true
/// one by at most n u of it (Higham 2002, section 4.2), so whatever lies farther from the edge of
/// an id than all these roundings together is certain. For the rest, one draw in many millions,
/// there is no answer, and the caller sorts.
template <class Scalar>
class UnsortedChoice {
 public:
  struct Rules {
    double temperature = 1, top_p = 1, min_p = 0;
  };
  UnsortedChoice(std::span<Scalar const> logits, Rules const& rules)
      : logits_(logits), rules_(rules) {
    auto const [least, most] = std::minmax_element(logits.begin(), logits.end());
    best_ = double(*most);
    double const range = std::min(-scaled(*least), negligible);
    buckets_per_unit_ = range > 1e-300 ? num_buckets / range : 0;  // below, one bucket will do
    fill();
  }

  /// The id that a uniform number draws, or nothing where that hangs on roundings.
  [[nodiscard]] std::optional<int> pick(double uniform) {
    auto const kept = kept_mass();
    if (!kept) return std::nullopt;
    auto const place = find(uniform * *kept);
    if (!place) return std::nullopt;
    return place->id;
  }

 private:
  static constexpr int num_buckets = 4096;
  static constexpr double negligible = 40;  // e^-40 of the best: buckets need tell no more apart

  /// An id in sorted order, and the probabilities up to it.
  struct Place {
    int id = 0;
    double end = 0;
  };

  /// At most 0; the exponent of the probability.
  [[nodiscard]] double scaled(Scalar logit) const {
    return (double(logit) - best_) / rules_.temperature;
  }
  /// Never falls while logits fall.
  [[nodiscard]] int bucket_of(double exponent) const {
    return int(std::min(-exponent * buckets_per_unit_, double(num_buckets - 1)));
  }
  void fill() {
    mass_.assign(num_buckets, 0.0);
    for (Scalar const logit : logits_) {
      double const exponent = scaled(logit), p = std::exp(exponent);
      total_ += p;
      if (p >= rules_.min_p) {
        least_kept_ = std::min(least_kept_, logit);
        mass_[std::size_t(bucket_of(exponent))] += p;
      } else {
        most_dropped_ = std::max(most_dropped_, logit);
        drops_ = true;
      }
    }
    // Each of six sums and differences is off by at most n u of the total; u is epsilon / 2.
    doubt_ = 8 * double(logits_.size()) * std::numeric_limits<double>::epsilon() / 2 * total_;
  }
  /// The sum of what top_p and min_p leave.
  [[nodiscard]] std::optional<double> kept_mass() {
    if (drops_ && most_dropped_ >= least_kept_) return std::nullopt;  // exp() was not monotonic
    double all = 0;
    for (double const mass : mass_) all += mass;
    // With top_p 1 the sorted sum ends where it reaches the total: what is left out is nothing.
    double const goal = rules_.top_p * total_;
    if (rules_.top_p == 1 || all < goal - doubt_) return all;
    auto const last = find(goal);
    if (!last) return std::nullopt;
    return last->end;
  }
  /// The first id in sorted order whose sum exceeds `target`.
  [[nodiscard]] std::optional<Place> find(double target) {
    double begin = 0;  // of the bucket
    int bucket = 0;
    while (bucket < num_buckets && begin + mass_[std::size_t(bucket)] <= target) {
      begin += mass_[std::size_t(bucket++)];
    }
    if (bucket == num_buckets) return std::nullopt;
    for (int const id : sorted(bucket)) {
      double const end = begin + std::exp(scaled(logits_[std::size_t(id)]));
      if (end > target) {
        bool const is_first = begin == 0;
        bool const certain = end > target + doubt_ && (is_first || begin < target - doubt_);
        return certain ? std::optional(Place{id, end}) : std::nullopt;
      }
      begin = end;
    }
    return std::nullopt;
  }
  /// The ids of a bucket that were not dropped.
  [[nodiscard]] std::span<int const> sorted(int bucket) {
    ids_.clear();
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      double const exponent = scaled(logits_[i]);
      if (bucket_of(exponent) == bucket && logits_[i] >= least_kept_) ids_.push_back(int(i));
    }
    std::sort(ids_.begin(), ids_.end(), [&](int a, int b) {
      auto const za = logits_[std::size_t(a)], zb = logits_[std::size_t(b)];
      return za != zb ? za > zb : a < b;
    });
    return ids_;
  }

  std::span<Scalar const> logits_;
  Rules rules_;
  double best_ = 0, buckets_per_unit_ = 0, total_ = 0, doubt_ = 0;
  Scalar least_kept_ = std::numeric_limits<Scalar>::infinity();
  Scalar most_dropped_ = -std::numeric_limits<Scalar>::infinity();
  bool drops_ = false;        // min_p does
  std::vector<double> mass_;  // [num_buckets]
  std::vector<int> ids_;
};

}  // namespace moenda
