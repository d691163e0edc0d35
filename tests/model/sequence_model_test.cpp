// SPDX-License-Identifier: Apache-2.0
#include "moenda/model/sequence_model.hpp"

#include <limits>

#include "closed/backend.hpp"
#include "laws/allocations.hpp"
#include "laws/gradient_check.hpp"
#include "mixture/layer.hpp"
#include "model/models.hpp"
#include "moenda/probe/step_measures.hpp"

namespace {

using namespace moenda;
using expert::GruOutput;
using router::Weighting;

using Router = router::PerSequence<router::TopK>;
using Hecto = Mixture<Router, Experts<expert::Pooled<expert::Ffn>, expert::Gru>, loss::Entropy>;
using Block = TransformerBlock<norm::Rms, attention::GroupedQuery<position::Learned>, expert::Ffn>;

Hecto::Config hecto() {
  Hecto::Config c{
      .router = {.top_k = 1, .weighting = Weighting::score_then_select, .temperature = 1.5}};
  get<Group<expert::Pooled<expert::Ffn>>>(c.experts) = {.count = 1, .each = {.hidden = 5}};
  get<Group<expert::Gru>>(c.experts) = {.count = 1,
                                        .each = {.hidden = 4, .output = GruOutput::last}};
  get<loss::Entropy>(c.loss) = {.token_weight = 0.1, .marginal_weight = 0.2};
  return c;
}
template <class Model>
typename Model::Config base() {
  typename Model::Config c{.context_length = 9, .d_model = 8};
  c.ffn = hecto();
  return c;
}

/// Words, two classes, no block.
struct Words {
  using Model = SequenceClassifier<input::Tokens, NoBlock, Hecto>;
  static Model::Config config() {
    auto c = base<Model>();
    c.input.vocab_size = 13;
    c.output.num_classes = 3;
    return c;
  }
};
/// Channels, one value, one block.
struct Channels {
  using Model = SequenceRegressor<input::Features, Block, Hecto>;
  static Model::Config config() {
    auto c = base<Model>();
    c.num_layers = 1;
    c.block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
               .ffn = {.hidden = 6}};
    c.input.channels = 3;
    return c;
  }
};
/// Chosen at run time, a single recurrent layer in place of the mixture.
struct Either {
  using Model =
      SequenceClassifier<OneOf<input::Tokens, input::Features>, Block, OneOf<Hecto, expert::Gru>>;
  static Model::Config config() {
    Model::Config c{.context_length = 9, .d_model = 8, .num_layers = 2};
    c.block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
               .ffn = {.hidden = 6}};
    c.ffn = expert::Gru::Config{.hidden = 8};
    c.input = input::Features::Config{.channels = 3};
    c.output.num_classes = 3;
    return c;
  }
};
/// An encoder: attention over whole sequences, with biases.
struct Encoded {
  using Model = SequenceClassifier<
      input::Tokens,
      TransformerBlock<norm::Rms, attention::GroupedQuery<position::Learned>, expert::Ffn>,
      expert::Ffn>;
  static Model::Config config() {
    Model::Config c{.context_length = 9, .d_model = 8, .num_layers = 2};
    c.input.vocab_size = 13;
    c.block = {.attention = {.num_heads = 2,
                             .num_kv_heads = 1,
                             .head_dim = 4,
                             .bias = attention::Bias::all,
                             .causal = false},
               .ffn = {.hidden = 6}};
    c.ffn = {.hidden = 5};
    c.output.num_classes = 3;
    return c;
  }
};
using Cases = std::tuple<Words, Channels, Either, Encoded>;

