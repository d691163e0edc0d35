// SPDX-License-Identifier: Apache-2.0
// Sequences of unequal length in one batch, each at its own position, get what they get alone.
#include "model/models.hpp"
#include "moenda/infer/generate.hpp"

namespace {

using namespace models;
using laws::Double, laws::Float;
using router::HashKind;

using Windowed = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Learned>, expert::SwiGlu>>;
using Hashed = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                     Mixture<OneOf<router::Hash, router::Uniform, router::Random>, expert::Ffn>>>;

struct Learned {
  static constexpr bool has_experts = false;
  using Model = Gpt2;
  static Model::Config config() { return gpt2(); }
};
struct Rope {
  static constexpr bool has_experts = true;
  using Model = MoeGqa;
  static Model::Config config() { return moe_gqa(); }
};
struct Window {
  static constexpr bool has_experts = false;
  using Model = Windowed;
  static Model::Config config() {
    return {.vocab_size = 31,
            .context_length = 12,
            .d_model = 8,
            .num_layers = 2,
            .block = {.attention = {.num_heads = 6,
                                    .num_kv_heads = 2,
                                    .head_dim = 3,
                                    .bias = attention::Bias::all,
                                    .window = 4},
                      .ffn = {.hidden = 7}}};
  }
};
struct ByRoute {
  static constexpr bool has_experts = true;
  using Model = Hashed;
  static Model::Config config() {
    return {.vocab_size = 31,
            .context_length = 12,
            .d_model = 8,
            .num_layers = 2,
            .block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 4},
                      .ffn = {.experts = {.count = 4, .each = {.hidden = 6}}}}};
  }
};
template <HashKind hash_kind>
struct ByHash : ByRoute {
  static Model::Config config() {
    auto c = ByRoute::config();
    c.block.ffn.router = router::Hash::Config{.kind = hash_kind};
    return c;
  }
};
struct ByTurns : ByRoute {
  static Model::Config config() {
    auto c = ByRoute::config();
    c.block.ffn.router = router::Uniform::Config{.top_k = 2};
    return c;
  }
};
struct ByLot : ByRoute {
  static Model::Config config() {
    auto c = ByRoute::config();
    c.block.ffn.router = router::Random::Config{.top_k = 2};
    return c;
  }
};
using Cases = std::tuple<Learned, Rope, Window, ByHash<HashKind::random>, ByHash<HashKind::bigram>,
                         ByHash<HashKind::previous>, ByHash<HashKind::position>, ByTurns, ByLot>;

/// Texts of 5, 1, 9, 2 and 7 tokens.
std::vector<std::vector<int>> texts() {
  std::vector<std::vector<int>> all;
  for (int const length : {5, 1, 9, 2, 7}) all.push_back(laws::ids(length, 31, 3 + all.size()));
  return all;
}
/// The logits after every token of `text`, read one after the other.   [tokens][vocab_size]
template <class Network>
auto alone(Network& network, std::vector<int> const& text) {
  using B = std::remove_reference_t<decltype(network.backend)>;
  Memory<B> memory{.batch_size = 1, .max_seq_len = 12};
  std::vector<std::vector<typename B::Scalar>> logits;
  for (std::size_t t = 0; t < text.size(); ++t) {
    logits.push_back(copy_of(network.last_logits({&text[t], 1, 1, int(t)}, &memory)));
  }
  return logits;
}
template <class T>
std::vector<T> row_of(std::vector<T> const& logits, std::size_t b) {
  return {logits.begin() + std::ptrdiff_t(b) * 31, logits.begin() + std::ptrdiff_t(b + 1) * 31};
}

TEMPLATE_LIST_TEST_CASE("prompts of unequal length are continued as alone", "[model]", Cases) {
  Double backend(2);
  Network<typename TestType::Model, Double> network(backend, TestType::config(), 3, 0.5);
  auto const prompts = texts();
  Sampler::Config const sampling{.temperature = GENERATE(0.0, 0.8)};
  for (std::size_t count = 1; count <= prompts.size(); ++count) {
    CAPTURE(count);
    auto const some = std::span(prompts).first(count);
    auto const together = generate(network, some, 17, sampling);  // every window of 12 slides
    REQUIRE(together.size() == count);
    for (std::size_t b = 0; b < count; ++b) {
      CHECK(together[b] == generate(network, std::span(prompts[b]), 17, sampling));
    }
    for (int const rows : {1, 7, 12}) {  // of a pass: prompts are read in pieces
      CAPTURE(rows);
      CHECK(generate(network, some, 17, sampling, -1, {}, 0, rows) == together);
    }
  }
}

