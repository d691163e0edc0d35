// SPDX-License-Identifier: Apache-2.0
#pragma once
// Generated questions and a small TabMoe.
#include <vector>

#include "moenda/router/switch.hpp"
#include "moenda/table/batches.hpp"
#include "moenda/table/supervision.hpp"
#include "moenda/table/tab_moe.hpp"

namespace tab {

using Model = moenda::TabMoe<moenda::router::Switch>;
inline constexpr moenda::data::TableLayout layout{
    .max_words = 20, .max_columns = 6, .max_conditions = 24, .max_pairs = 2};

struct Questions {
  std::vector<moenda::data::TableQuestion> list;
  int vocab_size = 0;
};
/// `full`: training is told how each answer is derived.
inline Questions generated(moenda::data::GeneratedTables const& config, bool full) {
  using namespace moenda;
  auto const vocabulary =
      expert::tab::fit_vocabulary(data::TableGenerator({.questions = 400}).questions());
  Questions all{{}, vocabulary.size()};
  for (auto const& question : data::TableGenerator(config).questions()) {
    all.list.push_back(expert::tab::supervised(question, vocabulary, layout, full));
  }
  return all;
}
inline Model::Config model_config(int vocab_size) {
  return {.vocab_size = vocab_size,
          .context_length = layout.tokens(),
          .d_word = 16,
          .d_model = 32,
          .layout = layout};
}

}  // namespace tab
