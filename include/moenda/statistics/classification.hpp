// SPDX-License-Identifier: Apache-2.0
#pragma once
// How good class predictions are. `scores` say how strongly each row is believed to be positive,
// `labels` whether it is (1) or not (0); `probs` are [rows, classes], `classes_of` the true ones.
// All agree with scikit-learn 1.9 (tests/golden/metrics_test.cpp).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda::statistics {

namespace detail {

/// The number of classes of probs or logits [rows, classes]. Throws ConfigError unless the sizes
/// fit and every class is one of them.
[[nodiscard]] inline std::size_t columns_of(std::span<double const> table,
                                            std::span<int const> classes_of) {
  require(!classes_of.empty(), "statistics: there must be a row", 0, 1);
  auto const rows = classes_of.size(), columns = table.size() / rows;
  require(columns >= 1 && columns * rows == table.size(),
          "statistics: every row must have a number per class (numbers vs rows)",
          static_cast<long long>(table.size()), static_cast<long long>(rows));
  for (int const c : classes_of) {
    require(c >= 0 && static_cast<std::size_t>(c) < columns,
            "statistics: a class must be in 0..classes - 1 (class vs classes)", c,
            static_cast<long long>(columns));
  }
  return columns;
}

/// Calls f(positives, negatives) for each group of rows with equal scores, the largest first.
/// Throws NumericError for scores that are not numbers: they have no order.
template <class F>
void for_equal_scores(std::span<double const> scores, std::span<int const> labels, F f) {
  require(scores.size() == labels.size(), "statistics: every score needs its label",
          static_cast<long long>(scores.size()), static_cast<long long>(labels.size()));
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (double const score : scores) {
    if (std::isnan(score)) throw NumericError("statistics: scores must be numbers, got NaN");
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < order.size();) {
    double positives = 0, negatives = 0;
    double const score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i) {
      (labels[order[i]] != 0 ? positives : negatives) += 1;
    }
    f(positives, negatives);
  }
}

}  // namespace detail

/// The class of largest probability (or logit) of every row; ties: the lowest.
[[nodiscard]] inline std::vector<int> predicted_classes(std::span<double const> probs,
                                                        std::size_t classes) {
  require(classes >= 1 && probs.size() % classes == 0,
          "statistics: every row must have a number per class (numbers vs classes)",
          static_cast<long long>(probs.size()), static_cast<long long>(classes));
  std::vector<int> predicted;
  for (std::size_t i = 0; i < probs.size(); i += classes) {
    auto const row = probs.subspan(i, classes);
    predicted.push_back(static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return predicted;
}

/// The share of rows whose predicted class is the true one.
[[nodiscard]] inline double accuracy(std::span<int const> predicted,
                                     std::span<int const> classes_of) {
  require(predicted.size() == classes_of.size() && !predicted.empty(),
          "statistics::accuracy: every row needs a prediction",
          static_cast<long long>(predicted.size()), static_cast<long long>(classes_of.size()));
  double right = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == classes_of[i];
  return right / double(predicted.size());
}

/// Mean of -log of the probability of the true class, in nats; probabilities are kept the spacing
/// of doubles away from 0 and 1.
[[nodiscard]] inline double log_loss(std::span<double const> probs,
                                     std::span<int const> classes_of) {
  auto const classes = detail::columns_of(probs, classes_of);
  double const least = std::numeric_limits<double>::epsilon();
  double sum = 0;
  for (std::size_t i = 0; i < classes_of.size(); ++i) {
    double const p = probs[i * classes + static_cast<std::size_t>(classes_of[i])];
    sum -= std::log(std::clamp(p, least, 1 - least));
  }
  return sum / double(classes_of.size());
}

/// The chance that a positive row scores above a negative one, where ties count half (Hanley &
/// McNeil 1982). NaN where one of the two kinds is absent.
[[nodiscard]] inline double roc_auc(std::span<double const> scores, std::span<int const> labels) {
  double above = 0, wins = 0, negatives_of_all = 0;
  detail::for_equal_scores(scores, labels, [&](double positives, double negatives) {
    wins += negatives * (above + positives / 2);
    above += positives;
    negatives_of_all += negatives;
  });
  return wins / (above * negatives_of_all);  // 0 / 0 where one kind is absent
}

/// Area below the precision-recall curve as average precision: the sum over thresholds of
/// (recall_n - recall_{n-1}) precision_n, equal scores being one threshold; not interpolated (Davis
/// & Goadrich 2006 show why). What a random order gives is the share of positives, not a half. NaN
/// without positives.
[[nodiscard]] inline double average_precision(std::span<double const> scores,
                                              std::span<int const> labels) {
  double hits = 0, taken = 0, sum = 0;
  detail::for_equal_scores(scores, labels, [&](double positives, double negatives) {
    hits += positives;
    taken += positives + negatives;
    sum += positives * hits / taken;
  });
  return sum / hits;  // 0 / 0 without positives
}

/// Harmonic mean of precision and recall of one class; 0 where it is neither predicted nor present.
[[nodiscard]] inline double f1(std::span<int const> predicted, std::span<int const> classes_of,
                               int positive = 1) {
  require(predicted.size() == classes_of.size(), "statistics::f1: every row needs a prediction",
          static_cast<long long>(predicted.size()), static_cast<long long>(classes_of.size()));
  double both = 0, either = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    bool const said = predicted[i] == positive, is = classes_of[i] == positive;
    both += said && is;
    either += double(said) + double(is);
  }
  return either == 0 ? 0 : 2 * both / either;
}

/// Mean of f1 over the classes that are predicted or present.
[[nodiscard]] inline double macro_f1(std::span<int const> predicted,
                                     std::span<int const> classes_of) {
  std::vector<int> present(predicted.begin(), predicted.end());
  present.insert(present.end(), classes_of.begin(), classes_of.end());
  std::sort(present.begin(), present.end());
  present.erase(std::unique(present.begin(), present.end()), present.end());
  double sum = 0;
  for (int const c : present) sum += f1(predicted, classes_of, c);
  return present.empty() ? 0 : sum / double(present.size());
}

/// How far the confidence in the predicted class is from being right, on average over `bins` equal
/// ranges of confidence, (0, 1/bins] first: Guo et al. 2017, eq. 3.
[[nodiscard]] inline double expected_calibration_error(std::span<double const> probs,
                                                       std::span<int const> classes_of,
                                                       int bins = 15) {
  require(bins >= 1, "statistics: a calibration error needs a bin", bins, 1);
  auto const classes = detail::columns_of(probs, classes_of);
  auto const predicted = predicted_classes(probs, classes);
  std::vector<double> excess(static_cast<std::size_t>(bins), 0);  // confidence minus right ones
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    double const confidence = probs[i * classes + static_cast<std::size_t>(predicted[i])];
    if (std::isnan(confidence)) throw NumericError("statistics: probabilities must be numbers");
    double const bin = std::clamp(std::ceil(confidence * bins) - 1, 0.0, double(bins - 1));
    excess[static_cast<std::size_t>(bin)] += confidence - double(predicted[i] == classes_of[i]);
  }
  double sum = 0;
  for (double const e : excess) sum += std::abs(e);
  return sum / double(predicted.size());
}

}  // namespace moenda::statistics
