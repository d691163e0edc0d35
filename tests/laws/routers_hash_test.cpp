// SPDX-License-Identifier: Apache-2.0
// Routes that are a function of token ids and positions.
#include <map>
#include <numeric>

#include "laws/router_laws.hpp"
#include "moenda/router/hash.hpp"

namespace {

using namespace moenda;
using laws::Double;
using laws::Float;
using router::Hash;
using router::HashKind;

/// How often each of `ids` tokens occurs in a text that obeys Zipf's law.
std::vector<std::int64_t> zipf(int ids, double exponent = 1) {
  std::vector<std::int64_t> counts;
  for (int i = 1; i <= ids; ++i) {
    counts.push_back(std::llround(1e7 / std::pow(double(i), exponent)));
  }
  return counts;
}

template <HashKind Kind, int N, int E>
struct HashCase {
  using Module = Hash;
  static constexpr int num_experts = E;
  static constexpr bool normalised = N == 1, unbounded_weights = true;
  static constexpr bool reads_neighbours = Kind == HashKind::bigram || Kind == HashKind::previous;
  static constexpr bool reads_position = Kind == HashKind::position;
  static Hash::Config config() {
    return {.kind = Kind, .hashes = N, .vocab_size = Kind == HashKind::balanced ? 50 : 0};
  }
  template <class B>
  static void prepare(Hash::Config const& c, Hash::Params<B> const& p, int experts) {
    Hash::fit({zipf(laws::token_ids), {.num_experts = experts}}, c, p);
  }
};
using Routers = std::tuple<HashCase<HashKind::random, 1, 5>, HashCase<HashKind::random, 2, 6>,
                           HashCase<HashKind::random, 3, 3>, HashCase<HashKind::balanced, 1, 5>,
                           HashCase<HashKind::balanced, 2, 6>, HashCase<HashKind::bigram, 1, 5>,
                           HashCase<HashKind::previous, 2, 4>, HashCase<HashKind::position, 1, 5>>;

TEMPLATE_LIST_TEST_CASE("hash routers obey the router laws", "[laws]", Routers) {
  laws::check_router<TestType>();
}

/// A fitted hash router, and the experts of every token it is shown.
class Routed {
 public:
  Routed(Hash::Config c, int num_experts, std::vector<std::int64_t> counts = {}, int layer = 0)
      : config(c), experts_(num_experts), layer_(layer) {
    if (counts.empty()) counts = zipf(c.vocab_size);
    params = Hash::params<Float>(config, 3, experts_);
    table.resize(std::size_t(count(params)));
    bind(params, table.data());
    Hash::fit({counts, {.num_experts = experts_, .layer = layer}}, config, params);
  }
  /// The experts of every token, numbers in one row, in ascending order.
  std::vector<std::vector<int>> operator()(std::vector<int> const& tokens, int batch_size = 1,
                                           int position = 0, Memory<Float>* memory = nullptr,
                                           bool training = false) {
    arena_.rewind();
    int const rows = int(tokens.size());
    Context<Float> ctx{backend_, arena_, {tokens.data(), batch_size, rows / batch_size, position}};
    ctx.training = training;
    ctx.layer = layer_;
    ctx.memory = memory;
    if (memory != nullptr) memory->cursor = 0;
    Hash::Cache<Float> cache{};
    auto const gates =
        Hash::forward(ctx, config, params, cache, ops::zeros(ctx, rows, 3), experts_);
    std::vector<std::vector<int>> chosen(tokens.size());
    for (int i = 0; i < rows * experts_; ++i) {
      if (gates.selected.data[i] != 0) chosen[std::size_t(i / experts_)].push_back(i % experts_);
    }
    return chosen;
  }

  Hash::Config config;
  Hash::Params<Float> params;
  std::vector<float> table;

