// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where labelled sequences and table rows come from.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "moenda/core/fields.hpp"
#include "moenda/data/sequence/generated_sequences.hpp"
#include "moenda/data/sequence/labelled_sequences.hpp"
#include "moenda/data/sequence/labelled_text.hpp"
#include "moenda/data/tabular/set.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "moenda/module/rules.hpp"
#include "runner/run/config.hpp"

namespace moenda::runner {

/// table: rows of CSV files, each a sequence of one row. text: files of texts with labels. series:
/// .ts files, or lines of JSON. generated: sequences whose answers, and kinds, are known.
enum class LabelledKind { table, text, series, generated };
constexpr auto enum_names(LabelledKind) {
  return std::array{"table", "text", "series", "generated"};
}

/// For text and series: files, some below $MOENDA_DATA perhaps. Where there is no file for a split,
/// a fraction of the training file is split off at random.
struct LabelledFilesConfig {
  std::string train, valid, test;
  double valid_fraction = 0.1, test_fraction = 0.1;
  std::uint64_t seed = 1;
  data::LabelledTextFormat format{};  ///< of text
  MOENDA_FIELDS(LabelledFilesConfig, train, valid, test, valid_fraction, test_fraction, seed,
                format);
};
/// For generated: this many test and validation sequences, drawn apart from those to learn.
struct GeneratedSplitsConfig {
  data::GeneratedSequencesConfig train{};
  std::int64_t valid = 500, test = 2000;
  MOENDA_FIELDS(GeneratedSplitsConfig, train, valid, test);
};

struct LabelledDataConfig {
  LabelledKind kind = LabelledKind::table;
  data::TabularSetConfig table{};  ///< its paths may lie below $MOENDA_DATA
  LabelledFilesConfig files{};     ///< for text and series
  TokenizerConfig tokenizer{};     ///< for text; a trained one learns the training file
  GeneratedSplitsConfig generated{};
  MOENDA_FIELDS(LabelledDataConfig, kind, table, files, tokenizer, generated);
};
void check_labelled_data(LabelledDataConfig const& config, Problems& problems);

using SharedSequences = std::shared_ptr<data::LabelledSequences const>;

/// What is learned, tuned and tested on.
struct LabelledSplits {
  SharedSequences train, valid, test;
  int vocab_size = 0;                             ///< of tokens
  data::Standard standard{};                      ///< of the targets of regression
  std::optional<data::TabularEncoder> encoder{};  ///< of a table
  std::string fingerprint;                        ///< changes when any of it does
};

/// Throws ConfigError or DataError when the data do not fit the task.
LabelledSplits load_labelled(LabelledDataConfig const& config, bool classifies,
                             std::filesystem::path const& cache);

}  // namespace moenda::runner
