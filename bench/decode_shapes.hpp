// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models of the shapes in bench/shapes.json, with weights that are as good as random ones.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/moenda.hpp"
#include "moenda/weights/weights_on_host.hpp"

namespace moenda::bench {

using Experts = Mixture<router::TopK, expert::SwiGlu>;
using DecodeModel =
    LanguageModel<TransformerBlock<norm::Rms, attention::GroupedQuery<position::Rope>,
                                   OneOf<expert::SwiGlu, expert::GeGlu, Experts>>>;

/// A line of the table: the model, and the experts that each token visits.
struct DecodeShape {
  DecodeModel::Config model{};
  int num_experts = 0, top_k = 0;

  /// Throws ConfigError for a name that the table has not, with those that it has.
  DecodeShape(std::string const& table, std::string const& like, int num_layers,
              int context_length) {
    std::ifstream file(table);
    auto const shapes = nlohmann::json::parse(file, nullptr, false);
    if (!shapes.is_object()) throw ConfigError(table + ": must be a table of shapes in JSON");
    if (!shapes.contains(like)) {
      std::string names;
      for (auto const& [name, shape] : shapes.items()) names += " " + name;
      throw ConfigError("--like: must be one of" + names + "; got " + like);
    }
    auto const& s = shapes[like];
    num_experts = s["num_experts"], top_k = s["top_k"];
    model.vocab_size = s["vocab_size"], model.d_model = s["d_model"];
    model.context_length = context_length;
    model.num_layers = num_layers > 0 ? num_layers : int(s["num_layers"]);
    model.tied_head = s["tied_head"];
    auto& attention = model.block.attention;
    attention.num_heads = s["num_heads"], attention.num_kv_heads = s["num_kv_heads"];
    attention.head_dim = s["head_dim"], attention.window = s["window"];
    attention.position.base = s["rope_base"];
    int const hidden = s["hidden"];
    if (num_experts > 0) {
      model.block.ffn = Experts::Config{.router = {.top_k = top_k},
                                        .experts = {.count = num_experts, .each = {hidden}}};
    } else if (s["gelu"]) {
      model.block.ffn = expert::GeGlu::Config{.hidden = hidden};
    } else {
      model.block.ffn = expert::SwiGlu::Config{.hidden = hidden};
    }
  }

  /// Bytes of weights that one decoded token reads: of the embedding a row, and of the experts
  /// those it visits.
  template <class Params>
  [[nodiscard]] double bytes_of_token(Params const& params, Formats const& formats) const {
    double bytes = 0;
    walk(params, [&](Path const& path, auto const& weight) {
      auto const name = path.str();
      double const size = double(room_of(weight, formats(path, weight)).template size<float>());
      if (name == "embedding" && !model.tied_head) return;
      bool const is_experts = name.find(".experts.") != std::string::npos;
      bytes += is_experts ? size * top_k / num_experts : size;
    });
    return bytes;
  }
  /// Bytes of keys and values that a token at `position` reads.
  [[nodiscard]] double bytes_of_keys(int position) const {
    auto const& attention = model.block.attention;
    int const seen = attention.window > 0 ? std::min(position + 1, attention.window) : position + 1;
    return 2.0 * double(sizeof(float)) * model.num_layers * attention.num_kv_heads *
           attention.head_dim * seen;
  }
};

/// Draws `weight` [rows, cols]: some rows are drawn and encoded, and repeated to its end, which
/// takes a copy's time. Nothing as large as the plain weight is ever made.
template <class T>
void draw(WeightPlace<T> const& to, WeightKind kind) {
  if (to.size() == 0) return;
  std::vector<float> numbers(std::size_t(1) << 20);
  static Random const random(1);
  static std::uint64_t drawn = 0;
  bool const is_gain = kind == WeightKind::gain;
  for (auto& number : numbers) {
    auto const i = drawn++ % 1048573;  // a prime below the buffer's size: no two weights are alike
    number = is_gain ? 1.0F : float(0.02 * random.normal(i));
  }
  auto const repeat = [](auto* data, std::size_t given, std::size_t size) {
    for (std::size_t done = given; done < size; done += given) {
      std::memcpy(data + done, data, std::min(given, size - done) * sizeof *data);
    }
  };
  auto const size = std::size_t(to.size());
  if (to.format == Format::fp32) {
    std::copy_n(numbers.begin(), std::min(numbers.size(), size), to.values);
    return repeat(to.values, std::min(numbers.size(), size), size);
  }
  int const rows = std::clamp(int(numbers.size()) / to.cols / 64 * 64, 1, to.rows);
  auto const part = stored_bytes(to.format, rows, to.cols), all = to.bytes();
  bool const is_double = to.format == Format::nf4_double;
  std::vector<std::byte> scales(part.scales);
  quantised::encode(to.format, to.codes, scales.data(), numbers.data(), rows, to.cols);
  repeat(to.codes, part.codes, all.codes);
  if (all.scales == 0) return;
  if (!is_double) {
    std::memcpy(to.scales, scales.data(), part.scales);
    return repeat(to.scales, part.scales, all.scales);
  }
  DoubleScales head;
  std::memcpy(&head, scales.data(), sizeof head);
  float largest;
  std::memcpy(&largest, scales.data() + sizeof head, sizeof largest);
  auto const blocks = (size + nf4_block - 1) / nf4_block;
  auto const groups = (blocks + DoubleScales::blocks_of_group - 1) / DoubleScales::blocks_of_group;
  auto const few = scales.data() + sizeof head + head.groups * sizeof(float);
  auto const given = part.scales - sizeof head - head.groups * sizeof(float);
  head.groups = std::uint32_t(groups);
  std::memcpy(to.scales, &head, sizeof head);
  auto* const floats = reinterpret_cast<float*>(to.scales + sizeof head);
  std::fill_n(floats, groups, largest);
  auto* const bytes = to.scales + sizeof head + groups * sizeof(float);
  std::memcpy(bytes, few, std::min(given, blocks));
  repeat(bytes, std::min(given, blocks), blocks);
}

/// All weights of a network.
template <class Network>
void draw(Network& network) {
  WeightsOnHost on_host(network);
  walk(network.params,
       [&](Path const&, auto const& weight) { draw(on_host(weight), weight.kind); });
  on_host.give_back();
}

}  // namespace moenda::bench