 private:
  int experts_, layer_;
  Float backend_{2};
  StepMemory<Float> arena_;
};

constexpr int vocab = 200;
Hash::Config of_kind(HashKind kind, int hashes = 1) {
  return {.kind = kind, .hashes = hashes, .vocab_size = vocab};
}

TEST_CASE("a token has the same expert in every context", "[laws]") {
  for (auto const kind : {HashKind::random, HashKind::balanced}) {
    Routed routed(of_kind(kind, 2), 8);
    std::map<int, std::vector<int>> expert_of;
    for (std::uint64_t text = 0; text < 20; ++text) {
      auto const tokens = laws::ids(60, vocab, text);
      auto const chosen = routed(tokens, text % 2 == 0 ? 1 : 4, int(text), nullptr, text % 3 == 0);
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        REQUIRE(chosen[t].size() == 2);
        REQUIRE(chosen[t][0] / 4 == 0);  // each hash has its own experts
        REQUIRE(chosen[t][1] / 4 == 1);
        REQUIRE(expert_of.try_emplace(tokens[t], chosen[t]).first->second == chosen[t]);
      }
    }
    std::map<std::vector<int>, int> pairs;  // the hashes are independent: all 16 pairs occur
    for (auto const& [token, experts] : expert_of) ++pairs[experts];
    CHECK(pairs.size() == 16);
  }
}

TEST_CASE("what a hash is taken of decides, and nothing else", "[laws]") {
  auto const tokens = laws::ids(400, 6, 3);  // 4 sequences
  std::map<HashKind, std::map<std::pair<int, int>, int>> expert_of;
  std::map<HashKind, int> differ;
  for (auto const kind : {HashKind::bigram, HashKind::previous, HashKind::position}) {
    auto const chosen = Routed(of_kind(kind), 64)(tokens, 4);
    for (int i = 0; i < 400; ++i) {
      int const token = tokens[std::size_t(i)];
      int const previous = i % 100 == 0 ? -1 : tokens[std::size_t(i - 1)];
      auto const key = kind == HashKind::bigram     ? std::pair(previous, token)
                       : kind == HashKind::previous ? std::pair(previous, 0)
                                                    : std::pair(i % 100, 0);
      int const expert = chosen[std::size_t(i)][0];
      REQUIRE(expert_of[kind].try_emplace(key, expert).first->second == expert);
    }
    std::map<int, int> used;
    for (auto const& [key, expert] : expert_of[kind]) ++used[expert];
    differ[kind] = int(used.size());
  }
  CHECK(expert_of[HashKind::bigram].size() >= 36);  // 6 * 6 pairs and some beginnings
  CHECK(expert_of[HashKind::previous].size() == 7);
  CHECK(expert_of[HashKind::position].size() == 100);
  CHECK(differ[HashKind::bigram] > 20);
  CHECK(differ[HashKind::previous] >= 5);
  CHECK(differ[HashKind::position] > 40);
}

TEST_CASE("the beginning of a sequence is no token", "[laws]") {
  Routed routed(of_kind(HashKind::previous), 4096);
  auto const chosen = routed({0, 0, 0, 0, 5, 0}, 2);  // two sequences
  CHECK(chosen[0] == chosen[3]);
  CHECK(chosen[0] != chosen[1]);  // nothing before, token 0 before
  CHECK(chosen[1] == chosen[2]);
  CHECK(chosen[4] == chosen[1]);
  CHECK(chosen[5] != chosen[1]);
}

TEST_CASE("ids above 2^24 are not rounded on their way through the memory", "[laws]") {
  Routed routed(of_kind(HashKind::previous), 4096);
  constexpr int large = (1 << 24) + 1;
  auto const chosen = routed({large, large - 1, large + 1, 0});
  CHECK(chosen[1] != chosen[2]);
  CHECK(chosen[1] != chosen[3]);
  CHECK(chosen[2] != chosen[3]);
}