/// Five sequences padded to seq_len; the third one's target counts nothing.
template <class Target>
struct Sequences {
  explicit Sequences(int seq_len) : tokens(std::size_t(5 * seq_len)), features(tokens.size() * 3) {
    for (int b = 0; b < 5; ++b) {
      auto const ids = laws::ids(lengths[std::size_t(b)], 13, 5 + std::uint64_t(b));
      auto const numbers = laws::numbers<float>(3 * lengths[std::size_t(b)], std::uint64_t(b));
      std::copy(ids.begin(), ids.end(), tokens.begin() + b * seq_len);
      std::copy(numbers.begin(), numbers.end(), features.begin() + 3 * b * seq_len);
    }
    batch = {tokens.data(), 5, seq_len};
    batch.lengths = lengths.data();
    batch.features = features.data();
    batch.channels = 3;
  }
  Sequences(Sequences const&) = delete;
  Sequences& operator=(Sequences const&) = delete;
  static std::vector<Target> some_targets() {
    if constexpr (std::is_same_v<Target, int>) {
      return {2, 0, -1, 1, 2};
    } else {
      return {0.5f, -2.0f, std::numeric_limits<float>::quiet_NaN(), 1.25f, 3.0f};
    }
  }

  std::vector<int> lengths{6, 2, 5, 1, 4}, tokens;
  std::vector<float> features;
  std::vector<Target> targets = some_targets();
  Batch batch;
};

TEMPLATE_LIST_TEST_CASE("gradients of sequence models are right", "[model]", Cases) {
  using Model = typename TestType::Model;
  laws::Double backend(1);
  Training<Model, laws::Double> network(backend, TestType::config(), 3, 0.3);
  network.arena.poison(true);
  Sequences<typename Model::Target> s(6);
  network.accumulate_gradients(s.batch, s.targets);
  auto const first = network.losses().back();
  CHECK(first.tokens == 4);
  auto const gradients = network.gradients.on_host();
  auto const measure = [&] {
    laws::ChoiceProbe<laws::Double> probe;
    network.accumulate_gradients(s.batch, s.targets, 1, &probe);
    auto const loss = network.losses().back();
    return laws::Measured{loss.mean + loss.auxiliary, std::move(probe.choices)};
  };
  laws::GradientCheck check;
  walk(network.params, [&](Path const& path, auto& weight) {
    if (weight.size() == 0) return;
    auto const offset = std::size_t(weight.data - network.values.data());
    auto const size = std::size_t(weight.size());
    check(path.str(), {weight.data, size}, std::span(gradients).subspan(offset, size), measure, 15);
  });
}

TEMPLATE_LIST_TEST_CASE("sequence models do not see padding", "[model]", Cases) {
  using Model = typename TestType::Model;
  using Target = typename Model::Target;
  laws::Float backend(2);
  Training<Model, laws::Float> network(backend, TestType::config(), 3, 0.3);
  Sequences<Target> tight(6), loose(9);
  for (std::size_t i = 0; i < loose.tokens.size(); ++i) {
    if (int(i) % 9 < loose.lengths[i / 9]) continue;
    loose.tokens[i] = 7;
    for (std::size_t c = 0; c < 3; ++c) loose.features[3 * i + c] = c == 0 ? NAN : -40;
  }
  auto const expected = models::copy_of(network.logits(tight.batch));
  CHECK(laws::distance(models::copy_of(network.logits(loose.batch)), expected) <=
        laws::Tolerance<laws::Float>::value);
  auto const loss = network.evaluate(tight.batch, tight.targets).mean;
  CHECK(network.evaluate(loose.batch, loose.targets).mean == Approx(loss).epsilon(1e-5));
  network.zero_gradients();
  network.accumulate_gradients(tight.batch, tight.targets);
  auto const gradients = network.gradients.on_host();
  network.zero_gradients();
  network.accumulate_gradients(loose.batch, loose.targets);
  CHECK(laws::distance(network.gradients, gradients) <= laws::Tolerance<laws::Float>::model);
}

