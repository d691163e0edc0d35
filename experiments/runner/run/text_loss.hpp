// SPDX-License-Identifier: Apache-2.0
#pragma once
// moenda eval --file: how well a model of text predicts a text that the caller names.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "moenda/report/terminal/table.hpp"
#include "moenda/train/evaluate.hpp"
#include "runner/commands.hpp"

namespace moenda::runner {

/// A text as a model reads it.
struct MeasuredText {
  std::string name;      ///< of its file
  std::vector<int> ids;  ///< what is predicted: each but the first
  std::size_t bytes = 0;
};

/// Reads options.file. Throws DataError when it is empty, or has fewer than 2 tokens.
template <class Encode>
MeasuredText read_measured_text(EvaluateOptions const& options, Encode encode) {
  MeasuredText text{io::sanitize_utf8(options.file.string()), {}, 0};
  auto const content = data::read_file(options.file);
  if (content.empty()) throw DataError(text.name + ": the text must not be empty");
  text.bytes = content.size();
  text.ids = encode(content);
  if (text.ids.size() < 2) {
    throw DataError(text.name + ": the text must have at least 2 tokens, got " +
                    std::to_string(text.ids.size()));
  }
  return text;
}

/// Windows as of a run's test text: of `length` tokens, every `stride` tokens. What the last of
/// them leaves is a shorter one, so that every token but the first is predicted.
template <class Network>
Evaluation loss_of_text(Network& network, std::vector<int> const& ids, int length, int stride) {
  auto const last = std::int64_t(ids.size()) - 1;  // tokens to predict
  data::TokenStream const tokens(std::vector<std::uint32_t>(ids.begin(), ids.end()));
  data::Windows const whole(tokens, length, stride);
  std::int64_t const count = whole.count(), begin = count * stride;
  bool const is_rest = count == 0 || begin - stride + length < last;
  io::Progress progress("text", std::uint64_t(count + (is_rest ? 1 : 0)));
  auto result = moenda::evaluate(network, whole, 1, 0, [&](std::int64_t done, std::int64_t) {
    progress.update(std::uint64_t(done));
  });
  if (is_rest) {
    auto const size = int(last - begin);
    auto const rest =
        moenda::evaluate(network, data::Windows(tokens.slice(begin, last + 1), size, size), 1);
    auto const sum = result.loss * double(result.tokens) + rest.loss * double(rest.tokens);
    result.tokens += rest.tokens;
    result.loss = sum / double(result.tokens);
  }
  progress.finish();
  return result;
}

/// Prints a row for windows that do not overlap and, where `stride` asks, one for those that do.
/// Bits per byte: those of the mean token, times the tokens that are predicted, over the bytes of
/// the text.
template <class Network>
void print_text_loss(Network& network, MeasuredText const& text, int seq_len, int stride) {
  int const context = network.config.context_length;
  int const length = seq_len > 0 ? seq_len : std::min(context, 2048);
  require(length <= context, "eval: --seq_len must be at most context_length", length, context);
  require(stride <= length, "eval: evaluate.test_stride must be at most the length of a window",
          stride, length);
  auto const predicted = double(text.ids.size() - 1);
  io::Table table({"text", "window", "stride", "tokens", "loss", "perplexity", "bits per byte"});
  auto const row = [&](int every) {
    auto const result = loss_of_text(network, text.ids, length, every);
    auto const bits = result.loss / std::numbers::ln2 * predicted / double(text.bytes);
    table.add_row({text.name, std::to_string(length), std::to_string(every),
                   std::to_string(result.tokens), io::format_fixed(result.loss, 6),
                   io::format_fixed(result.perplexity(), 4), io::format_fixed(bits, 6)});
  };
  row(length);
  if (stride > 0) row(stride);
  std::cout << table.text() << std::flush;
}

}  // namespace moenda::runner