TEMPLATE_LIST_TEST_CASE("logits of unequal prompts are those of each alone", "[model]", Cases) {
  Double backend(2);
  Network<typename TestType::Model, Double> network(backend, TestType::config(), 3, 0.5);
  network.arena.poison(true);
  auto const prompts = texts();
  // First all but the last three tokens (of a short text fewer), padded with token 0; then one by
  // one, and those that have none wait.
  std::vector<int> tokens(5 * 6, 0), lengths, positions(5, 0);
  for (std::size_t b = 0; b < 5; ++b) {
    lengths.push_back(std::max(0, int(prompts[b].size()) - 3));
    std::copy_n(prompts[b].begin(), lengths[b], tokens.begin() + std::ptrdiff_t(b) * 6);
  }
  Memory<Double> memory{.batch_size = 5, .max_seq_len = 12};
  Batch batch{tokens.data(), 5, 6};
  batch.lengths = lengths.data(), batch.positions = positions.data();
  while (true) {
    auto const got = copy_of(network.last_logits(batch, &memory));
    bool more = false;
    for (std::size_t b = 0; b < 5; ++b) {
      if (lengths[b] > 0) {
        auto const want = alone(network, prompts[b]);
        CAPTURE(b, positions[b], lengths[b]);
        CHECK(laws::distance(row_of(got, b), want[std::size_t(positions[b] + lengths[b] - 1)]) <=
              1e-10);
      }
      positions[b] += lengths[b];
      lengths[b] = positions[b] < int(prompts[b].size()) ? 1 : 0;
      tokens[b] = lengths[b] == 0 ? 0 : prompts[b][std::size_t(positions[b])];
      more = more || lengths[b] > 0;
    }
    CHECK(memory.lens == positions);
    if (!more) break;
    batch.seq_len = 1;
  }
}

TEMPLATE_LIST_TEST_CASE("few sequences that begin at different times get the bits they get alone",
                        "[model]", Cases) {
  Float backend(2);
  Network<typename TestType::Model, Float> network(backend, TestType::config(), 3, 0.5);
  auto const prompts = texts();
  std::vector<int> tokens(5), lengths(5), positions(5, 0);
  Memory<Float> memory{.batch_size = 5, .max_seq_len = 12};
  Batch batch{tokens.data(), 5, 1};
  batch.lengths = lengths.data(), batch.positions = positions.data();
  for (int step = 0; step < 14; ++step) {  // sequence b begins at step b
    for (std::size_t b = 0; b < 5; ++b) {
      lengths[b] = step >= int(b) && positions[b] < int(prompts[b].size()) ? 1 : 0;
      tokens[b] = lengths[b] == 1 ? prompts[b][std::size_t(positions[b])] : 0;
    }
    auto const got = copy_of(network.last_logits(batch, &memory));
    for (std::size_t b = 0; b < 5; ++b) {
      if (lengths[b] == 0) continue;
      CAPTURE(step, b);
      CHECK(laws::same_bits(row_of(got, b), alone(network, prompts[b])[std::size_t(positions[b])]));
      positions[b] += 1;
    }
  }
  for (std::size_t b = 0; b < 5; ++b) CHECK(positions[b] == int(prompts[b].size()));
}

TEMPLATE_LIST_TEST_CASE("a prompt in pieces has the logits of the whole", "[model]", Cases) {
  Float backend(2);
  auto config = TestType::config();
  config.context_length = 200;
  Network<typename TestType::Model, Float> network(backend, config, 3, 0.5);
  auto const text = laws::ids(190, 31, 4);
  auto const whole = copy_of(network.logits({text.data(), 1, 190}));
  for (int const longest : {100, 64, 50, 9}) {  // windows and tiles of keys lie across their ends
    CAPTURE(longest);
    Memory<Float> memory{.batch_size = 1, .max_seq_len = 200};
    std::vector<float> logits;
    for (int begin = 0, length = 0; begin < 190; begin += length) {
      length = std::min(longest, 190 - begin);
      if (190 - begin - length < 9) length = 190 - begin;  // few rows add up in another order
      auto const piece = copy_of(network.logits({text.data() + begin, 1, length, begin}, &memory));
      logits.insert(logits.end(), piece.begin(), piece.end());
    }
    // So do the few rows of an expert, and then others follow from them.
    if (TestType::has_experts) CHECK(laws::distance(logits, whole) <= 1e-6);
    if (!TestType::has_experts) CHECK(laws::same_bits(logits, whole));
  }
}

