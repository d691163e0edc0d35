// SPDX-License-Identifier: Apache-2.0
// What is new here: two kinds of experts in one layer. A feed-forward expert sees the mean of a
// sequence, a GRU reads it in order. Half of the sequences are answered by which of two markers is
// more frequent, the others by which of them comes last; nobody tells the router which is which.
#include <cstdio>
#include <memory>
#include <moenda/data/sequence/generated_sequences.hpp>
#include <moenda/data/sequence/labelled_batches.hpp>
#include <moenda/expert/gru.hpp>
#include <moenda/expert/pooled.hpp>
#include <moenda/model/sequence_model.hpp>
#include <moenda/moenda.hpp>
#include <moenda/probe/first_choice.hpp>
#include <moenda/train/trainer.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
using Pair = Experts<expert::Pooled<expert::Ffn>, expert::Gru>;
using Model = SequenceClassifier<input::Tokens, NoBlock,
                                 Mixture<router::PerSequence<router::TopK>, Pair, loss::Entropy>>;
using Batches = data::LabelledBatches<int>;

Model::Config config() {
  Model::Config c{.context_length = 24, .d_model = 32};
  c.input.vocab_size = 24;
  c.output.num_classes = 2;
  c.ffn.router = {.top_k = 1, .gradient = Gradient::straight_through, .temperature = 1.5};
  get<Group<expert::Pooled<expert::Ffn>>>(c.ffn.experts) = {.count = 1, .each = {.hidden = 64}};
  get<Group<expert::Gru>>(c.ffn.experts) = {
      .count = 1, .each = {.hidden = 32, .output = expert::GruOutput::last}};
  get<loss::Entropy>(c.ffn.loss) = {.token_weight = 0.01, .marginal_weight = 0.05};
  return c;
}

int main() {
  auto const draw = [](std::int64_t count, std::uint64_t seed) {
    return std::make_shared<data::LabelledSequences const>(
        data::generate_sequences({.count = count, .seed = seed}));
  };
  auto const train = draw(4000, 1), test = draw(1000, 2);

  Backend backend;
  Training<Model, Backend> network(backend, config());
  TrainConfig const how{.steps = 1500,
                        .batch_size = 16,
                        .optimizer = {.learning_rate = 3e-3, .weight_decay = 0.01},
                        .schedule = {.shape = ScheduleShape::cosine, .warmup_steps = 50}};
  Trainer trainer(network, how, Batches(train, how.batch_size, 24, /*seed=*/1));
  while (trainer.step_count() < trainer.steps()) trainer.step();

  probe::FirstChoice<Backend> choice;
  auto batches = Batches::in_file_order(test, 50, 24);
  double right = 0, routed[2][2] = {};  // [kind][expert]
  for (std::int64_t b = 0; b < batches.batches(); ++b) {
    batches.load(b);
    network.evaluate(batches.batch(), batches.targets(), {}, &choice);
    auto const logits = network.logits(batches.batch());  // [50, 2]
    for (int i = 0; i < logits.rows; ++i) {
      int const said = logits.data[2 * i + 1] > logits.data[2 * i];
      right += said == batches.targets()[std::size_t(i)];
    }
  }
  for (std::size_t i = 0; i < choice.experts().size(); ++i) {
    ++routed[test->types[i]][choice.experts()[i]];
  }
  std::printf("right: %s\n\n", right > 960 ? "more than 96 %" : "not enough");
  char const* const kinds[] = {"by frequency", "by order"};
  for (int kind = 0; kind < 2; ++kind) {
    double const to_gru = routed[kind][1] / (routed[kind][0] + routed[kind][1]);
    std::printf("%-12s  mostly to the %s\n", kinds[kind],
                to_gru > 0.9   ? "GRU"
                : to_gru < 0.1 ? "feed-forward expert"
                               : "(undecided)");
  }
}
