// SPDX-License-Identifier: Apache-2.0
// Models train, are evaluated and write where the host cannot look at a number: with the same bits,
// and with one synchronisation per optimizer step and per token.
#include <sys/wait.h>

#include <array>

#include "closed/backend.hpp"
#include "closed/one_by_one.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/probe/counterfactual.hpp"
#include "moenda/train/expert_surgery.hpp"
#include "train/runs.hpp"

// Every kernel can be passed on, in float and in double.
namespace closed {
#define MOENDA_KERNEL(name, arguments, ...)   \
  template decltype(name<float>) name<float>; \
  template decltype(name<double>) name<double>;
#include "moenda/kernels/for_each_kernel.inc"
}  // namespace closed

namespace {

using namespace models;
using closed::OneByOne;
using closed::Region;

template <class M, class T>
struct Case {
  using Model = M;
  using Scalar = T;
};
using Cases =
    std::tuple<Case<Gpt2, float>, Case<Gpt2, double>, Case<MoeGqa, float>, Case<MoeGqa, double>>;

/// Steps on either backend must give the same weights, to the bit.
template <class M, class T>
void check_training(typename M::Config const& config, std::size_t synchronisations_per_step) {
  auto const text = runs::windows();
  cpu::Backend<T> open(1);
  closed::Backend<T> backend(1);
  runs::Run<M, cpu::Backend<T>> expected(open, config, runs::train_config(), text);
  runs::Run<M, closed::Backend<T>> run(backend, config, runs::train_config(), text);
  REQUIRE(laws::same_bits(run.network.values.on_host(), expected.network.values));
  for (int step = 0; step < 4; ++step) {
    auto const before = Region::one().to_host, allocations = Region::one().allocations;
    auto const got = run.trainer.step();
    CHECK(Region::one().to_host - before == synchronisations_per_step);
    if (step >= 2) CHECK(Region::one().allocations == allocations);
    auto const want = expected.trainer.step();
    CHECK(got.loss.mean == want.loss.mean);
    CHECK(got.loss.auxiliary == want.loss.auxiliary);
    CHECK(got.gradient_norm == want.gradient_norm);
    REQUIRE(laws::same_bits(run.network.values.on_host(), expected.network.values));
  }
}

TEMPLATE_LIST_TEST_CASE("closed memory: training has the same bits and waits once a step",
                        "[closed]", Cases) {
  using M = typename TestType::Model;
  check_training<M, typename TestType::Scalar>(config_of<M>(), 1);
}

TEST_CASE("closed memory: a plan with fewer slots than it has room for", "[closed]") {
  auto config = moe_gqa();
  config.block.ffn.capacity_factor = 0.7;
  check_training<MoeGqa, double>(config, 1);
  config.block.ffn.drop = Drop::probability;
  check_training<MoeGqa, float>(config, 1);
}

// Experts that run one after the other: the host must know their rows, once per layer.
TEST_CASE("closed memory: experts that cannot run at once wait once per layer", "[closed]") {
  using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                               Mixture<router::TopK, OneByOne>>>;
  Model::Config config{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  config.block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                  .ffn = {.router = {.top_k = 2}, .experts = {.count = 3, .each = {.hidden = 6}}}};
  check_training<Model, double>(config, 1 + 2);
}

TEST_CASE("closed memory: groups of different experts", "[closed]") {
  using Model =
      LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                     Mixture<router::TopK, Experts<expert::Ffn, expert::SwiGlu>>>>;
  Model::Config config{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  config.block.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4};
  config.block.ffn.router.top_k = 2;
  get<Group<expert::Ffn>>(config.block.ffn.experts) = {.count = 2, .each = {.hidden = 6}};
  get<Group<expert::SwiGlu>>(config.block.ffn.experts) = {.count = 2, .each = {.hidden = 5}};
  check_training<Model, double>(config, 1 + 2);  // two layers
}

TEST_CASE("closed memory: balancing biases, jitter and experts that come and go", "[closed]") {
  using Balanced =
      LanguageModel<TransformerBlock<norm::Layer, attention::MultiHead<position::Learned>,
                                     Mixture<router::BiasBalanced<router::TopK>, expert::SwiGlu>>>;
  Balanced::Config balanced{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 2};
  balanced.block.attention = {.num_heads = 2, .head_dim = 4};
  balanced.block.ffn.router.inner = {.top_k = 2, .jitter = 0.1};
  balanced.block.ffn.experts = {.count = 4, .each = {.hidden = 6}};
  check_training<Balanced, float>(balanced, 1);
  using Any = LanguageModel<TransformerBlock<norm::Rms, attention::MultiHead<position::Learned>,
                                             Mixture<router::TopAny, expert::Ffn>>>;
  Any::Config any{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 1};
  any.block.attention = {.num_heads = 2, .head_dim = 4};
  any.block.ffn.router.initial_experts = 2;
  any.block.ffn.router.adapt_every = 2;
  any.block.ffn.experts = {.count = 4, .each = {.hidden = 6}};
  check_training<Any, double>(any, 1);
}

TEMPLATE_LIST_TEST_CASE("closed memory: evaluation and text are the same", "[closed]", Cases) {
  using M = typename TestType::Model;
  using T = typename TestType::Scalar;
  auto const config = config_of<M>();
  cpu::Backend<T> open(1);
  closed::Backend<T> backend(1);
  Network<M, cpu::Backend<T>> expected(open, config, 3, 0.3);
  Network<M, closed::Backend<T>> network(backend, config, 3, 0.3);
  TextBatch text(2, 9, config.vocab_size);
  std::vector<T> want(18), got(18);
  auto const loss = expected.evaluate(text.batch, text.targets, want).mean;
  CHECK(network.evaluate(text.batch, text.targets, got).mean == loss);
  CHECK(laws::same_bits(got, want));

  std::array const prompt{3, 1, 4};
  auto const words = moenda::generate(expected, prompt, 20, {});  // longer than the context
  auto const before = Region::one().to_host;
  CHECK(moenda::generate(network, prompt, 20, {}) == words);
  CHECK(Region::one().to_host - before == 20);
  std::vector<std::vector<int>> const prompts{{3, 1, 4}, {2}};  // at positions of their own
  CHECK(moenda::generate(network, prompts, 4, {}) == moenda::generate(expected, prompts, 4, {}));
}

TEST_CASE("closed memory: what would have been with other experts", "[closed]") {
  auto config = moe_gqa();
  config.block.ffn.router.top_k = 1;
  cpu::Backend<double> open(1);
  closed::Backend<double> backend(1);
  Network<MoeGqa, cpu::Backend<double>> expected(open, config, 3, 0.3);
  Network<MoeGqa, closed::Backend<double>> network(backend, config, 3, 0.3);
  TextBatch text(1, 5, config.vocab_size);
  auto const want = probe::counterfactual(expected, text.batch, text.targets, 1, 2);
  auto const got = probe::counterfactual(network, text.batch, text.targets, 1, 2);
  CHECK(got.losses == want.losses);
  CHECK(got.chosen == want.chosen);
}

TEST_CASE("closed memory: experts are merged", "[closed]") {
  cpu::Backend<double> open(1);
  closed::Backend<double> backend(1);
  auto config = moe_gqa();
  Network<MoeGqa, cpu::Backend<double>> expected_old(open, config, 3, 0.3);
  Network<MoeGqa, closed::Backend<double>> old(backend, config, 3, 0.3);
  config.block.ffn.experts.count = 2;
  Network<MoeGqa, cpu::Backend<double>> expected(open, config, 5, 0.3);
  Network<MoeGqa, closed::Backend<double>> merged(backend, config, 5, 0.3);
  ExpertGroups const groups{{{0, 2}, {1, 3}}, {{3}, {0, 1}}};
  merge_experts(expected_old, expected, groups);
  merge_experts(old, merged, groups);
  CHECK(laws::same_bits(merged.values.on_host(), expected.values));
}

TEST_CASE("closed memory: wrong tokens and targets are refused before anything is copied",
          "[closed]") {
  closed::Backend<double> backend(1);
  Training<MoeGqa, closed::Backend<double>> network(backend, moe_gqa());
  TextBatch text(2, 6, 31);
  text.targets[7] = 31;
  auto const before = Region::one().from_host;
  auto const said = "Batch: target 7 is 31, but targets must be -1 (ignored) or lie in 0..30";
  CHECK_THROWS_WITH(network.evaluate(text.batch, text.targets), said);
  CHECK_THROWS_WITH(network.accumulate_gradients(text.batch, text.targets), said);
  text.tokens[3] = -1;
  CHECK_THROWS_WITH(network.evaluate(text.batch, text.targets),
                    "Batch: token 3 has id -1, but ids must lie in 0..30");
  CHECK(Region::one().from_host == before);
}

TEMPLATE_LIST_TEST_CASE("closed memory: stored weights are read where they are", "[closed]",
                        Cases) {
  using M = typename TestType::Model;
  using T = typename TestType::Scalar;
  auto const config = config_of<M>();
  cpu::Backend<T> open(1);
  closed::Backend<T> backend(1);
  Network<M, cpu::Backend<T>> expected(open, config, 3, 0.3);
  Network<M, closed::Backend<T>> network(backend, config, 3, 0.3);
  store(expected, Format::bf16);
  store(network, Format::bf16);
  TextBatch text(2, 9, config.vocab_size);
  CHECK(network.evaluate(text.batch, text.targets).mean ==
        expected.evaluate(text.batch, text.targets).mean);
  std::array const prompt{3, 1, 4};
  auto const before = Region::one().to_host;
  CHECK(moenda::generate(network, prompt, 20, {}) == moenda::generate(expected, prompt, 20, {}));
  CHECK(Region::one().to_host - before == 20);
}

TEST_CASE("inference allocates no gradient", "[closed]") {
  using B = closed::Backend<float>;
  auto config = gpt2();
  config.vocab_size = 60000;  // 960000 scalars: more than the step memory
  B backend(1);
  auto const before = Region::one().bytes_in_use;
  Network<Gpt2, B> network(backend, config, unfilled);
  auto const weights = network.values.size() * sizeof(float);
  TextBatch text(1, 2, config.vocab_size);
  (void)network.evaluate(text.batch, text.targets);
  (void)moenda::generate(network, std::array{1, 2}, 3, {});
  auto const taken = Region::one().bytes_in_use - before;
  CHECK(taken >= weights);
  CHECK(taken < weights + (std::size_t{6} << 20));
  Training<Gpt2, B> training(backend, config);
  CHECK(Region::one().bytes_in_use - before - taken >= 2 * weights);
}

/// What a child process that runs `action` says before it ends with code 9.
template <class Action>
std::string last_words(Action const& action) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  auto const child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    Region::watch();
    action();
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  std::array<char, 256> part{};
  for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;) {
    said.append(part.data(), std::size_t(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 9));
  return said;
}

