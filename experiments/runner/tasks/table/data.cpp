// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/table/data.hpp"

#include <algorithm>

#include "moenda/data/shuffled_order.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/table/question_files.hpp"
#include "moenda/table/supervision.hpp"
#include "runner/run/text.hpp"

namespace moenda::runner {

namespace {

using Questions = std::vector<data::TableQuestion>;

/// Generated sets differ in their seeds, so that no table of one is in another.
std::vector<data::GeneratedQuestion> draw(TableDataConfig const& config, int questions, int rows,
                                          bool unseen, std::uint64_t set) {
  return data::TableGenerator({.questions = questions,
                               .rows = rows,
                               .unseen = unseen,
                               .seed = config.seed * 16 + set})
      .questions();
}

TableSplits generate(TableDataConfig const& config, data::TableLayout const& layout) {
  auto const written = draw(config, config.questions, config.rows, false, 0);
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
  splits.tests.push_back({"test", read(draw(config, count, config.rows, false, 1))});
  splits.tests.push_back({"unseen", read(draw(config, count, config.rows, true, 2))});
  splits.tests.push_back({"large", read(draw(config, count, config.large_rows, false, 3))});
  return splits;
}

TableSplits read(TableDataConfig const& config, data::TableLayout const& layout) {
  auto const found = [](std::string const& entry) { return find_data(entry).front(); };
  data::Tables tables;
  if (config.source != TableSource::operations) tables = data::read_tables(found(config.tables));
  auto const written = [&](std::string const& file, int most) {
    auto const path = found(file);
    auto all = config.source == TableSource::files ? data::read_table_questions(path, tables)
               : config.source == TableSource::comparisons ? data::read_comparisons(path, tables)
                                                           : data::read_operator_questions(path);
    if (most > 0 && std::size_t(most) < all.size()) all.resize(std::size_t(most));
    return all;
  };
  auto const train = written(config.train, config.questions);
  std::vector<data::GeneratedQuestion> generated;
  if (config.generated > 0) generated = draw(config, config.generated, config.rows, false, 0);
  auto spoken = train;
  for (auto const& question : generated) spoken.push_back({"", question.text, question.table});
  TableSplits splits{expert::tab::fit_vocabulary(spoken), {}, {}, {}, ""};
  auto const supervised = [&](std::vector<data::WrittenQuestion> const& all) {
    Questions questions;
    for (auto const& question : all) {
      questions.push_back(expert::tab::supervised(question, splits.vocabulary, layout));
    }
    return questions;
  };
  splits.train = supervised(train);
  bool const full = config.supervision == Supervision::full;
  for (auto const& question : generated) {
    splits.train.push_back(expert::tab::supervised(question, splits.vocabulary, layout, full));
  }
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

template <class T>
void add_bytes(data::ContentHash& hash, std::vector<T> const& values) {
  static_assert(std::has_unique_object_representations_v<T>);
  hash.add(
      std::string_view(reinterpret_cast<char const*>(values.data()), values.size() * sizeof(T)));
}
void add_to(data::ContentHash& hash, Questions const& questions) {
  for (auto const& question : questions) {
    hash.add(question.text);
    for (auto const& answer : question.answer) hash.add(answer);
    add_bytes(hash, question.tokens);  // so the columns' names and the vocabulary are in it
    add_bytes(hash, question.derivations);
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
  constexpr int most = 1'000'000;  // drawn ones are all held in memory
  auto const in_range = "in " + std::to_string(least) + ".." + std::to_string(most);
  for (auto const& [key, count] : {std::pair("questions", config.questions),
                                   std::pair("test_questions", config.test_questions)}) {
    problems.expect(count >= least && count <= most, key, in_range, count);
  }
  problems.expect(config.generated >= 0 && config.generated <= (generated ? 0 : most), "generated",
                  generated ? "0 where all questions are" : "in 0.." + std::to_string(most),
                  config.generated);
  problems.expect(config.rows >= 2 && config.rows <= 576, "rows", "in 2..576", config.rows);
  problems.expect(config.large_rows >= 2 && config.large_rows <= 576, "large_rows", "in 2..576",
                  config.large_rows);
  problems.expect(config.valid_fraction >= 0 && config.valid_fraction < 1, "valid_fraction",
                  "at least 0 and below 1", config.valid_fraction);
  if (generated) return;
  problems.expect(!config.train.empty(), "train", "a file", "none");
  problems.expect(!config.test.empty(), "test", "a file", "none");
  if (config.source != TableSource::operations) {
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
