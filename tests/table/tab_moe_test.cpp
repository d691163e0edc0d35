// SPDX-License-Identifier: Apache-2.0
#include "moenda/table/tab_moe.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "laws/gradient_check.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/model/training.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/table/answer_question.hpp"
#include "moenda/train/adamw.hpp"
#include "table/tab_moe_questions.hpp"

using namespace moenda;
using namespace tab;

namespace {

template <class Network>
double accuracy(Network& network, std::vector<data::TableQuestion> const& questions,
                AnswerFrom from = AnswerFrom::router) {
  int right = 0;
  for (auto const& question : questions) {
    auto const answer = answer_question(network, question, from);
    right += expert::tab::Gold(question.answer).is(answer.outcome);
  }
  return double(right) / double(questions.size());
}

/// Mutual information of the operation that the router chose and the true one.
template <class Network>
double routing_information(Network& network, std::vector<data::TableQuestion> const& questions) {
  std::vector<std::int64_t> joint(36), chosen(6), meant(6);
  for (auto const& question : questions) {
    auto const by = std::size_t(answer_question(network, question).operation);
    ++joint[std::size_t(question.operation) * 6 + by];
    ++chosen[by];
    ++meant[std::size_t(question.operation)];
  }
  using View = std::span<std::int64_t const>;
  return probe::mutual_information(View(joint), View(meant), View(chosen));
}

template <class Network>
void train(Network& network, std::vector<data::TableQuestion> const& questions, int steps) {
  data::TableBatches batches(questions, 32, 1);
  auto state = optimizer::AdamW::start(network);
  for (int step = 0; step < steps; ++step) {
    batches.load(step);
    network.zero_gradients();
    network.accumulate_gradients(batches.batch(), batches.targets(), 1, nullptr,
                                 std::uint64_t(step));
    optimizer::AdamW::step({.weight_decay = 0}, network, state, 4e-3, 1);
  }
}

}  // namespace

TEST_CASE("TabMoE: the gradient of every weight is right", "[tab_moe]") {
  auto const questions = generated({.questions = 6, .rows = 5, .seed = 3}, false);
  auto config = model_config(questions.vocab_size);
  config.d_word = 4;
  config.d_model = 6;
  config.num_layers = 1;
  config.router.jitter = 0;
  auto const [temperature, uniform] =
      GENERATE(table<double, int>({{1, 0}, {0.5, 0}, {0, 0}, {1, 1}}));
  config.shared_selector = temperature == 0.5;
  config.learning = {.temperature = temperature, .uniform_passes = uniform};
  CAPTURE(temperature, uniform);
  cpu::Backend<double> backend(1);
  Training<Model, cpu::Backend<double>> network(backend, config, 1, 0.4);
  if (uniform > 0) {  // the E-step ignores the router: the shares minimise the loss only where the
    auto& weight = network.params.router.weight;  // router has no opinion
    fill(backend, weight.data, 0.0, weight.size());
  }
  data::TableBatches batches(questions.list, 6, 1);
  batches.load(0);
  auto const loss = [&] {
    network.zero_gradients();
    network.accumulate_gradients(batches.batch(), batches.targets());
    return network.losses().back().mean;
  };
  loss();
  auto const gradients = network.gradients.on_host();
  laws::GradientCheck check;
  auto const measure = [&] { return laws::Measured{loss(), {}}; };
  walk(network.params, [&](Path const& path, auto& weight) {
    auto const offset = std::size_t(weight.data - network.values.data());
    auto const size = std::size_t(weight.size());
    if (size == 0) return;
    check(path.str(), {weight.data, size}, std::span(gradients).subspan(offset, size), measure, 8);
  });
}

