// SPDX-License-Identifier: Apache-2.0
#pragma once
// What training is told of a question: how its answer is derived, or the answer alone.
#include <algorithm>
#include <utility>
#include <vector>

#include "moenda/table/derivations.hpp"
#include "moenda/table/generated_tables.hpp"
#include "moenda/table/written_question.hpp"

namespace moenda::expert::tab {

/// What the texts of an answer are compared as.
[[nodiscard]] inline std::vector<std::string> answer_of(Outcome const& outcome) {
  return outcome.number ? std::vector{outcome.number->str()} : outcome.texts;
}

/// The words of questions and of their tables' columns: what a vocabulary is fitted on.
template <class Questions>
[[nodiscard]] data::TableVocabulary fit_vocabulary(Questions const& questions, int least = 2) {
  std::vector<std::vector<std::string>> texts;
  for (auto const& question : questions) {
    texts.push_back(data::words_of(question.text));
    for (int c = 0; c < question.table->columns(); ++c) {
      texts.push_back(data::words_of(question.table->column(c).name));
    }
  }
  return data::TableVocabulary(texts, least);
}

/// The question as a model reads it, with the answer that its meaning computes. `full`: training is
/// told the meaning; else the answer alone, and every derivation of it may be what was meant.
[[nodiscard]] inline data::TableQuestion supervised(data::GeneratedQuestion const& generated,
                                                    data::TableVocabulary const& vocabulary,
                                                    data::TableLayout const& layout, bool full) {
  auto question = data::read_question(generated.text, generated.table, vocabulary, layout);
  auto meaning = generated.meaning;
  question.operation = meaning.operation;
  Selection const selection{meaning.column, meaning.shown, meaning.direction != 0,
                            generated.condition};
  question.answer = answer_of(execute(*question.table, Operation(meaning.operation), selection));
  if (!full) {
    question.derivations = derivations_of(question, layout);
    return question;
  }
  // What lies beyond the layout is not seen, so it cannot be learned either.
  if (std::max(meaning.column, meaning.shown) >= layout.max_columns) return question;
  bool const pair = operations[std::size_t(meaning.operation)].parts.pair;
  auto const& candidates = pair ? question.candidates.pairs : question.candidates.conditions;
  for (std::size_t k = 0; k < candidates.size() && meaning.condition < 0; ++k) {
    if (candidates[k].condition == generated.condition) meaning.condition = int(k);
  }
  if (meaning.condition >= 0) question.derivations = {meaning};
  return question;
}

/// The same with what a file says of a question: its answer; or its operation alone, then the
/// router is all that learns from it; or both. A question that no derivation answers is of no use
/// to training.
[[nodiscard]] inline data::TableQuestion supervised(data::WrittenQuestion const& written,
                                                    data::TableVocabulary const& vocabulary,
                                                    data::TableLayout const& layout) {
  auto question = data::read_question(written.text, written.table, vocabulary, layout);
  question.answer = written.answer;
  question.operation = written.operation;
  if (written.operation >= 0 && written.answer.empty()) {
    question.derivations = {data::Derivation{written.operation}};
    return question;
  }
  question.derivations = derivations_of(question, layout);
  if (written.operation < 0) return question;
  std::erase_if(question.derivations, [&](data::Derivation const& derivation) {
    return derivation.operation != written.operation;
  });
  return question;
}

}  // namespace moenda::expert::tab
