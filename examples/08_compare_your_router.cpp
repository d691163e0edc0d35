// SPDX-License-Identifier: Apache-2.0
// What is new here: a router of your own (narrow_router.hpp) against one of the library. Both train
// from the same three seeds, and the differences between partners say what may be said of them.
#include <cstdio>
#include <moenda/data/tokenizer/byte_tokenizer.hpp>
#include <moenda/moenda.hpp>
#include <moenda/statistics/paired.hpp>
#include <moenda/train/trainer.hpp>

#include "narrow_router.hpp"

using namespace moenda;

// The config picks one of the two; in a TOML file `router = "narrow"` would.
using Router = OneOf<router::TopK, router::Narrow>;
using Model = LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                             Mixture<Router, expert::SwiGlu>>>;
using Backend = cpu::Backend<double>;  // so that every compiler prints the same digits

// Luís de Camões, Os Lusíadas (1572, public domain), canto I: two stanzas to learn from...
constexpr char const* learnt =
    "As armas e os barões assinalados,\nQue da ocidental praia Lusitana,\n"
    "Por mares nunca de antes navegados,\nPassaram ainda além da Taprobana,\n"
    "Em perigos e guerras esforçados,\nMais do que prometia a força humana,\n"
    "E entre gente remota edificaram\nNovo Reino, que tanto sublimaram;\n"
    "E também as memórias gloriosas\nDaqueles Reis, que foram dilatando\n"
    "A Fé, o Império, e as terras viciosas\nDe África e de Ásia andaram devastando;\n"
    "E aqueles, que por obras valerosas\nSe vão da lei da morte libertando;\n"
    "Cantando espalharei por toda parte,\nSe a tanto me ajudar o engenho e arte.\n";
// ...and the third to be tested on.
constexpr char const* unseen =
    "Cessem do sábio Grego e do Troiano\nAs navegações grandes que fizeram;\n"
    "Cale-se de Alexandro e de Trajano\nA fama das vitórias que tiveram;\n"
    "Que eu canto o peito ilustre Lusitano,\nA quem Neptuno e Marte obedeceram:\n"
    "Cesse tudo o que a Musa antígua canta,\nQue outro valor mais alto se alevanta.\n";

std::vector<int> encode(char const* text) {
  std::vector<int> ids;
  data::ByteTokenizer::Encoder(data::ByteTokenizer()).append(text, ids);
  return ids;
}

/// Trains one model; the loss of text that it has not seen.
double test_loss(Router::Config const& router, std::uint64_t seed) {
  Model::Config config{.vocab_size = 257, .context_length = 32, .d_model = 16, .num_layers = 2};
  config.block = {.attention = {.num_heads = 2, .num_kv_heads = 1, .head_dim = 8},
                  .ffn = {.router = router, .experts = {.count = 8, .each = {.hidden = 16}}}};
  Backend backend;
  Training<Model, Backend> network(backend, config, seed);
  auto const text = encode(learnt);
  TrainConfig const how{
      .steps = 100, .stride = 1, .seed = seed, .optimizer = {.learning_rate = 0.01}};
  Trainer trainer(network, how,
                  data::TokenStream(std::vector<std::uint16_t>(text.begin(), text.end())));
  while (trainer.step_count() < trainer.steps()) trainer.step();
  auto const ids = encode(unseen);
  return network.evaluate({ids.data(), 9, 32}, std::span(ids).subspan(1, 9 * 32)).mean;
}

int main() {
  std::puts("seed  top_k  narrow");
  std::vector<double> library, yours;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    library.push_back(test_loss(Router::choose<router::TopK>({.top_k = 2}), seed));
    yours.push_back(test_loss(Router::choose<router::Narrow>({.top_k = 2, .width = 2}), seed));
    std::printf("%4d %6.3f %7.3f\n", int(seed), library.back(), yours.back());
  }
  double const margin = 0.1;  // nats per byte that would not matter to us
  auto const found = statistics::compare_paired(yours, library, margin);
  std::printf("\nnarrow - top_k: %.3f, 95 %% interval %.3f to %.3f\n", found.difference,
              found.interval.low, found.interval.high);
  std::printf("verdict, for a margin of %.1f: %s\n", margin,
              enum_names(found.verdict)[std::size_t(found.verdict)]);
}
