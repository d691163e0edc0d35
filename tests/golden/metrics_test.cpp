// SPDX-License-Identifier: Apache-2.0
// Metrics and temperatures are those of scikit-learn and SciPy (generate_metrics.py).
#include "golden/golden.hpp"
#include "moenda/statistics/classification.hpp"
#include "moenda/statistics/regression.hpp"
#include "moenda/statistics/temperature.hpp"

namespace {

using namespace moenda::statistics;

/// One case of the file.
class Case {
 public:
  explicit Case(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::vector<double> table(std::string const& what) const {
    return file_.doubles(name_ + "." + what);
  }
  [[nodiscard]] std::vector<int> labels() const { return file_.ids(name_ + ".labels"); }
  [[nodiscard]] Approx is(std::string const& what) const {
    return Approx(table(what).at(0)).epsilon(1e-12);
  }

 private:
  golden::File file_{"metrics"};
  std::string name_;
};

TEST_CASE("class metrics are scikit-learn's", "[golden]") {
  for (std::string const name : {"two", "two_sharp", "five"}) {
    CAPTURE(name);
    Case const known(name);
    auto const probs = known.table("probs");
    auto const labels = known.labels();
    auto const predicted = predicted_classes(probs, probs.size() / labels.size());
    CHECK(accuracy(predicted, labels) == known.is("accuracy"));
    CHECK(log_loss(probs, labels) == known.is("log_loss"));
    CHECK(macro_f1(predicted, labels) == known.is("macro_f1"));
    CHECK(expected_calibration_error(probs, labels) == known.is("calibration_error"));
    auto const logits = known.table("logits");
    double const temperature = fit_temperature(logits, labels);
    CHECK(temperature == Approx(known.table("temperature").at(0)).epsilon(1e-6));
    CHECK(laws::distance(softmax_of_rows(logits, probs.size() / labels.size()), probs) < 1e-14);
  }
}

TEST_CASE("rankings with ties are scikit-learn's", "[golden]") {
  for (std::string const name : {"two", "two_sharp"}) {
    Case const known(name);
    auto const logits = known.table("logits");
    auto const labels = known.labels();
    std::vector<double> scores;
    for (std::size_t i = 0; i < logits.size(); i += 2) scores.push_back(logits[i + 1] - logits[i]);
    CHECK(roc_auc(scores, labels) == known.is("roc_auc"));
    CHECK(average_precision(scores, labels) == known.is("average_precision"));
    CHECK(f1(predicted_classes(logits, 2), labels) == known.is("f1"));
  }
}

TEST_CASE("regression metrics are scikit-learn's", "[golden]") {
  Case const known("numbers");
  auto const predicted = known.table("predicted");
  auto targets = known.table("targets");
  CHECK(root_mean_squared_error(predicted, targets) == known.is("root_mean_squared_error"));
  CHECK(r_squared(predicted, targets) == known.is("r_squared"));
  std::vector<double> const reversed(targets.rbegin(), targets.rend());
  CHECK(r_squared(reversed, targets) == known.is("r_squared_of_worse"));
}

}  // namespace