TEST_CASE("decoding token by token takes the routes of the whole sequence", "[laws]") {
  constexpr int batch_size = 3, length = 11;
  for (auto const kind : {HashKind::random, HashKind::balanced, HashKind::bigram,
                          HashKind::previous, HashKind::position}) {
    Routed routed(of_kind(kind, 2), 16);
    auto const tokens = laws::ids(batch_size * length, vocab, 8);
    auto const whole = routed(tokens, batch_size);
    for (auto const& pieces : {std::vector<int>(length, 1), {4, 1, 1, 3, 2}, {length}}) {
      Memory<Float> memory{.batch_size = batch_size, .max_seq_len = 13};
      int position = 0;
      for (int const piece : pieces) {
        std::vector<int> now;
        std::vector<std::vector<int>> expected;
        for (int b = 0; b < batch_size; ++b) {
          auto const at = b * length + position;
          now.insert(now.end(), tokens.begin() + at, tokens.begin() + at + piece);
          expected.insert(expected.end(), whole.begin() + at, whole.begin() + at + piece);
        }
        CAPTURE(int(kind), position, piece);
        REQUIRE(routed(now, batch_size, position, &memory) == expected);
        position += piece;
      }
    }
  }
}

/// The largest load of an expert over the mean, on a text with these counts.
double imbalance(std::vector<std::vector<int>> const& chosen,
                 std::vector<std::int64_t> const& counts, int experts) {
  std::vector<double> load(std::size_t(experts), 0);
  double all = 0;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    load[std::size_t(chosen[id][0])] += double(counts[id]);
    all += double(counts[id]);
  }
  return *std::max_element(load.begin(), load.end()) / (all / experts);
}
std::vector<int> every_id(int count) {
  std::vector<int> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST_CASE("only a fitted table balances a text that obeys Zipf's law", "[laws]") {
  constexpr int ids = 5000, experts = 8;
  auto const counts = zipf(ids);  // the first token makes up 11 %, less than 1 / experts
  double random_sum = 0, least = INFINITY;
  for (std::uint64_t salt = 1; salt <= 40; ++salt) {
    Hash::Config c{.kind = HashKind::balanced, .vocab_size = ids, .salt = salt};
    CHECK(imbalance(Routed(c, experts, counts)(every_id(ids)), counts, experts) < 1.001);
    c.kind = HashKind::random;
    auto const random = imbalance(Routed(c, experts)(every_id(ids)), counts, experts);
    random_sum += random;
    least = std::min(least, random);
  }
  CHECK(random_sum / 40 == Approx(1.89).margin(0.25));
  CHECK(least > 1.1);
}

TEST_CASE("a token that is more than an expert's share cannot be balanced away", "[laws]") {
  auto const counts = zipf(5000, 1.5);  // the first token makes up 39 %
  double const all = double(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  Hash::Config const c{.kind = HashKind::balanced, .vocab_size = 5000};
  CHECK(imbalance(Routed(c, 8, counts)(every_id(5000)), counts, 8) ==
        Approx(double(counts[0]) * 8 / all).epsilon(1e-9));
}

TEST_CASE("ids that a text lacks are spread, not piled up", "[laws]") {
  std::vector<std::int64_t> counts(4000);
  for (std::size_t i = 0; i < 100; ++i) counts[i] = 7;
  Hash::Config const c{.kind = HashKind::balanced, .vocab_size = 4000};
  auto const chosen = Routed(c, 4, counts)(every_id(4000));
  CHECK(imbalance(chosen, counts, 4) == 1);
  CHECK(imbalance(chosen, std::vector<std::int64_t>(4000, 1), 4) < 1.1);
}

TEST_CASE("layers and salts have partitions of their own, unless told otherwise", "[laws]") {
  auto const together = [](std::vector<std::vector<int>> const& a,
                           std::vector<std::vector<int>> const& b) {
    int pairs = 0, kept = 0;  // of the 64 most frequent ids: sharing an expert in a, in both
    for (std::size_t i = 0; i < 64; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        pairs += a[i] == a[j];
        kept += a[i] == a[j] && b[i] == b[j];
      }
    }
    REQUIRE(pairs > 0);
    return double(kept) / pairs;
  };
  for (auto const kind : {HashKind::random, HashKind::balanced}) {
    auto const chosen = [&](int layer, bool per_layer, std::uint64_t salt) {
      auto c = of_kind(kind);
      c.per_layer = per_layer;
      c.salt = salt;
      return Routed(c, 4, {}, layer)(every_id(vocab));
    };
    CHECK(together(chosen(0, true, 1), chosen(1, true, 1)) < 0.45);  // 1 / 4 by chance
    CHECK(together(chosen(0, true, 1), chosen(0, true, 2)) < 0.45);
    CHECK(chosen(0, false, 1) == chosen(1, false, 1));
    CHECK(chosen(3, true, 1) == chosen(3, true, 1));
  }
}

TEST_CASE("a table must be fitted, to all ids, before it is used", "[laws]") {
  Routed routed(of_kind(HashKind::balanced), 4);
  CHECK_THROWS_WITH(
      Hash::fit({std::vector<std::int64_t>(vocab - 1), {.num_experts = 4}}, routed.config,
                routed.params),
      "Hash: there must be a token count for each of the vocab_size ids (199 vs 200)");
  std::vector<std::int64_t> counts(vocab);
  counts[7] = -3;
  CHECK_THROWS_WITH(Hash::fit({counts, {.num_experts = 4}}, routed.config, routed.params),
                    "Hash: token counts must be at least 0, but token 7 has -3");
  for (int const id : {-1, vocab, 1 << 30}) {
    CHECK_THROWS_WITH(
        routed({0, id}),
        "Hash: token ids must lie in 0..199, below vocab_size, got " + std::to_string(id));
  }
  for (float const entry : {0.f, 5.f, -1.f, 1e30f, NAN, INFINITY}) {  // a damaged checkpoint
    routed.table[3] = entry;
    CHECK_THROWS_WITH(routed({0, 3}),
                      "Hash: the balanced table holds no expert for token 3; it must be fitted to "
                      "the training text");
    CHECK_NOTHROW(routed({0, 4}));
  }
}

TEST_CASE("a hash needs the ids of its items", "[laws]") {
  Float backend(1);
  StepMemory<Float> arena;
  Context<Float> ctx{backend, arena, {nullptr, 1, 4}};
  Hash::Cache<Float> cache{};
  for (auto const kind : {HashKind::random, HashKind::bigram}) {
    CHECK_THROWS_AS(Hash::forward(ctx, of_kind(kind), {}, cache, ops::zeros(ctx, 4, 3), 4),
                    ConfigError);
  }
  std::vector<int> const tokens(4);
  ctx.batch.tokens = tokens.data();
  CHECK_THROWS_WITH(Hash::forward(ctx, {}, {}, cache, ops::zeros(ctx, 1, 3), 4),
                    "Hash: an item must be a token of the batch (1 vs 4)");
}

TEST_CASE("hash settings outside their range are refused", "[laws]") {
  auto const problems_of = [](Hash::Config const& c) {
    Problems problems;
    Hash::check(c, {.num_experts = 6}, problems);
    return problems.str();
  };
  CHECK(problems_of({}).empty());
  CHECK(problems_of({.hashes = 3}).empty());
  for (int const hashes : {-1, 0, 4, 7}) {
    CHECK(problems_of({.hashes = hashes}) ==
          "hashes: hashes must be a divisor of 6, the number of experts, got " +
              std::to_string(hashes));
  }
  CHECK(problems_of({.kind = HashKind::balanced, .vocab_size = 9}).empty());
  CHECK(problems_of({.kind = HashKind::balanced}) ==
        "vocab_size: vocab_size must be that of the model, in 1..268435456, when kind = balanced, "
        "got 0");
}

}  // namespace