TEMPLATE_LIST_TEST_CASE("sequence models repeat, and allocate nothing in a steady step", "[model]",
                        Cases) {
  using Model = typename TestType::Model;
  laws::Float one(1), three(3);
  Training<Model, laws::Float> a(one, TestType::config(), 3), b(three, TestType::config(), 3);
  Sequences<typename Model::Target> s(6);
  a.accumulate_gradients(s.batch, s.targets);
  for (int step = 0; step < 3; ++step) {
    b.zero_gradients();
    b.accumulate_gradients(s.batch, s.targets);
  }
  CHECK(laws::same_bits(a.gradients, b.gradients));
  CHECK(laws::allocations_of([&] { b.accumulate_gradients(s.batch, s.targets); }) == 0);
  std::vector<float> losses(5);
  auto const loss = a.evaluate(s.batch, s.targets, losses);
  CHECK(losses[2] == 0);
  CHECK(double(losses[0] + losses[1] + losses[3] + losses[4]) / 4 ==
        Approx(loss.mean).epsilon(1e-5));
}

/// Logits, losses and gradients of one step on `B`.
template <class Case, class B>
std::vector<double> a_step() {
  using Model = typename Case::Model;
  B backend(1);
  Training<Model, B> network(backend, Case::config(), 3, 0.3);
  Sequences<typename Model::Target> s(6);
  network.accumulate_gradients(s.batch, s.targets);
  auto const loss = network.losses().back();
  std::vector<double> all{loss.mean, loss.auxiliary};
  for (auto const gradient : network.gradients.on_host()) all.push_back(gradient);
  std::vector<typename B::Scalar> losses(5);
  all.push_back(network.evaluate(s.batch, s.targets, losses).mean);
  all.insert(all.end(), losses.begin(), losses.end());
  return all;
}
TEMPLATE_LIST_TEST_CASE("sequence models: closed memory changes nothing", "[model]", Cases) {
  auto const expected = a_step<TestType, laws::Double>();
  CHECK(laws::all_finite(expected));
  CHECK(laws::same_bits(a_step<TestType, closed::Backend<double>>(), expected));
}

TEST_CASE("a probe is told what is padding", "[model]") {
  using Model = SequenceClassifier<input::Tokens, NoBlock, Mixture<router::TopK, expert::Ffn>>;
  Model::Config c{.context_length = 9, .d_model = 8};
  c.input.vocab_size = 13;
  c.ffn = {.router = {.top_k = 2}, .experts = {.count = 3, .each = {.hidden = 4}}};
  c.output.num_classes = 3;
  laws::Float backend(1);
  Training<Model, laws::Float> network(backend, c, 3);
  Sequences<int> tight(6), loose(9);
  for (auto* s : {&tight, &loose}) {
    probe::StepMeasures<laws::Float> measures;
    network.evaluate(s->batch, s->targets, {}, &measures);
    CHECK(measures.layers().at(0).experts_per_item == 2);
    CHECK(*measures.layers().at(0).router_entropy > 0.9);
  }
}

TEST_CASE("only a causal language model is a model", "[model]") {
  auto c = models::moe_gqa();
  c.block.attention.causal = false;
  CHECK(models::MoeGqa::check(c).str() ==
        std::string("block.attention.causal: ") + MOENDA_RULE_CAUSAL_ATTENTION);
  CHECK(Encoded::Model::check(Encoded::config()).str() == "");
}

TEST_CASE("an encoder remembers nothing", "[model]") {
  laws::Float backend(1);
  Network<Encoded::Model, laws::Float> network(backend, Encoded::config());
  Sequences<int> s(6);
  Memory<laws::Float> memory{.batch_size = 5, .max_seq_len = 9};
  CHECK_THROWS_WITH(network.logits(s.batch, &memory), Catch::Contains("nothing can be remembered"));
}

TEST_CASE("a value is compared by its square", "[model]") {
  laws::Float backend(1);
  auto c = Channels::config();
  Training<Channels::Model, laws::Float> network(backend, c, 3);
  Sequences<float> s(6);
  auto const values = models::copy_of(network.logits(s.batch));
  REQUIRE(values.size() == 5);
  double sum = 0;
  for (std::size_t b : {0u, 1u, 3u, 4u}) sum += std::pow(double(values[b] - s.targets[b]), 2);
  CHECK(network.evaluate(s.batch, s.targets).mean == Approx(sum / 4));
}

