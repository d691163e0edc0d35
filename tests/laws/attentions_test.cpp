// SPDX-License-Identifier: Apache-2.0
#include "laws/layer_laws.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/attention/multi_head.hpp"
#include "moenda/core/one_of.hpp"

namespace {

using namespace moenda;
using attention::GroupedQuery;
using attention::MultiHead;
using attention::QkNorm;

template <class P, class Norm>
struct Grouped {
  using Module = GroupedQuery<P, Norm>;
  static constexpr int width = 10;
  static constexpr laws::Reach reach = laws::Reach::sequence;
  static typename Module::Config config() {
    return {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4};
  }
};
struct SingleKeyHead : Grouped<position::Rope, norm::Identity> {
  static Module::Config config() { return {.num_heads = 3, .num_kv_heads = 1, .head_dim = 2}; }
};
template <class P, class Norm>
struct Heads {
  using Module = MultiHead<P, Norm>;
  static constexpr int width = 10;
  static constexpr laws::Reach reach = laws::Reach::sequence;
  static typename Module::Config config() { return {.num_heads = 2, .head_dim = 6}; }
};
using AnyPosition = OneOf<position::Rope, position::None>;
struct Either {
  using Module = OneOf<MultiHead<AnyPosition>, GroupedQuery<AnyPosition, QkNorm>>;
  static constexpr int width = 10;
  static constexpr laws::Reach reach = laws::Reach::sequence;
  static Module::Config config() {
    return GroupedQuery<AnyPosition, QkNorm>::Config{
        .num_heads = 2, .num_kv_heads = 1, .head_dim = 4};
  }
};

using Attentions =
    std::tuple<Grouped<position::Rope, norm::Identity>, Grouped<position::Rope, QkNorm>,
               Grouped<position::None, QkNorm>, SingleKeyHead,
               Heads<position::Learned, norm::Identity>, Heads<position::Rope, QkNorm>, Either>;

TEMPLATE_LIST_TEST_CASE("attentions obey the layer laws", "[laws]", Attentions) {
  STATIC_REQUIRE(AttentionLike<typename TestType::Module>);
  laws::check_layer<TestType>();
}

}  // namespace
