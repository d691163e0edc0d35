// SPDX-License-Identifier: Apache-2.0
// Any bytes as labelled examples: a time series (.ts, .jsonl), a table of texts (.csv, .tsv,
// .jsonl), or tasks of endings (HellaSwag). A DataError, or examples that fit together and, where
// they are written again, come back.
//
// The first byte says of which kind.
#include <cmath>
#include <string>
#include <string_view>

#include "input.hpp"
#include "moenda/data/sequence/labelled_text.hpp"
#include "moenda/data/sequence/time_series.hpp"
#include "moenda/data/text/completion_tasks.hpp"

namespace {

using namespace moenda::data;

void check_sequences(LabelledSequences const& sequences) {
  auto const count = std::size_t(sequences.count());
  check(count > 0 && sequences.labels.size() == count, "every sequence must have a label");
  check(std::size_t(sequences.offsets.back() * sequences.channels) == sequences.features.size(),
        "every row must have its features");
  for (float const value : sequences.features) check(std::isfinite(value), "features are finite");
  for (int const label : sequences.labels) {
    check(label >= 0 && std::size_t(label) < sequences.class_names.size(), "a label has a name");
  }
  for (std::size_t i = 0; i < count; ++i) {
    check(sequences.length(std::int64_t(i)) > 0, "a sequence must not be empty");
  }
}
std::string written(LabelledSequences const& sequences) {
  std::string text;
  for (std::int64_t i = 0; i < sequences.count(); ++i) {
    auto rows = nlohmann::json::array();
    for (auto at = sequences.offsets[std::size_t(i)]; at < sequences.offsets[std::size_t(i) + 1];
         ++at) {
      auto const* const row = sequences.features.data() + at * sequences.channels;
      rows.push_back(std::vector<float>(row, row + sequences.channels));
    }
    auto const label = sequences.class_names[std::size_t(sequences.labels[std::size_t(i)])];
    text += nlohmann::json{{"label", label}, {"x", rows}}.dump(
                -1, ' ', false, nlohmann::json::error_handler_t::replace) +
            "\n";
  }
  return text;
}
void check_series(LabelledSequences const& sequences) {
  check_sequences(sequences);
  static Scratch const again;
  again.write(written(sequences));
  auto const read = read_sequence_lines(again.path);
  check(read.features == sequences.features && read.offsets == sequences.offsets,
        "a time series must come back");
}
/// Without a separator to leave out, the byte tokenizer gives the text itself.
void check_texts(std::string const& path, LabelledTextFormat const& format) {
  static Tokenizer const tokenizer;
  auto const texts = read_labelled_text(path, format, tokenizer);
  auto const count = std::size_t(texts.count());
  check(texts.labels.size() == count, "every text must have a label");
  for (std::size_t i = 0; i < count; ++i) {
    check(texts.length(std::int64_t(i)) > 0, "a text must not be empty");
  }
  check(std::size_t(texts.offsets.back()) == texts.tokens.size(), "every token is of a text");
  check(moenda::io::find_invalid_utf8(tokenizer.decode(texts.tokens)) == texts.tokens.size(),
        "a text must be UTF-8");
}
void check_tasks(std::string const& path) {
  auto const tasks = read_hellaswag(path);
  static Tokenizer const tokenizer;
  Tokenizer::Encoder encoder(tokenizer);
  for (auto const& task : tasks) {
    check(task.endings.size() == 4 && task.answer >= 0 && task.answer < 4,
          "four endings, one true");
    auto const encoded = encode_completion(encoder, task);
    check(tokenizer.decode(encoded.context) == task.context, "a context must come back");
  }
}
void read_all(char kind, std::string_view text) {
  static Scratch const plain, csv(".csv"), lines(".jsonl");
  auto const& scratch = kind == 'c' ? csv : kind == 'k' ? lines : plain;
  scratch.write(text);
  switch (kind) {
    case 't':
      return check_series(read_ts(scratch.path));
    case 'j':
      return check_series(read_sequence_lines(scratch.path));
    case 'c':
    case 'v':
      return check_texts(scratch.path, {});
    case 'k':
      return check_texts(scratch.path, {.keys = {"label", "text"}});
    default:
      return check_tasks(scratch.path);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    read_all(char(data[0]), as_text(data + 1, size - 1));
  } catch (moenda::DataError const&) {
  }
  return 0;
}