/// Pulls the router's probabilities to 0, and measures how far they are.
struct Pull : RoutingHook<cpu::Backend<double>> {
  using Backend = cpu::Backend<double>;
  double loss = 0;
  int decided = 0, taught = 0;
  bool decides = false;
  void decide(Context<Backend>& ctx, RoutingSite at, Gates<Backend>& gates,
              Reweigh<Backend> const& reweigh) override {
    decided += at.mixture == 0;
    if (decides) gates.weights = reweigh(ctx, gates, gates.selected);
  }
  void observe(RoutingSite, Gates<Backend> const& gates, DispatchPlan<Backend> const&) override {
    auto const* const p = gates.probs.data;
    loss = std::inner_product(p, p + gates.probs.size(), p, 0.0);
  }
  void teach(Context<Backend>&, RoutingSite at, Gates<Backend> const& gates,
             GatesGrad<Backend> const& dgates) override {
    taught += at.mixture == 0;
    for (std::ptrdiff_t i = 0; i < gates.probs.size(); ++i) {
      dgates.probs.data[i] += 2 * gates.probs.data[i];
    }
  }
};

TEST_CASE("TabMoE: a hook teaches the router, and cannot decide", "[tab_moe]") {
  auto const questions = generated({.questions = 4, .rows = 5}, false);
  auto config = model_config(questions.vocab_size);
  config.d_word = 4;
  config.d_model = 6;
  config.router.jitter = 0;
  cpu::Backend<double> backend(1);
  Training<Model, cpu::Backend<double>> network(backend, config, 1, 0.4);
  data::TableBatches batches(questions.list, 4, 1);
  batches.load(0);
  auto const gradients = [&](Pull* hook) {
    network.zero_gradients();
    network.accumulate_gradients(batches.batch(), batches.targets(), 1, hook);
    return network.gradients.on_host();
  };
  Pull pull;
  auto const alone = gradients(nullptr);
  auto taught = gradients(&pull);
  CHECK(pull.decided == 1);
  CHECK(pull.taught == 1);
  for (std::size_t i = 0; i < taught.size(); ++i) taught[i] -= alone[i];
  laws::GradientCheck check;
  auto const measure = [&] {
    network.evaluate(batches.batch(), batches.targets(), {}, &pull);
    return laws::Measured{pull.loss, {}};
  };
  walk(network.params, [&](Path const& path, auto& weight) {
    auto const offset = std::size_t(weight.data - network.values.data());
    auto const size = std::size_t(weight.size());
    if (size == 0) return;
    check(path.str(), {weight.data, size}, std::span(taught).subspan(offset, size), measure, 4);
  });
  pull.decides = true;
  CHECK_THROWS_WITH(measure(), Catch::StartsWith("TabMoE: a hook cannot decide, because"));
}

TEST_CASE("TabMoE: the loss is the probability of the answer", "[tab_moe]") {
  auto const questions = generated({.questions = 4, .rows = 5}, false);
  cpu::Backend<double> backend(1);
  Training<Model, cpu::Backend<double>> network(backend, model_config(questions.vocab_size), 1,
                                                0.2);
  data::TableBatches batches(questions.list, 4, 1);
  batches.load(0);
  std::vector<double> losses(4);
  network.evaluate(batches.batch(), batches.targets(), losses);
  auto const scores = network.logits(batches.batch());
  expert::tab::ScoreTable const table(layout);
  for (int q = 0; q < 4; ++q) {
    double probability = 0;  // added up by hand
    auto const* const row = scores.data + std::ptrdiff_t(q) * scores.cols;
    for (auto const& derivation : batches.targets()[std::size_t(q)].question->derivations) {
      double log_prob = row[derivation.operation];
      for (int const column : table.columns_of(derivation)) {
        if (column >= 0) log_prob += row[column];
      }
      probability += std::exp(log_prob);
    }
    CHECK(losses[std::size_t(q)] == Approx(-std::log(probability)).epsilon(1e-10));
  }
}

