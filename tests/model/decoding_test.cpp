// SPDX-License-Identifier: Apache-2.0
// Remembered keys and values give what reading everything again gives.
#include "model/models.hpp"

namespace {

using namespace models;

template <class M, class B>
void pieces_agree(typename M::Config const& config, std::vector<int> const& pieces, double bound) {
  constexpr int batch_size = 2, length = 11;
  B backend(2);
  Network<M, B> network(backend, config, 3, 0.3);
  network.arena.poison(true);
  TextBatch text(batch_size, length, config.vocab_size);
  auto const whole = copy_of(network.logits(text.batch));
  Memory<B> memory{.batch_size = batch_size, .max_seq_len = config.context_length};
  int position = 0;
  for (int const count : pieces) {
    std::vector<int> now;
    for (int b = 0; b < batch_size; ++b) {
      auto const from = text.tokens.begin() + b * length + position;
      now.insert(now.end(), from, from + count);
    }
    auto const got = copy_of(network.logits({now.data(), batch_size, count, position}, &memory));
    auto const vocab = std::size_t(config.vocab_size);
    for (std::size_t b = 0; b < batch_size; ++b) {
      auto const rows = std::size_t(count) * vocab;
      auto const at = (b * length + std::size_t(position)) * vocab;
      CAPTURE(position, count, b);
      REQUIRE(laws::distance(std::span(got).subspan(b * rows, rows),
                             std::span(whole).subspan(at, rows)) <= bound);
    }
    position += count;
  }
  REQUIRE(position == length);
}

TEMPLATE_TEST_CASE("decoding piece by piece is the full forward", "[model]", Gpt2, MoeGqa) {
  auto const config = config_of<TestType>();
  std::vector<int> const one_by_one(11, 1);
  pieces_agree<TestType, laws::Double>(config, one_by_one, 1e-10);
  pieces_agree<TestType, laws::Double>(config, {4, 1, 1, 3, 2}, 1e-10);
  pieces_agree<TestType, laws::Double>(config, {11}, 1e-10);
  pieces_agree<TestType, laws::Float>(config, {5, 1, 1, 1, 3}, 1e-4);
}

TEST_CASE("last_logits is the last row of logits", "[model]") {
  laws::Double backend(1);
  Network<MoeGqa, laws::Double> network(backend, moe_gqa(), 3, 0.3);
  TextBatch text(3, 7, 31);
  auto const all = copy_of(network.logits(text.batch));
  auto const last = copy_of(network.last_logits(text.batch));
  for (std::size_t b = 0; b < 3; ++b) {
    CHECK(laws::distance(std::span(last).subspan(b * 31, 31),
                         std::span(all).subspan((b * 7 + 6) * 31, 31)) <= 1e-14);
  }
}

TEST_CASE("a memory is not used beyond its size", "[model]") {
  laws::Float backend(1);
  Network<MoeGqa, laws::Float> network(backend, moe_gqa());
  std::vector<int> const tokens(12);
  Memory<laws::Float> memory{.batch_size = 1, .max_seq_len = 6};
  CHECK_NOTHROW(network.logits({tokens.data(), 1, 6, 0}, &memory));
  CHECK_THROWS_WITH(network.logits({tokens.data(), 1, 1, 6}, &memory),
                    "Memory: position + seq_len must fit max_seq_len (7 vs 6)");
  CHECK_THROWS_WITH(network.logits({tokens.data(), 2, 1, 3}, &memory),
                    "Memory: batch_size must stay the same (2 vs 1)");
  CHECK_NOTHROW(network.logits({tokens.data(), 1, 1, 5}, &memory));
}

}  // namespace
