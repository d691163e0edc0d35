// SPDX-License-Identifier: Apache-2.0
// From a CSV file to the metrics of what was learned from it, for three bodies.
#include <cmath>
#include <memory>

#include "files/temporary_folder.hpp"
#include "laws/numbers.hpp"
#include "moenda/data/sequence/labelled_batches.hpp"
#include "moenda/data/tabular/set.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/model/sequence_model.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/gumbel.hpp"
#include "moenda/router/top_k.hpp"
#include "moenda/statistics/classification.hpp"
#include "moenda/statistics/regression.hpp"
#include "moenda/statistics/temperature.hpp"
#include "moenda/train/trainer.hpp"

namespace {

using namespace moenda;
using io::test::store;
using io::test::TemporaryFolder;

using Experts = Mixture<OneOf<router::TopK, router::Gumbel>, expert::Ffn>;
using Body = OneOf<Experts, expert::Ffn>;
template <class Output>
using Model = SequenceModel<input::Features, NoBlock, Body, Output>;

/// Rows whose answer depends on a number in opposite ways for two categories: no linear model of
/// the columns can learn it. Some numbers are missing.
std::string rows_of(int count, bool classes) {
  Random const random(3);
  std::string text = "side,size,noise,answer\n";
  for (int i = 0; i < count; ++i) {
    auto const at = std::uint64_t(3 * i);
    bool const left = random.uniform(at) < 0.5;
    double const size = 4 * random.uniform(at + 1) - 2;
    double const answer = left ? size : -size;
    text += std::string(left ? "left," : "right,") + std::to_string(100 + 20 * size) + "," +
            (i % 9 == 0 ? "?" : std::to_string(random.normal(at + 2))) + "," +
            (classes ? (answer > 0 ? "yes" : "no") : std::to_string(50 + 10 * answer)) + "\n";
  }
  return text;
}

template <class Output>
typename Model<Output>::Config config_of(int body, int width) {
  typename Model<Output>::Config c{.context_length = 1, .d_model = 12};
  c.input.channels = width;
  if (body == 0) {
    c.ffn = expert::Ffn::Config{.hidden = 16};
  } else {
    Experts::Config mixture;
    if (body == 1) {
      mixture.router =
          router::TopK::Config{.top_k = 2, .weighting = router::Weighting::score_then_select};
    } else {
      mixture.router = router::Gumbel::Config{};
    }
    mixture.experts = {.count = 4, .each = {.hidden = 4}};
    c.ffn = mixture;
  }
  if constexpr (requires { c.output.num_classes; }) c.output.num_classes = 2;
  return c;
}

/// Outputs for the test rows of `set` after some training.
template <class Output>
std::vector<double> learned(data::TabularSet const& set, int body) {
  using Target = typename Output::Target;
  using Batches = data::LabelledBatches<Target>;
  laws::Float backend(1);
  using TheNetwork = Training<Model<Output>, laws::Float>;
  TheNetwork network(backend, config_of<Output>(body, set.width()), 1, 0.2);
  auto const train = std::make_shared<data::LabelledSequences const>(set.train);
  TrainConfig const how{
      .steps = 400, .batch_size = 32, .optimizer = {.learning_rate = 0.01, .weight_decay = 0}};
  Trainer<TheNetwork, Batches> trainer(network, how, Batches(train, 32, 1, 1));
  while (trainer.step_count() < trainer.steps()) (void)trainer.step();
  auto test =
      Batches::in_file_order(std::make_shared<data::LabelledSequences const>(set.test), 50, 1);
  std::vector<double> outputs;
  for (std::int64_t b = 0; b < test.batches(); ++b) {
    test.load(b);
    auto const t = network.logits(test.batch());
    outputs.insert(outputs.end(), t.data, t.data + t.size());
  }
  return outputs;
}

TEST_CASE("table rows are classified by an MLP, a mixture and a Gumbel mixture", "[model]") {
  TemporaryFolder const folder;
  store(folder / "t.csv", rows_of(900, true));
  auto const set = data::load_tabular_set({.table = {.paths = {(folder / "t.csv").string()}}});
  CHECK(set.width() == 6);  // left, right, other; size; noise, missing
  for (int const body : {0, 1, 2}) {
    CAPTURE(body);
    auto const logits = learned<output::Classes>(set, body);
    auto const probs = statistics::softmax_of_rows(logits, 2);
    CHECK(statistics::accuracy(statistics::predicted_classes(probs, 2), set.test.labels) > 0.9);
    CHECK(statistics::log_loss(probs, set.test.labels) < 0.25);
  }
}

TEST_CASE("numbers of table rows are predicted in their own units", "[model]") {
  TemporaryFolder const folder;
  store(folder / "t.csv", rows_of(900, false));
  auto const set = data::load_tabular_set(
      {.table = {.paths = {(folder / "t.csv").string()}, .target_kind = data::TargetKind::number}});
  for (int const body : {0, 1, 2}) {
    CAPTURE(body);
    auto outputs = learned<output::Value>(set, body);
    std::vector<double> targets(set.test.values.begin(), set.test.values.end());
    for (auto& x : outputs) x = set.encoder.target_standard().back(x);
    for (auto& x : targets) x = set.encoder.target_standard().back(x);
    CHECK(statistics::r_squared(outputs, targets) > 0.9);
  }
}

}  // namespace