TEST_CASE("supervised questions are learnt, also on schemas never seen", "[tab_moe]") {
  auto const training = generated({.questions = 1200}, true);
  cpu::Backend<float> backend(1);
  Training<Model, cpu::Backend<float>> network(backend, model_config(training.vocab_size), 1, 0.1);
  train(network, training.list, 400);
  auto const test = generated({.questions = 200, .seed = 2}, true);
  auto const unseen = generated({.questions = 200, .unseen = true, .seed = 3}, true);
  auto const large = generated({.questions = 200, .rows = 120, .seed = 4}, true);
  double const on_test = accuracy(network, test.list), on_unseen = accuracy(network, unseen.list),
               on_large = accuracy(network, large.list);
  CAPTURE(on_test, on_unseen, on_large);
  CHECK(on_test >= 0.95);
  CHECK(on_unseen >= 0.9);
  CHECK(on_large >= 0.9);
}

TEST_CASE("from answers alone the experts become the operations", "[tab_moe]") {
  auto const training = generated({.questions = 1000}, false);
  auto const test = generated({.questions = 200, .seed = 2}, true);
  cpu::Backend<float> backend(1);
  auto config = model_config(training.vocab_size);
  // Hard EM, soft EM, and from soft to hard.
  config.learning = GENERATE(values<Model::Learning>({{.temperature = 0, .uniform_passes = 30},
                                                      {.temperature = 1},
                                                      {.temperature = 0, .soft_passes = 150}}));
  CAPTURE(config.learning.temperature, config.learning.soft_passes);
  Training<Model, cpu::Backend<float>> network(backend, config, 1, 0.1);
  double const untrained = routing_information(network, test.list);
  train(network, training.list, 400);
  double const right = accuracy(network, test.list);
  double const trained = routing_information(network, test.list);
  CAPTURE(untrained, trained, right);
  CHECK(untrained < 0.5);
  CHECK(trained >= 0.95);
  CHECK(right >= 0.9);
  CHECK(accuracy(network, test.list, AnswerFrom::mixture) >= right - 0.05);
}

TEST_CASE("the router can learn from operations alone", "[tab_moe]") {
  auto training = generated({.questions = 400}, true);
  for (auto& question : training.list) {
    question.derivations = {data::Derivation{question.operation}};  // columns and rows: unknown
  }
  cpu::Backend<float> backend(1);
  Training<Model, cpu::Backend<float>> network(backend, model_config(training.vocab_size), 1, 0.1);
  auto const selector = network.params.selectors[0].condition.query;
  std::vector<float> const before(selector.data, selector.data + selector.size());
  train(network, training.list, 150);
  CHECK(routing_information(network, generated({.questions = 200, .seed = 2}, true).list) > 0.95);
  CHECK(std::equal(before.begin(), before.end(), selector.data));
}

TEST_CASE("a question nobody can derive teaches nothing", "[tab_moe]") {
  auto questions = generated({.questions = 8}, false);
  for (auto& question : questions.list) question.derivations.clear();
  cpu::Backend<float> backend(1);
  Training<Model, cpu::Backend<float>> network(backend, model_config(questions.vocab_size), 1, 0.1);
  data::TableBatches batches(questions.list, 8, 1);
  batches.load(0);
  network.zero_gradients();
  network.accumulate_gradients(batches.batch(), batches.targets());
  CHECK(network.losses().back().mean == 0);
  CHECK(std::all_of(network.gradients.begin(), network.gradients.end(),
                    [](float g) { return g == 0; }));
}

TEST_CASE("TabMoE: a wrong configuration is refused with its key", "[tab_moe]") {
  auto config = model_config(100);
  CHECK(Model::check(config).empty());
  config.context_length = 5;
  CHECK(Model::check(config).str() ==
        "context_length: context_length must be 468, the tokens of the layout, got 5");
  config = model_config(100);
  config.learning.temperature = 2;
  CHECK(Model::check(config).str() == "learning.temperature: temperature must be in 0..1, got 2");
}
