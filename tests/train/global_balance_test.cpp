// SPDX-License-Identifier: Apache-2.0
// Balance over all passes of an optimizer step: what the passes collect, and resuming.
#include "files/temporary_folder.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using laws::Double;

MoeGqa::Config globally_balanced() {
  auto c = moe_gqa();
  get<loss::LoadBalancing>(c.block.ffn.loss) = {.weight = 0.5, .over = loss::Over::global_batch};
  return c;
}

TEST_CASE("one pass is balanced alike in both ways, several are not", "[train]") {
  for (int const passes : {1, 3}) {
    Double backend(2);
    auto train = train_config();
    train.gradient_accumulation = passes;
    Run<MoeGqa, Double> global(backend, globally_balanced(), train),
        local(backend, moe_gqa(), train);
    auto const a = global.trainer.step(), b = local.trainer.step();
    CHECK(a.loss.mean == b.loss.mean);
    CHECK((a.loss.auxiliary == b.loss.auxiliary) == (passes == 1));
    // Two of four experts for each of the tokens of the step.
    for (auto const& layer : global.network.grads.layers) {
      auto const& counts = layer.ffn.loss.groups[hana::size_c<0>].assignments;
      REQUIRE(counts.size() == 4);
      CHECK(std::accumulate(counts.data, counts.data + 4, 0.0) == 2 * 4 * 12 * passes);
    }
    global.trainer.step();  // the next step begins at 0 again
    auto const& counts =
        global.network.grads.layers[0].ffn.loss.groups[hana::size_c<0>].assignments;
    CHECK(std::accumulate(counts.data, counts.data + 4, 0.0) == 2 * 4 * 12 * passes);
    CHECK(parameter_count(global.network.params) == parameter_count(local.network.params));
  }
}

TEST_CASE("a run with global balance resumes to the bit", "[train]") {
  io::test::TemporaryFolder folder;
  auto train = train_config();
  train.gradient_accumulation = 3;
  Double one(1), two(2);
  Run<MoeGqa, Double> straight(one, globally_balanced(), train);
  straight.steps(8);
  Run<MoeGqa, Double> first(two, globally_balanced(), train);
  first.steps(5);
  save_checkpoint(folder.path(), first.network, first.trainer, {});
  Run<MoeGqa, Double> second(one, globally_balanced(), train);
  load_checkpoint(newest_checkpoint(folder.path()).value(), second.network, second.trainer);
  second.steps(3);
  require_same_state(straight, second);
}

}  // namespace
