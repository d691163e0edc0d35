// SPDX-License-Identifier: Apache-2.0
// The table of a hash router through trainings and checkpoints.
#include "moenda/router/hash.hpp"

#include "io/temporary_folder.hpp"
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
void fit_tables(Run& run) {
  auto const text = windows().tokens();
  std::vector<std::int64_t> counts(31);
  for (std::int64_t t = 0; t < text.size(); ++t) ++counts[std::size_t(text[t])];
  int layer = 0;
  for (auto const& block : run.network.params.layers) {
    Hash::fit({counts, layer++}, run.network.config.block.ffn.router, block.ffn.router, 4);
  }
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

TEST_CASE("training needs a fitted table, leaves it alone and resumes with it", "[train]") {
  TemporaryFolder folder;
  Float backend(2);
  Run<Model, Float> unfitted(backend, config(), train_config());
  CHECK_THROWS_AS(unfitted.steps(1), DataError);

  Run<Model, Float> straight(backend, config(), train_config());
  fit_tables(straight);
  auto const fitted = tables(straight);
  straight.steps(12);
  CHECK(tables(straight) == fitted);
  CHECK(straight.losses.back() < straight.losses.front());

  Run<Model, Float> first(backend, config(), train_config());
  fit_tables(first);
  first.steps(5);
  save_checkpoint(folder.path(), first.network, first.trainer, {});
  Run<Model, Float> second(backend, config(), train_config());  // its table comes from the file
  load_checkpoint(*newest_checkpoint(folder.path()), second.network, second.trainer);
  CHECK(tables(second) == fitted);
  second.steps(7);
  require_same_state(straight, second);
}

}  // namespace