TEST_CASE("batches that a sequence model cannot take are refused", "[model]") {
  laws::Float backend(1);
  Training<Words::Model, laws::Float> words(backend, Words::config());
  Training<Channels::Model, laws::Float> channels(backend, Channels::config());
  Sequences<int> s(6);
  Sequences<float> f(6);
  auto const refused = [&](auto const& message, auto change) {
    auto batch = s.batch;
    auto lengths = s.lengths;
    batch.lengths = lengths.data();
    change(batch, lengths);
    CHECK_THROWS_WITH(words.evaluate(batch, s.targets), message);
  };
  refused("Batch: the length of sequence 1 is 0, but lengths must lie in 1..6",
          [](Batch&, std::vector<int>& lengths) { lengths[1] = 0; });
  refused("Batch: the length of sequence 4 is 7, but lengths must lie in 1..6",
          [](Batch&, std::vector<int>& lengths) { lengths[4] = 7; });
  refused("Batch: the model reads tokens, but the batch has none",
          [](Batch& batch, std::vector<int>&) { batch.tokens = nullptr; });
  refused("Batch: seq_len must fit context_length (10 vs 9)",
          [](Batch& batch, std::vector<int>&) { batch.seq_len = 10; });
  refused(Catch::Contains("must begin at position 0"),
          [](Batch& batch, std::vector<int>&) { batch.position = 1; });
  s.tokens[7] = 13;
  refused("Batch: token 7 has id 13, but ids must lie in 0..12", [](Batch&, std::vector<int>&) {});
  s.tokens[7] = 0;
  f.features[10] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(channels.evaluate(f.batch, f.targets),
                    "Batch: features must be finite, got inf in row 3, channel 1");
  f.features[10] = 0;
  f.batch.channels = 4;
  CHECK_THROWS_WITH(channels.evaluate(f.batch, f.targets),
                    "Batch: the model reads 3 channels, but the batch has 4");
  f.batch.features = nullptr;
  CHECK_THROWS_WITH(channels.evaluate(f.batch, f.targets),
                    "Batch: the model reads features, but the batch has none");
  CHECK_THROWS_WITH(words.evaluate(s.batch, std::vector<int>(4)),
                    Catch::Contains("targets must be as many"));
  CHECK(words.evaluate({nullptr, 0, 0}, {}).tokens == 0);
  CHECK_THROWS_WITH(words.last_logits(s.batch), Catch::Contains("must answer for every token"));
}

TEST_CASE("configurations of sequence models are checked with their keys", "[model]") {
  auto const problems = [](auto change) {
    auto c = Words::config();
    change(c);
    return Words::Model::check(c).str();
  };
  using C = Words::Model::Config;
  CHECK(problems([](C&) {}) == "");
  CHECK(problems([](C& c) { c.num_layers = 1; }) ==
        "num_layers: num_layers must be in 0..0, got 1");
  CHECK(problems([](C& c) { c.output.num_classes = 1; }) ==
        "output.num_classes: num_classes must be in 2..1048576, got 1");
  CHECK(problems([](C& c) { c.input.vocab_size = 0; }) ==
        "input.vocab_size: vocab_size must be in 1..268435456, got 0");
  CHECK(problems([](C& c) { c.ffn.router.top_k = 3; }) ==
        "ffn.router.top_k: top_k must be in 1..2, the number of experts, got 3");
  auto c = Either::config();
  c.input = input::Features::Config{};
  CHECK(Either::Model::check(c).str() == "input.channels: channels must be in 1..1048576, got 0");
}

