// SPDX-License-Identifier: Apache-2.0
#include "moenda/infer/score_completions.hpp"

#include "files/temporary_folder.hpp"
#include "model/models.hpp"

namespace {

using namespace models;
using data::CompletionTask;
using io::test::message_of;
using laws::Double;
using Float = cpu::Backend<float>;

/// Tasks over 31 tokens whose contexts and endings have many lengths.
std::vector<CompletionTask> tasks_of_many_lengths(int count = 12) {
  std::vector<CompletionTask> tasks;
  for (int t = 0; t < count; ++t) {
    auto const seed = std::uint64_t(t) * 10 + 1;
    CompletionTask task{.context = laws::ids(1 + t % 5, 31, seed), .endings = {}, .answer = t % 4};
    for (int e = 0; e < 4; ++e) {
      task.endings.push_back(laws::ids(1 + (t + 2 * e) % 7, 31, seed + std::uint64_t(e) + 1));
    }
    tasks.push_back(task);
  }
  return tasks;
}

/// Says `next[token]` with near certainty: no layers, an embedding of one-hot rows, and a head that
/// turns each into the logits of its successor.
struct Successors {
  static Gpt2::Config config(int vocab_size, int context_length) {
    auto c = gpt2();
    c.vocab_size = c.d_model = vocab_size;
    c.context_length = context_length;
    c.num_layers = 0;
    c.block.attention = {.num_heads = 1, .head_dim = vocab_size};
    return c;
  }
  Successors(std::vector<int> const& next, int context_length = 12)
      : network(backend, config(int(next.size()), context_length)) {
    auto& p = network.params;
    std::fill(network.values.begin(), network.values.end(), 0.0);
    auto const size = next.size();
    for (std::size_t i = 0; i < size; ++i) {
      p.final_norm.gain.data[i] = 1;
      p.embedding.data[i * size + i] = 1;
      p.head.data[std::size_t(next[i]) * size + i] = 5;
    }
  }
  Double backend{1};
  Network<Gpt2, Double> network;
};

TEST_CASE("a network that knows the answers is always right", "[infer]") {
  Successors known({1, 2, 3, 4, 5, 0});  // counts up
  std::vector<CompletionTask> const tasks{
      {{0, 1}, {{3, 4}, {2, 3}, {5, 0}, {1, 0}}, 1},
      {{4}, {{5, 0, 1}, {0}, {4, 4}, {3}}, 0},
      {{2, 3, 4, 5}, {{1}, {5}, {3, 4, 5, 0, 1}, {0, 1}}, 3},
  };
  for (int const batch_size : {1, 2, 5, 100}) {
    auto const score = score_completions(known.network, tasks, batch_size);
    CHECK(score.tasks == 3);
    CHECK(score.accuracy() == 1);
    CHECK(score.accuracy_by_sum() == 1);
    CHECK(score.standard_error() == 0);
    CHECK(score.chance == 0.25);
  }
  auto wrong = tasks;
  for (auto& task : wrong) task.answer = (task.answer + 1) % 4;
  CHECK(score_completions(known.network, wrong, 4).accuracy() == 0);
  wrong[0].answer = 1;  // one of three
  auto const score = score_completions(known.network, wrong, 4);
  CHECK(score.accuracy() == Approx(1.0 / 3));
  CHECK(score.standard_error() == Approx(std::sqrt(2.0 / 27)));
}

TEST_CASE("only tokens of the ending count, and the mean is over them", "[infer]") {
  Successors known({1, 2, 3, 4, 5, 0});
  // The context is never right by this network; the ending is right, then wrong once in two.
  std::vector<CompletionTask> const tasks{{{3, 1, 5}, {{0, 1}, {0, 0}}, 0}};
  auto const losses = ending_losses(known.network, tasks, 2);
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].tokens == 2);
  CHECK(losses[0].sum < 0.01);
  CHECK(losses[1].sum > 5);
  CHECK(losses[1].mean() == Approx(losses[1].sum / 2));
}

TEST_CASE("least mean and least sum can differ", "[infer]") {
  Successors known({1, 2, 3, 4, 5, 0});
  // Wrong in one of one, or in two of four: the longer ending has the lesser mean, not sum.
  std::vector<CompletionTask> const tasks{{{0}, {{3}, {1, 2, 2, 2}}, 1}};
  auto const score = score_completions(known.network, tasks, 2);
  CHECK(score.right_by_mean == 1);
  CHECK(score.right_by_sum == 0);
}

TEST_CASE("a network without preferences is right by chance", "[infer]") {
  Float backend(1);
  Network<MoeGqa, Float> network(backend, moe_gqa());
  std::fill(network.values.begin(), network.values.end(), 0.0f);
  auto const tasks = tasks_of_many_lengths();
  for (int const batch_size : {1, 7}) {
    auto const score = score_completions(network, tasks, batch_size);
    CHECK(score.accuracy() == 0.25);
    CHECK(score.chance == 0.25);
  }
}

