// SPDX-License-Identifier: Apache-2.0
// Everything of the library that runs on several threads, with every kernel compiled here: the
// pool, a tokenizer shared by threads, training and generating. Prints how many jobs it was; a
// result that differs from that of one thread ends it with 1.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "moenda/data/text/encode_documents.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/moenda.hpp"
#include "moenda/train/trainer.hpp"

using namespace moenda;
using Backend = cpu::Backend<float>;
using Model = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing, loss::RouterZ>>>;

namespace {

void require_same(bool same, char const* what) {
  if (same) return;
  std::printf("%s must not depend on threads\n", what);
  std::exit(1);
}

/// Jobs of several callers, jobs within jobs, errors of workers.
long try_pool() {
  ThreadPool pool(4);
  std::atomic<long> parts = 0;
  auto const call = [&] {
    for (int job = 0; job < 200; ++job) {
      pool.parallel_for(9, [&](std::int64_t begin, std::int64_t end) {
        parts += end - begin;
        pool.parallel_for(2, [&](std::int64_t, std::int64_t) { ++parts; });
      });
    }
  };
  std::thread other(call);
  call();
  other.join();
  for (int job = 0; job < 20; ++job) {
    try {
      pool.parallel_for(4, [](std::int64_t, std::int64_t) { throw DataError("of a worker"); });
    } catch (DataError const&) {
      ++parts;
    }
  }
  return parts;
}

long try_tokenizer() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "the cat number " + std::to_string(i % 97) + "\n";
  data::Tokenizer const tokenizer(data::train_bpe({text}, {.vocab_size = 300}));
  std::vector<std::string_view> const texts(12, text);
  ThreadPool one(1), four(4);
  auto const ids = encode_documents(tokenizer, texts, four);
  require_same(ids == encode_documents(tokenizer, texts, one), "tokens");
  return long(texts.size());
}

/// Weights after two steps, and a text.
std::vector<float> trained(int threads, std::vector<int>& written) {
  Model::Config config{
      .vocab_size = 31,
      .context_length = 24,
      .d_model = 32,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 8},
                .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 32}}}}};
  get<loss::LoadBalancing>(config.block.ffn.loss).weight = 0.5;
  Backend backend(threads);
  Training<Model, Backend> network(backend, config);
  std::vector<std::uint16_t> text(2000);
  for (std::size_t i = 1; i < text.size(); ++i)
    text[i] = std::uint16_t((text[i - 1] * 3 + i % 5) % 31);
  Trainer trainer(network, {.steps = 2, .batch_size = 8}, data::TokenStream(text));
  for (int step = 0; step < 2; ++step) (void)trainer.step();
  written = generate(network, std::vector<int>{1, 2, 3}, 8, {.temperature = 0.5});
  return {network.values.data(), network.values.data() + network.values.size()};
}

}  // namespace

int main() {
  long const parts = try_pool(), texts = try_tokenizer();
  std::vector<int> of_one, of_four;
  require_same(trained(1, of_one) == trained(4, of_four), "weights");
  require_same(of_one == of_four, "a generated text");
  std::printf("%ld parts of jobs, %ld texts, 2 training steps\n", parts, texts);
}