TEST_CASE("a router of tokens may not send to a recurrent expert, also when chosen at run time",
          "[model]") {
  using Choice = OneOf<router::TopK, Router>;
  using M = Mixture<Choice, OneOf<expert::Ffn, expert::Gru>>;
  M::Config c{.router = Choice::choose<router::TopK>({.top_k = 1}),
              .experts = {.count = 2, .each = expert::Gru::Config{.hidden = 4}}};
  auto const problems = [&] {
    Problems found;
    moenda::check<M>(c, {}, found);
    return found.str();
  };
  CHECK(problems() == std::string("experts: ") + MOENDA_RULE_GRANULARITY);
  c.router = Choice::choose<Router>({.top_k = 1});
  CHECK(problems() == "");
  c.router = Choice::choose<router::TopK>({.top_k = 1});
  c.experts.each = expert::Ffn::Config{.hidden = 4};
  CHECK(problems() == "");
}

TEST_CASE("what knows the end of a sequence has no place in a causal model", "[model]") {
  auto const problems = []<class E>(std::type_identity<E>, typename E::Config const& c) {
    Problems found;
    moenda::check<E>(c, {.causal = true}, found);
    return found.str();
  };
  CHECK(problems(std::type_identity<expert::Gru>{}, {.hidden = 4}) == "");
  CHECK(problems(std::type_identity<expert::Gru>{}, {.hidden = 4, .output = GruOutput::last}) ==
        "output: output must be states in a causal model, where the last state would be the "
        "future, got last");
  CHECK_THAT(problems(std::type_identity<expert::Pooled<expert::Ffn>>{}, {.hidden = 4}),
             Catch::Contains("no place in a causal model"));
}

/// Keeps what a router says of whole sequences.
struct ProbsProbe : RoutingHook<laws::Double> {
  std::vector<double> probs;
  void observe(RoutingSite, Gates<laws::Double> const& gates,
               DispatchPlan<laws::Double> const&) override {
    probs.assign(gates.probs.data, gates.probs.data + gates.probs.size());
  }
};

TEST_CASE("the entropy of sequences: sure choices and equal use cost least", "[model]") {
  using M = Mixture<Router, expert::Ffn, loss::Entropy>;
  M::Config c{.router = {.top_k = 1}, .experts = {.count = 2, .each = {.hidden = 3}}};
  get<loss::Entropy>(c.loss) = {.token_weight = 0.7, .marginal_weight = 0.3};
  models::Layer<M, laws::Double> layer(c, 4);
  std::vector<int> const lengths{3, 0, 1, 2};  // the second is padding itself
  Batch batch{nullptr, 4, 3};
  batch.lengths = lengths.data();
  auto const x = laws::numbers<double>(batch.rows() * 4, 1);
  Context<laws::Double> ctx{layer.backend, layer.arena, batch};
  ProbsProbe probe;
  ctx.hook = &probe;
  auto const input = ctx.tensor(batch.rows(), 4);
  std::copy(x.begin(), x.end(), input.data);
  M::forward(ctx, c, layer.params, layer.cache, input);
  auto const h = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
  double each = 0, mean = 0;
  for (std::size_t b : {0u, 2u, 3u}) each += h(probe.probs[2 * b]) / 3, mean += probe.probs[2 * b];
  CHECK(ctx.auxiliary_loss() == Approx(0.7 * each - 0.3 * h(mean / 3)));

  // Two sequences of opposite kind: a surer router costs less; one that always says the same costs
  // more than one that tells them apart.
  auto const cost = [&](double left, double right) {
    std::vector<double> const rows{1, 0, 0, 0, 0, 1, 0, 0};
    double* const weight = layer.params.router.weight.data;  // [2, 4]
    std::fill_n(weight, 8, 0.0);
    weight[0] = left, weight[1] = right;
    layer.arena.rewind();
    Context<laws::Double> two{layer.backend, layer.arena, {nullptr, 2, 1}};
    auto const in = two.tensor(2, 4);
    std::copy(rows.begin(), rows.end(), in.data);
    M::forward(two, c, layer.params, layer.cache, in);
    return two.auxiliary_loss();
  };
  CHECK(cost(4, -4) < cost(1, -1));
  CHECK(cost(4, -4) < cost(4, 4));
}

}  // namespace
