// SPDX-License-Identifier: Apache-2.0
// What is new here: OneOf<...> holds several modules of one role, and a line of TOML picks one.
// 2 norms x 2 attentions x 3 positions x (2 routers + 2 dense layers) = 48 models, compiled once.
#include <cstdio>
#include <moenda/moenda.hpp>
#include <moenda/toml/read.hpp>

#include "two_layer_router.hpp"  // from example 02

using namespace moenda;

using Position = OneOf<position::Rope, position::Learned, position::None>;
using Model = LanguageModel<
    TransformerBlock<OneOf<norm::Rms, norm::Layer>,
                     OneOf<attention::GroupedQuery<Position>, attention::MultiHead<Position>>,
                     OneOf<Mixture<OneOf<router::TopK, router::TwoLayer>, expert::SwiGlu>,
                           expert::Ffn, expert::SwiGlu>>>;

constexpr char const* base = R"(
vocab_size = 256
context_length = 128
d_model = 32
num_layers = 2
[block.attention]
num_heads = 4
num_kv_heads = 2
head_dim = 8
[block.ffn]
experts = { count = 4, each = { hidden = 64 } }
)";

/// The model of `base` with one line laid over it. Throws ConfigError.
Model::Config read(char const* line) {
  auto table = io::parse_toml(base, "base.toml");
  io::merge_toml(table, io::parse_toml(line, "line.toml"));
  Model::Config config;
  io::read_toml(table, config, "");
  io::refuse_problems(table, "", Model::check(config));
  return config;
}

int main() {
  std::puts("parameters  active  with this line");
  for (char const* line : {
           "num_layers = 2",
           "block.norm = 'layer'",
           "block.attention = { type = 'multi_head', num_heads = 4, head_dim = 8 }",
           "block.attention.position = 'learned'",
           "block.ffn = { type = 'swiglu', hidden = 64 }",
           "block.ffn.router = 'two_layer'",
           "block.ffn.router.top_k = 1",
       }) {
    auto const config = read(line);
    std::printf("%10td  %6td  %s\n", Model::parameter_count(config),
                Model::active_parameter_count(config), line);
  }
  std::puts("\nrefused:");
  for (char const* line :
       {"block.ffn.router.topk = 1", "block.norm = 'batch'", "block.ffn.router.top_k = 5"}) {
    try {
      read(line);
    } catch (ConfigError const& error) {
      std::printf("%s\n", error.what());
    }
  }
}
