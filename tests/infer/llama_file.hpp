// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "moenda/attention/grouped_query.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/model/network.hpp"
#include "moenda/norm/rms.hpp"
#include "moenda/position/rope.hpp"

namespace stories {

using namespace moenda;
using Llama = LanguageModel<
    TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>, expert::SwiGlu>>;
using B = cpu::Backend<float>;

inline void expect(bool holds) {
  if (!holds) throw std::runtime_error("a file of llama2.c cannot be read");
}
inline std::ifstream open(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  expect(bool(file));
  return file;
}
template <class T>
T read(std::istream& file) {
  T value{};
  file.read(reinterpret_cast<char*>(&value), sizeof(T));
  expect(bool(file));
  return value;
}

/// llama2.c's first format: seven numbers, then the tensors, one kind for all layers at a time.
class LlamaFile {
 public:
  explicit LlamaFile(std::string const& path) : file_(open(path)) {
    for (int& n : header_) n = read<int>(file_);
  }
  [[nodiscard]] Llama::Config config() const {
    auto const [d_model, hidden, layers, heads, kv_heads, vocab, context] = header_;
    return {.vocab_size = vocab,
            .context_length = context,
            .d_model = d_model,
            .num_layers = layers,
            .tied_head = true,  // a positive vocab_size says so
            .block = {.norm = {.epsilon = 1e-5},
                      .attention = {.num_heads = heads,
                                    .num_kv_heads = kv_heads,
                                    .head_dim = d_model / heads},
                      .ffn = {.hidden = hidden}}};
  }
  void fill(Network<Llama, B>& network) {
    auto& p = network.params;
    int const head_dim = network.config.block.attention.head_dim;
    tensor(p.embedding);
    for (auto& l : p.layers) tensor(l.attention_norm.gain);
    for (auto& l : p.layers) tensor(l.attention.query), to_split_half(l.attention.query, head_dim);
    for (auto& l : p.layers) tensor(l.attention.key), to_split_half(l.attention.key, head_dim);
    for (auto& l : p.layers) tensor(l.attention.value);
    for (auto& l : p.layers) tensor(l.attention.output);
    for (auto& l : p.layers) tensor(l.ffn_norm.gain);
    for (auto& l : p.layers) tensor(l.ffn.gate);
    for (auto& l : p.layers) tensor(l.ffn.down);
    for (auto& l : p.layers) tensor(l.ffn.up);
    tensor(p.final_norm.gain);
  }

 private:
  void tensor(Weight<B>& w) {
    file_.read(reinterpret_cast<char*>(w.data), std::streamsize(w.size() * 4));
    expect(bool(file_));
  }
  /// llama2.c turns the pairs (2i, 2i + 1) of a head, we turn (i, i + head_dim / 2).
  static void to_split_half(Weight<B>& w, int head_dim) {
    std::vector<float> const old(w.data, w.data + w.size());
    for (int row = 0; row < w.rows; ++row) {
      int const head = row / head_dim * head_dim, i = row % head_dim;
      int const to = head + i / 2 + (i % 2) * (head_dim / 2);
      std::copy_n(old.data() + row * w.cols, w.cols, w.data + to * w.cols);
    }
  }

  std::ifstream file_;
  std::array<int, 7> header_{};
};

}  // namespace stories
