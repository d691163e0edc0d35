// SPDX-License-Identifier: Apache-2.0
#include "files/temporary_folder.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::TemporaryFolder;
using laws::Double;
using laws::Float;

template <class M, class B>
void resume_twice(typename M::Config const& config, TrainConfig const& train, int threads) {
  TemporaryFolder folder;
  B backend(threads);
  Run<M, B> straight(backend, config, train);
  straight.steps(12);
  std::vector<double> losses;
  for (int part = 0; part < 3; ++part) {
    B other(threads + part % 2);  // the number of threads may change from part to part
    Run<M, B> resumed(other, config, train);
    if (auto const newest = newest_checkpoint(folder.path())) {
      auto const spent = load_checkpoint(*newest, resumed.network, resumed.trainer).spent;
      CHECK(spent.seconds == part * 1.25);
      CHECK(spent.joules == part * 30.1);
    }
    resumed.steps(4);
    losses.insert(losses.end(), resumed.losses.begin(), resumed.losses.end());
    save_checkpoint(folder.path(), resumed.network, resumed.trainer,
                    {(part + 1) * 1.25, (part + 1) * 30.1});
    if (part == 2) require_same_state(straight, resumed);
  }
  CHECK(losses == straight.losses);
}

TEMPLATE_TEST_CASE("a run resumed twice is the run, to the bit", "[train]", Gpt2, MoeGqa) {
  auto train = train_config();
  for (int const threads : {1, 2, 3}) {
    resume_twice<TestType, Float>(config_of<TestType>(), train, threads);
  }
  train.gradient_accumulation = 3;  // 18 batches: epochs end within a step
  train.schedule.shape = ScheduleShape::warmup_stable_decay;
  resume_twice<TestType, Float>(config_of<TestType>(), train, 2);
  auto config = config_of<TestType>();
  config.tied_head = true;
  resume_twice<TestType, Double>(config, train, 1);
}

TEST_CASE("a checkpoint of chosen modules resumes", "[train]") {
  using Either = LanguageModel<
      TransformerBlock<OneOf<norm::Rms, norm::Layer>, attention::MultiHead<position::Learned>,
                       Mixture<OneOf<router::TopK>, Experts<expert::Ffn, expert::SwiGlu>>>>;
  Either::Config c{.vocab_size = 31, .context_length = 12, .d_model = 8, .num_layers = 1};
  c.block.attention = {.num_heads = 2, .head_dim = 4};
  get<Group<expert::Ffn>>(c.block.ffn.experts) = {.count = 1, .each = {.hidden = 5}};
  get<Group<expert::SwiGlu>>(c.block.ffn.experts) = {.count = 2, .each = {.hidden = 4}};
  resume_twice<Either, Float>(c, train_config(), 2);
}

}  // namespace
