// SPDX-License-Identifier: Apache-2.0
#pragma once
// How good the predictions for a split are.
#include <cmath>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "moenda/data/sequence/labelled_batches.hpp"
#include "moenda/data/tabular/encoder.hpp"
#include "moenda/probe/first_choice.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/record/named_measures.hpp"
#include "moenda/statistics/classification.hpp"
#include "moenda/statistics/regression.hpp"
#include "moenda/statistics/temperature.hpp"

namespace moenda::runner {

/// What a network says of every sequence of a split, in its order.
struct Predictions {
  std::vector<double> outputs;  ///< [count, classes], or [count]
  std::vector<int> experts;     ///< [count] the first expert of the last mixture; empty: none
  double loss = 0;              ///< mean
};

template <class Network, class Target>
double mean_loss(Network& network, data::LabelledBatches<Target> batches) {
  double sum = 0, count = 0;
  for (std::int64_t b = 0; b < batches.batches(); ++b) {
    batches.load(b);
    auto const loss = network.evaluate(batches.batch(), batches.targets());
    sum += loss.mean * double(loss.tokens);
    count += double(loss.tokens);
  }
  return count > 0 ? sum / count : 0;
}

/// `between` is called between two batches and may throw to end it.
template <class Network, class Target>
Predictions predictions(Network& network, data::LabelledBatches<Target> batches,
                        std::function<void()> const& between) {
  using B = std::remove_reference_t<decltype(network.backend)>;
  Predictions all;
  probe::FirstChoice<B> probe;
  std::vector<typename Network::Scalar> copied;
  double sum = 0;
  for (std::int64_t b = 0; b < batches.batches(); ++b) {
    between();
    batches.load(b);
    auto const batch = batches.batch();
    sum += network.evaluate(batch, batches.targets(), {}, &probe).mean * batch.batch_size;
    auto const outputs = network.on_host(network.logits(batch), copied);
    all.outputs.insert(all.outputs.end(), outputs.begin(), outputs.end());
  }
  auto const count = batches.sequences().count();
  all.loss = count > 0 ? sum / double(count) : 0;
  if (std::int64_t(probe.experts().size()) == count) all.experts = probe.experts();
  return all;
}

/// How well the choice of expert agrees with the hidden type of a sequence, where both are known.
inline void add_route_measures(io::NamedMeasures& measures, std::vector<int> const& experts,
                               std::vector<int> const& types) {
  if (experts.empty()) return;
  std::map<int, double> by_expert, by_type;
  std::map<std::pair<int, int>, double> joint;
  for (std::size_t i = 0; i < experts.size(); ++i) {
    ++by_expert[experts[i]];
    if (types.empty()) continue;
    ++by_type[types[i]];
    ++joint[{types[i], experts[i]}];
  }
  for (auto const& [expert, count] : by_expert) {
    measures.add("expert_" + std::to_string(expert) + "_share", count / double(experts.size()));
  }
  if (types.empty()) return;
  auto const counts = [](auto const& of) {
    std::vector<double> all;
    for (auto const& [key, count] : of) all.push_back(count);
    return all;
  };
  std::vector<double> const all = counts(joint), x = counts(by_type), y = counts(by_expert);
  using View = std::span<double const>;
  measures.add("route_type_information", probe::mutual_information(View(all), View(x), View(y)));
}

/// test_loss, accuracy, macro_f1, calibration_error; of two classes roc_auc, pr_auc and f1 of the
/// second one.
inline io::NamedMeasures measures_of_classes(Predictions const& test,
                                             data::LabelledSequences const& of) {
  auto const classes = of.class_names.size();
  auto const predicted = statistics::predicted_classes(test.outputs, classes);
  auto const probs = statistics::softmax_of_rows(test.outputs, classes, 1);
  io::NamedMeasures measures;
  measures.add("test_loss", test.loss);
  measures.add("accuracy", statistics::accuracy(predicted, of.labels));
  measures.add("macro_f1", statistics::macro_f1(predicted, of.labels));
  measures.add("calibration_error", statistics::expected_calibration_error(probs, of.labels));
  if (classes == 2) {
    std::vector<double> scores;
    for (std::size_t i = 1; i < probs.size(); i += 2) scores.push_back(probs[i]);
    measures.add("roc_auc", statistics::roc_auc(scores, of.labels));
    measures.add("pr_auc", statistics::average_precision(scores, of.labels));
    measures.add("f1", statistics::f1(predicted, of.labels));
  }
  measures.add("test_sequences", of.count());
  return measures;
}
/// The loss and the calibration error after a temperature fitted to other sequences.
inline void add_calibration(io::NamedMeasures& measures, Predictions const& test,
                            data::LabelledSequences const& of, Predictions const& valid,
                            data::LabelledSequences const& of_valid) {
  auto const classes = of.class_names.size();
  double const temperature = statistics::fit_temperature(valid.outputs, of_valid.labels);
  auto const calibrated = statistics::softmax_of_rows(test.outputs, classes, temperature);
  measures.add("temperature", temperature);
  measures.add("calibrated_loss", statistics::log_loss(calibrated, of.labels));
  measures.add("calibrated_error", statistics::expected_calibration_error(calibrated, of.labels));
}

/// test_loss in standardised units; rmse in units of the target; r_squared and correlation.
inline io::NamedMeasures measures_of_numbers(Predictions const& test,
                                             data::LabelledSequences const& of,
                                             data::Standard const& standard) {
  std::vector<double> predicted, targets;
  for (std::size_t i = 0; i < test.outputs.size(); ++i) {
    predicted.push_back(standard.back(test.outputs[i]));
    targets.push_back(standard.back(double(of.values[i])));
  }
  io::NamedMeasures measures;
  measures.add("test_loss", test.loss);
  measures.add("rmse", statistics::root_mean_squared_error(predicted, targets));
  measures.add("r_squared", statistics::r_squared(predicted, targets));
  measures.add("correlation", statistics::correlation(predicted, targets));
  measures.add("test_sequences", of.count());
  return measures;
}

}  // namespace moenda::runner
