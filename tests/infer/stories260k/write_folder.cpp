// SPDX-License-Identifier: Apache-2.0
// write_folder STORIES260K.BIN FOLDER: a model of llama2.c as a folder that transformers loads.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "infer/llama_file.hpp"
#include "moenda/import/hugging_face/write_folder.hpp"
#include "moenda/train/checkpoint.hpp"

int main(int argc, char** argv) try {
  namespace hf = moenda::hugging_face;
  if (argc != 3) return 2;
  std::filesystem::path const folder = argv[2], weights = folder.string() + ".weights";
  stories::LlamaFile file(argv[1]);
  stories::B backend(1);
  moenda::Network<stories::Llama, stories::B> network(backend, file.config(), moenda::unfilled);
  file.fill(network);
  moenda::save_model(network, weights);
  hf::Description d{hf::Family::llama, {}};
  auto const& c = network.config;
  d.model.vocab_size = c.vocab_size;
  d.model.context_length = c.context_length;
  d.model.d_model = c.d_model;
  d.model.num_layers = c.num_layers;
  d.model.tied_head = c.tied_head;
  d.model.block.norm = c.block.norm;
  d.model.block.attention.num_heads = c.block.attention.num_heads;
  d.model.block.attention.num_kv_heads = c.block.attention.num_kv_heads;
  d.model.block.attention.head_dim = c.block.attention.head_dim;
  d.model.block.attention.position = c.block.attention.position;
  d.model.block.ffn = c.block.ffn;
  hf::write_folder(folder, d, moenda::io::SafetensorsFile(weights));
  return 0;
} catch (std::exception const& error) {
  std::fprintf(stderr, "write_folder: %s\n", error.what());
  return 1;
}
