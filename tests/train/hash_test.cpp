// SPDX-License-Identifier: Apache-2.0
// The table of a hash router through trainings and checkpoints.
#include "moenda/router/hash.hpp"

#include "files/temporary_folder.hpp"
#include "train/runs.hpp"

namespace {

using namespace runs;
using io::test::TemporaryFolder;
using laws::Float;
using router::Hash, router::HashKind;
using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<Hash, expert::SwiGlu>>>;

Model::Config config() {
  return {.vocab_size = 31,
          .context_length = 12,
          .d_model = 8,
          .num_layers = 2,
          .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                    .ffn = {.router = {.kind = HashKind::balanced, .vocab_size = 31},
                            .experts = {.count = 4, .each = {.hidden = 6}}}}};
}
template <class Run>
std::vector<float> tables(Run const& run) {
  std::vector<float> all;
  for (auto const& block : run.network.params.layers) {
    auto const& table = block.ffn.router.table;
    all.insert(all.end(), table.data, table.data + table.size());
  }
  return all;
}

TEST_CASE("a trainer fits the table to its text, leaves it alone and resumes with it", "[train]") {
  TemporaryFolder folder;
  Float backend(2);
  Network<Model, Float> unfitted(backend, config());
  models::TextBatch const text(1, 12, 31);
  CHECK_THROWS_AS(unfitted.evaluate(text.batch, text.targets), DataError);

  Run<Model, Float> straight(backend, config(), train_config());
  auto const fitted = tables(straight);
  straight.steps(12);
  CHECK(tables(straight) == fitted);
  CHECK(straight.losses.back() < straight.losses.front());

  Run<Model, Float> first(backend, config(), train_config());
  first.steps(5);
  save_checkpoint(folder.path(), first.network, first.trainer, {});
  Run<Model, Float> second(backend, config(), train_config());  // its table comes from the file
  load_checkpoint(*newest_checkpoint(folder.path()), second.network, second.trainer);
  CHECK(tables(second) == fitted);
  second.steps(7);
  require_same_state(straight, second);
}

}  // namespace
