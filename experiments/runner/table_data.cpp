// SPDX-License-Identifier: Apache-2.0
#include "table_data.hpp"

#include <algorithm>

#include "moenda/data/content_hash.hpp"
#include "moenda/data/shuffled_order.hpp"
#include "moenda/data/table_question_files.hpp"
#include "moenda/expert/tab/supervision.hpp"
#include "text.hpp"

namespace moenda::runner {

namespace {

using Questions = std::vector<data::TableQuestion>;

/// Generated sets differ in their seeds, so that no table of one is in another.
TableSplits generate(TableDataConfig const& config, data::TableLayout const& layout) {
  auto const draw = [&](int questions, int rows, bool unseen, std::uint64_t set) {
    return data::TableGenerator({.questions = questions,
                                 .rows = rows,
                                 .unseen = unseen,
                                 .seed = config.seed * 16 + set})
        .questions();
  };
  auto const written = draw(config.questions, config.rows, false, 0);
  TableSplits splits{expert::tab::fit_vocabulary(written), {}, {}, {}, ""};
  bool const full = config.supervision == Supervision::full;
  auto const read = [&](std::vector<data::GeneratedQuestion> const& all) {
    Questions questions;
    for (auto const& question : all) {
      questions.push_back(expert::tab::supervised(question, splits.vocabulary, layout, full));
    }
    return questions;
  };
  splits.train = read(written);
  int const count = config.test_questions;
  splits.tests.push_back({"test", read(draw(count, config.rows, false, 1))});
  splits.tests.push_back({"unseen", read(draw(count, config.rows, true, 2))});
  splits.tests.push_back({"large", read(draw(count, config.large_rows, false, 3))});
  return splits;
}

TableSplits read(TableDataConfig const& config, data::TableLayout const& layout) {
  auto const found = [](std::string const& entry) { return find_data(entry).front(); };
  data::Tables tables;
  if (config.source == TableSource::files) tables = data::read_tables(found(config.tables));
  auto const written = [&](std::string const& file, int most) {
    auto all = config.source == TableSource::files ? data::read_table_questions(found(file), tables)
                                                   : data::read_operator_questions(found(file));
    if (most > 0 && std::size_t(most) < all.size()) all.resize(std::size_t(most));
    return all;
  };
  auto const train = written(config.train, config.questions);
  TableSplits splits{expert::tab::fit_vocabulary(train), {}, {}, {}, ""};
  auto const supervised = [&](std::vector<data::WrittenQuestion> const& all) {
    Questions questions;
    for (auto const& question : all) {
      questions.push_back(expert::tab::supervised(question, splits.vocabulary, layout));
    }
    return questions;
  };
  splits.train = supervised(train);
  splits.tests.push_back({"test", supervised(written(config.test, config.test_questions))});
  return splits;
}

void split_off_valid(TableSplits& splits, TableDataConfig const& config) {
  auto const count = std::int64_t(splits.train.size());
  auto const valid = std::int64_t(config.valid_fraction * double(count));
  data::ShuffledOrder const order(count, config.seed, 0);
  Questions train;
  for (std::int64_t i = 0; i < count; ++i) {
    auto& to = i < valid ? splits.valid : train;
    to.push_back(std::move(splits.train[std::size_t(order(i))]));
  }
  splits.train = std::move(train);
}

void add_to(data::ContentHash& hash, Questions const& questions) {
  for (auto const& question : questions) {
    hash.add(question.text);
    for (auto const& answer : question.answer) hash.add(answer);
    hash.add(std::to_string(question.derivations.size()));
  }
}

}  // namespace

double QuestionSet::covered() const {
  auto const count = std::count_if(questions.begin(), questions.end(),
                                   [](auto const& q) { return !q.derivations.empty(); });
  return questions.empty() ? 0 : double(count) / double(questions.size());
}

void check_table_data(TableDataConfig const& config, Problems& problems) {
  bool const generated = config.source == TableSource::generated;
  int const least = generated ? 1 : 0;
  problems.expect(config.questions >= least, "questions", "at least " + std::to_string(least),
                  config.questions);
  problems.expect(config.test_questions >= least, "test_questions",
                  "at least " + std::to_string(least), config.test_questions);
  problems.expect(config.rows >= 2 && config.rows <= 576, "rows", "in 2..576", config.rows);
  problems.expect(config.large_rows >= 2 && config.large_rows <= 576, "large_rows", "in 2..576",
                  config.large_rows);
  problems.expect(config.valid_fraction >= 0 && config.valid_fraction < 1, "valid_fraction",
                  "at least 0 and below 1", config.valid_fraction);
  if (generated) return;
  problems.expect(!config.train.empty(), "train", "a file", "none");
  problems.expect(!config.test.empty(), "test", "a file", "none");
  if (config.source == TableSource::files) {
    problems.expect(!config.tables.empty(), "tables", "a file", "none");
  }
}

TableSplits load_tables(TableDataConfig const& config, data::TableLayout const& layout) {
  auto splits =
      config.source == TableSource::generated ? generate(config, layout) : read(config, layout);
  std::erase_if(splits.train, [](auto const& question) { return question.derivations.empty(); });
  split_off_valid(splits, config);
  if (splits.train.empty()) {
    throw DataError("data: there must be questions that a single operation answers");
  }
  data::ContentHash hash;
  add_to(hash, splits.train);
  add_to(hash, splits.valid);
  for (auto const& test : splits.tests) add_to(hash, test.questions);
  splits.fingerprint = hash.hex();
  return splits;
}

}  // namespace moenda::runner
