// SPDX-License-Identifier: Apache-2.0
#pragma once
// Questions about tables: generated ones, or those of files.
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/module/rules.hpp"
#include "moenda/table/question.hpp"
#include "moenda/table/vocabulary.hpp"

namespace moenda::runner {

/// generated: tables and questions whose meaning is known. files: WikiTableQuestions, as lines of
/// JSON. operations: questions of which only the operation is known, for the router alone.
/// comparisons: statements of TabFact, true or false, that compare two things.
enum class TableSource { generated, files, operations, comparisons };
constexpr auto enum_names(TableSource) {
  return std::array{"generated", "files", "operations", "comparisons"};
}

/// full: training is told operation, columns and condition. answers: nothing but the answer.
enum class Supervision { full, answers };
constexpr auto enum_names(Supervision) { return std::array{"full", "answers"}; }

struct TableDataConfig {
  TableSource source = TableSource::generated;
  Supervision supervision = Supervision::full;  ///< of generated questions
  int questions = 1000, test_questions = 500;   ///< generated; files: 0 takes all
  int generated = 0;     ///< files: generated questions to learn from beside theirs
  int rows = 12;         ///< of generated tables
  int large_rows = 120;  ///< of those of the set "large"
  std::uint64_t seed = 1;
  std::string tables, train, test;  ///< files, below $MOENDA_DATA perhaps
  double valid_fraction = 0.1;      ///< of the training questions
  MOENDA_FIELDS(TableDataConfig, source, supervision, questions, test_questions, generated, rows,
                large_rows, seed, tables, train, test, valid_fraction);
};
void check_table_data(TableDataConfig const& config, Problems& problems);

/// A set of questions to answer. `covered`: the share whose right answer some derivation gives.
struct QuestionSet {
  std::string name;  ///< test, unseen (schemas), large (tables)
  std::vector<data::TableQuestion> questions;
  [[nodiscard]] double covered() const;
};

struct TableSplits {
  data::TableVocabulary vocabulary;
  std::vector<data::TableQuestion> train, valid;  ///< those that some derivation answers
  std::vector<QuestionSet> tests;
  std::string fingerprint;  ///< changes when any of it does
};

/// Throws DataError when nothing is left to learn from.
TableSplits load_tables(TableDataConfig const& config, data::TableLayout const& layout);

}  // namespace moenda::runner