TEST_CASE("closed memory: a host read ends with the array and the last kernel", "[closed]") {
  using B = closed::Backend<float>;
  B backend(1);
  Network<Gpt2, B> network(backend, gpt2());
  walk(network.params, [](Path const& path, auto const& weight) {
    Region::one().name(weight.data, std::size_t(weight.size()) * sizeof(float),
                       "weight " + path.str());
  });
  auto const& gain = network.params.layers[1].attention_norm.gain;
  CHECK(last_words([&] {
          fill(backend, gain.data, 2.f, gain.size());
          if (gain.data[1] != 2) _exit(1);
        }) ==
        "closed: the host must not touch weight layers.1.attention_norm.gain; the last kernel was "
        "fill\n");
  Array<B, float> sums(backend, 7);
  CHECK_THAT(last_words([&] { *sums.data() = 1; }), Catch::Contains("of 28 bytes"));
}

TEST_CASE("closed memory: a kernel refuses arrays of the host", "[closed]") {
  closed::Backend<double> backend(1);
  double number = 0;
  CHECK_THROWS_WITH(fill(backend, &number, 1.0, 1),
                    "closed: fill: all arrays must be the backend's, but one is the host's");
  int const lengths[] = {1}, columns[] = {0, 0, 0, 0};
  AttentionShape shape{.batch_size = 1, .query_len = 1, .key_len = 1, .key_stride = 1};
  shape.lengths = lengths;
  double* const none = nullptr;
  CHECK_THROWS_WITH(attention_forward(backend, none, none, none, none, none, shape),
                    Catch::StartsWith("closed: attention_forward: all arrays"));
  RoutingLoss<double> const loss{.rows = 1, .cols = 1, .present = &number};
  CHECK_THROWS_WITH(router_z_forward(backend, none, none, none, loss),
                    Catch::StartsWith("closed: router_z_forward: all arrays"));
  DerivationTable const table{.items = 1, .experts = 1, .width = 1, .columns = columns};
  CHECK_THROWS_WITH(derivation_likelihood_forward(backend, none, none, none, table),
                    Catch::StartsWith("closed: derivation_likelihood_forward: all arrays"));
}

}  // namespace
