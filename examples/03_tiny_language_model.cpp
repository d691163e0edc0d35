// SPDX-License-Identifier: Apache-2.0
// What is new here: a whole language model. Bytes are the tokens, a Trainer takes the steps, and
// generate() continues a prompt, by heart once the loss is small.
#include <cstdio>
#include <moenda/data/tokenizer/byte_tokenizer.hpp>
#include <moenda/infer/generate.hpp>
#include <moenda/moenda.hpp>
#include <moenda/train/trainer.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
using Model = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope, attention::QkNorm>,
                     Mixture<router::TopK, expert::SwiGlu, loss::LoadBalancing>>>;

// Luís de Camões, Os Lusíadas (1572, public domain), canto I, first stanza.
constexpr char const* stanza =
    "As armas e os barões assinalados,\n"
    "Que da ocidental praia Lusitana,\n"
    "Por mares nunca de antes navegados,\n"
    "Passaram ainda além da Taprobana,\n"
    "Em perigos e guerras esforçados,\n"
    "Mais do que prometia a força humana,\n"
    "E entre gente remota edificaram\n"
    "Novo Reino, que tanto sublimaram;\n";

int main() {
  data::ByteTokenizer const tokenizer;
  std::vector<int> ids;
  data::ByteTokenizer::Encoder(tokenizer).append(stanza, ids);

  Model::Config config{
      .vocab_size = tokenizer.vocab_size(),
      .context_length = 48,
      .d_model = 32,
      .num_layers = 2,
      .block = {.attention = {.num_heads = 4, .num_kv_heads = 2, .head_dim = 8},
                .ffn = {.router = {.top_k = 2}, .experts = {.count = 4, .each = {.hidden = 32}}}}};
  get<loss::LoadBalancing>(config.block.ffn.loss).weight = 0.01;
  std::printf("%zu tokens of text; %td parameters, of which a token uses %td\n\n", ids.size(),
              Model::parameter_count(config), Model::active_parameter_count(config));

  Backend backend;
  Training<Model, Backend> network(backend, config);
  std::vector<std::uint16_t> text(ids.begin(), ids.end());
  text.insert(text.end(), ids.begin(), ids.end());  // twice: the end is seen as often as the rest
  Trainer trainer(network, {.steps = 250, .stride = 1, .optimizer = {.learning_rate = 0.01}},
                  data::TokenStream(text));
  double loss = trainer.step().loss.mean;
  std::printf("loss at the first step  %.1f\n", loss);
  while (trainer.step_count() < trainer.steps()) loss = trainer.step().loss.mean;
  std::printf("loss at the last step   %.1f\n\n", loss);

  auto const prompt = std::span<int const>(ids).first(14);
  auto const written =
      generate(network, prompt, int(ids.size() - prompt.size()), {.temperature = 0});
  std::printf("From \"%.14s\" on:\n", stanza);
  for (int const id : written) std::printf("%.1s", tokenizer.token(id).data());
  std::printf("\nword for word: %s\n", written == ids ? "yes" : "no");
}
