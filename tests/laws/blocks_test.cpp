// SPDX-License-Identifier: Apache-2.0
#include "laws/layer_laws.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/attention/multi_head.hpp"
#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/loss/load_balancing.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/model/transformer_block.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/norm/layer.hpp"
#include "moenda/router/top_k.hpp"

namespace {

using namespace moenda;

template <class M>
struct Base {
  using Module = M;
  static constexpr int width = 8;
  static constexpr laws::Reach reach = laws::Reach::sequence;
};
struct Dense : Base<TransformerBlock<norm::Layer, attention::MultiHead<>, expert::Ffn>> {
  static Module::Config config() {
    return {.attention = {.num_heads = 2, .head_dim = 4}, .ffn = {.hidden = 9}};
  }
};
using Sparse = Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing>;
struct Modern
    : Base<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                            Sparse>> {
  static Module::Config config() {
    Module::Config c{
        .attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 2},
        .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 5}}}};
    get<loss::LoadBalancing>(c.ffn.loss).weight = 0.5;
    return c;
  }
};
struct NoNorm : Base<TransformerBlock<norm::Identity, attention::GroupedQuery<position::None>,
                                      OneOf<expert::SwiGlu, Sparse>>> {
  static Module::Config config() {
    return {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 3},
            .ffn = Sparse::Config{.router = {.top_k = 1},
                                  .experts = {.count = 2, .each = {.hidden = 4}}}};
  }
};

using Blocks = std::tuple<Dense, Modern, NoNorm>;

TEMPLATE_LIST_TEST_CASE("blocks obey the layer laws", "[laws]", Blocks) {
  laws::check_layer<TestType>();
}

}  // namespace