TEST_CASE("a network that is not finite is never right", "[infer]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2());
  std::fill(network.values.begin(), network.values.end(), std::nan(""));
  CHECK(score_completions(network, tasks_of_many_lengths(), 4).accuracy() == 0);
}

TEMPLATE_TEST_CASE("padding does not change a score", "[infer]", Gpt2, MoeGqa) {
  Double backend(1);
  Network<TestType, Double> network(backend, config_of<TestType>(), 3, 0.5);
  auto const tasks = tasks_of_many_lengths();
  std::vector<EndingLoss> alone;  // read without any batch
  for (auto const& task : tasks) {
    for (auto const& ending : task.endings) {
      auto text = task.context;
      text.insert(text.end(), ending.begin(), ending.end());
      std::vector<int> targets(text.begin() + 1, text.end());
      std::fill_n(targets.begin(), task.context.size() - 1, -1);
      auto const loss = network.evaluate({text.data(), 1, int(targets.size())}, targets);
      alone.push_back({loss.mean * double(ending.size()), loss.tokens});
    }
  }
  for (int const batch_size : {1, 2, 3, 16, 1000}) {
    auto const together = ending_losses(network, tasks, batch_size);
    REQUIRE(together.size() == alone.size());
    for (std::size_t i = 0; i < alone.size(); ++i) {
      CAPTURE(batch_size, i);
      CHECK(together[i].tokens == alone[i].tokens);
      CHECK(together[i].sum == Approx(alone[i].sum).epsilon(1e-12));
    }
  }
}

TEST_CASE("long contexts are cut at the left, long endings too", "[infer]") {
  Double backend(1);
  auto config = gpt2();
  config.context_length = 6;
  Network<Gpt2, Double> network(backend, config, 3, 0.5);
  auto const text = laws::ids(20, 31, 5);
  auto const part = [&](int begin, int end) {
    return std::vector<int>(text.begin() + begin, text.begin() + end);
  };
  // 6 inputs: of 20 tokens the last 7 are seen.
  auto const whole =
      ending_losses(network, std::vector<CompletionTask>{{part(0, 17), {part(17, 20)}, 0}}, 4);
  auto const cut =
      ending_losses(network, std::vector<CompletionTask>{{part(13, 17), {part(17, 20)}, 0}}, 4);
  CHECK(whole[0].tokens == 3);
  CHECK(whole[0].sum == cut[0].sum);
  auto const long_ending =
      ending_losses(network, std::vector<CompletionTask>{{part(0, 2), {part(2, 20)}, 0}}, 4);
  auto const its_end =
      ending_losses(network, std::vector<CompletionTask>{{part(13, 14), {part(14, 20)}, 0}}, 4);
  CHECK(long_ending[0].tokens == 6);
  CHECK(long_ending[0].sum == its_end[0].sum);
}

TEST_CASE("memory does not grow with the number of tasks", "[infer]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2(), 3, 0.5);
  auto const few = tasks_of_many_lengths(12), many = tasks_of_many_lengths(120);
  (void)ending_losses(network, few, 8);
  auto const peak = network.arena.peak();
  (void)ending_losses(network, many, 8);
  CHECK(network.arena.peak() == peak);
}

TEST_CASE("tasks that cannot be scored are refused", "[infer]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2());
  auto const score = [&](CompletionTask const& task, int batch_size = 2) {
    return score_completions(network, std::vector<CompletionTask>{task}, batch_size);
  };
  CHECK_THAT(message_of<DataError>([&] {
               (void)score({{}, {{1}}, 0});
             }),
             Catch::Contains("in task 0"));
  CHECK_THROWS_AS(score({{1}, {{1}, {}}, 0}), DataError);
  CHECK_THROWS_AS(score({{31}, {{1}}, 0}), DataError);
  CHECK_THROWS_AS(score({{1}, {{1}, {2}}, 2}), ConfigError);
  CHECK_THROWS_AS(score({{1}, {{1}, {2}}, -1}), ConfigError);
  CHECK_THROWS_AS(score({{1}, {{1}}, 0}, 0), ConfigError);
  auto const none = score_completions(network, std::vector<CompletionTask>{}, 2);
  CHECK(none.tasks == 0);
  CHECK(none.accuracy() == 0);
  CHECK(none.standard_error() == 0);
}

TEST_CASE("progress is told after every batch", "[infer]") {
  Double backend(1);
  Network<Gpt2, Double> network(backend, gpt2());
  std::vector<std::int64_t> seen;
  (void)score_completions(network, tasks_of_many_lengths(5), 8,
                          [&](std::int64_t done, std::int64_t all) {
                            seen.push_back(done);
                            CHECK(all == 20);
                          });
  CHECK(seen == std::vector<std::int64_t>{8, 16, 20});
}

}  // namespace
