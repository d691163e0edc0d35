// SPDX-License-Identifier: Apache-2.0
#include "laws/sequence_laws.hpp"
#include "moenda/attention/grouped_query.hpp"
#include "moenda/attention/multi_head.hpp"
#include "moenda/module/one_of.hpp"

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

using attention::Bias;
using Modern = GroupedQuery<position::Rope, QkNorm>;
template <Bias bias>
struct WithBias : Grouped<position::Rope, QkNorm> {
  static Module::Config config() {
    return {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .bias = bias};
  }
};
/// Each row sees itself and the two before it.
struct Window : Heads<position::Learned, norm::Identity> {
  static Module::Config config() {
    return {.num_heads = 2, .head_dim = 3, .bias = Bias::qkv, .window = 3};
  }
};
/// Every row sees the whole sequence.
struct Encoder : Grouped<position::Rope, norm::Identity> {
  static constexpr laws::Reach reach = laws::Reach::whole_sequence;
  static Module::Config config() {
    return {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .causal = false};
  }
};
/// Every row sees its neighbours on both sides.
struct LocalEncoder : Heads<position::Rope, QkNorm> {
  static constexpr laws::Reach reach = laws::Reach::whole_sequence;
  static Module::Config config() {
    return {.num_heads = 2, .head_dim = 4, .bias = Bias::all, .causal = false, .window = 3};
  }
};

using Attentions =
    std::tuple<Grouped<position::Rope, norm::Identity>, Grouped<position::Rope, QkNorm>,
               Grouped<position::None, QkNorm>, SingleKeyHead,
               Heads<position::Learned, norm::Identity>, Heads<position::Rope, QkNorm>, Either,
               WithBias<Bias::qkv>, WithBias<Bias::all>, Window, Encoder, LocalEncoder>;

TEMPLATE_LIST_TEST_CASE("attentions obey the layer laws", "[laws]", Attentions) {
  STATIC_REQUIRE(AttentionLike<typename TestType::Module>);
  laws::check_layer<TestType>();
}

using OfSequences =
    std::tuple<Grouped<position::Rope, norm::Identity>, Window, Encoder, LocalEncoder>;
TEMPLATE_LIST_TEST_CASE("attentions obey the laws of padded sequences", "[laws]", OfSequences) {
  laws::check_sequences<TestType>();
}

/// Which rows of 9 a change of row 4 reaches.
template <class Case>
std::vector<int> reached_from_four() {
  laws::Subject<Case, float> subject;
  Batch const batch{nullptr, 1, 9};
  auto x = laws::numbers<float>(9 * Case::width, 1);
  auto const before = subject.forward(batch, x);
  for (int c = 0; c < Case::width; ++c) x[std::size_t(4 * Case::width + c)] += 1;
  auto const after = subject.forward(batch, x);
  std::vector<int> rows;
  for (int row = 0; row < 9; ++row) {
    auto const begin = std::ptrdiff_t(row) * Case::width;
    bool const same = std::equal(before.begin() + begin, before.begin() + begin + Case::width,
                                 after.begin() + begin);
    if (!same) rows.push_back(row);
  }
  return rows;
}

TEST_CASE("a change reaches the rows that see it, and all of them", "[laws]") {
  CHECK(reached_from_four<WithBias<Bias::all>>() == std::vector<int>{4, 5, 6, 7, 8});
  CHECK(reached_from_four<Window>() == std::vector<int>{4, 5, 6});
  CHECK(reached_from_four<LocalEncoder>() == std::vector<int>{2, 3, 4, 5, 6});
  CHECK(reached_from_four<Encoder>() == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("only the biases that are asked for have a place", "[laws]") {
  auto const parameters = [](Bias bias) {
    return count(Modern::params<Shapes>(
        {.num_heads = 4, .num_kv_heads = 2, .head_dim = 4, .bias = bias}, 10));
  };
  CHECK(parameters(Bias::qkv) == parameters(Bias::none) + 16 + 8 + 8);
  CHECK(parameters(Bias::all) == parameters(Bias::qkv) + 10);
}

TEST_CASE("attention says what it cannot do", "[laws]") {
  auto const problems = [](Modern::Config const& c, bool causal) {
    Problems found;
    Modern::check(c, {.causal = causal}, found);
    return found.str();
  };
  Modern::Config c{.num_heads = 4, .num_kv_heads = 2, .head_dim = 4};
  CHECK(problems(c, true) == "");
  c.causal = false;
  CHECK(problems(c, false) == "");
  CHECK(problems(c, true) == std::string("causal: ") + MOENDA_RULE_CAUSAL_ATTENTION);
  c.window = -1;
  CHECK(problems(c, false) == "window: window must be 0 (sees all) or above, got -1");
}

}  // namespace