TEST_CASE("equal positions of each are the position of all, bit by bit", "[model]") {
  Float backend(1);
  Network<Windowed, Float> network(backend, Window::config(), 3, 0.5);
  TextBatch text(3, 4, 31);
  std::vector<int> const zeros(3, 0), fours(3, 4), whole(3, 4);
  Memory<Float> one{.batch_size = 3, .max_seq_len = 12}, other{.batch_size = 3, .max_seq_len = 12};
  for (auto const* positions : {&zeros, &fours}) {
    auto batch = text.batch;
    batch.position = positions->front();
    auto const expected = copy_of(network.logits(batch, &one));
    batch.position = 0, batch.positions = positions->data(), batch.lengths = whole.data();
    CHECK(laws::same_bits(copy_of(network.logits(batch, &other)), expected));
  }
}

TEST_CASE("a text that ends leaves the others alone", "[model]") {
  Double backend(1);
  Network<MoeGqa, Double> network(backend, moe_gqa(), 3, 0.5);
  auto const prompts = texts();
  auto const whole = generate(network, std::span(prompts), 20, {.temperature = 0});
  int const stop = whole[2][12];
  std::vector<std::vector<int>> heard(5);
  auto const got = generate(network, std::span(prompts), 20, {.temperature = 0}, stop,
                            [&](std::size_t prompt, int id) { heard[prompt].push_back(id); });
  std::size_t ended = 0;
  for (std::size_t b = 0; b < 5; ++b) {
    auto const begin = whole[b].begin() + std::ptrdiff_t(prompts[b].size());
    auto const end = std::find(begin, whole[b].end(), stop);
    CHECK(got[b] == std::vector<int>(whole[b].begin(), end));
    CHECK(heard[b] == std::vector<int>(begin, end));
    ended += end != whole[b].end();
  }
  CHECK(ended >= 1);
  CHECK(generate(network, std::span<std::vector<int> const>(), 3, {}).empty());
  std::vector<std::vector<int>> const one_is_empty{{1}, {}};
  CHECK_THROWS_WITH(generate(network, std::span(one_is_empty), 3, {}),
                    "generate: prompt 1 must hold at least one token");
}

TEST_CASE("each sequence is held against the context and its memory", "[model]") {
  Float backend(1);
  Network<MoeGqa, Float> network(backend, moe_gqa());
  std::vector<int> const tokens(8);
  std::vector<int> lengths{4, 2}, positions{0, 0};
  Memory<Float> memory{.batch_size = 2, .max_seq_len = 9};
  Batch batch{tokens.data(), 2, 4};
  batch.lengths = lengths.data(), batch.positions = positions.data();
  CHECK_NOTHROW(network.last_logits(batch, &memory));
  positions = {4, 3};
  CHECK_THROWS_WITH(network.logits(batch, &memory),
                    "Memory: sequence 1 starts at position 3, but 2 of its positions are held");
  positions = {3, 2};  // the last token of sequence 0 is read again
  CHECK_NOTHROW(network.logits(batch, &memory));
  CHECK(memory.lens == std::vector<int>{7, 4});
  positions = {7, 4};
  lengths = {3, 0};
  CHECK_THROWS_WITH(network.logits(batch, &memory),
                    "Memory: sequence 0 would be 10 positions long, but max_seq_len is 9");
  lengths = {2, 4};
  positions = {7, 9};
  CHECK_THROWS_WITH(network.logits(batch, &memory),
                    "Batch: sequence 1 would be 13 positions long, but context_length is 12");
  positions = {-1, 4};
  CHECK_THROWS_WITH(network.logits(batch, &memory),
                    "Batch: sequence 0 starts at position -1, but positions must be at least 0");
  positions = {7, 4};
  lengths = {2, 5};
  CHECK_THROWS_WITH(network.logits(batch, &memory),
                    "Batch: the length of sequence 1 is 5, but lengths must lie in 0..4");
  CHECK(memory.lens == std::vector<int>{7, 4});  // what was refused changed nothing
}

TEST_CASE("learned positions of each sequence get their gradients", "[model]") {
  Double backend(1);
  Training<Gpt2, Double> network(backend, gpt2(), 3, 0.3);
  TextBatch text(2, 4, 31);
  std::vector<int> const positions{5, 2};
  auto batch = text.batch;
  batch.positions = positions.data();
  network.accumulate_gradients(batch, text.targets, 0.5);
  auto const together = network.gradients.on_host();
  network.zero_gradients();
  for (int b = 0; b < 2; ++b) {
    network.accumulate_gradients({text.tokens.data() + b * 4, 1, 4, positions[std::size_t(b)]},
                                 std::span(text.targets).subspan(std::size_t(b) * 4, 4), 0.25);
  }
  CHECK(laws::distance(network.gradients.on_host(), together) <= 1e-12);
}

}  // namespace
