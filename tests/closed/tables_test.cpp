// SPDX-License-Identifier: Apache-2.0
// TabMoE learns and answers where the host cannot look at a number.
#include "closed/backend.hpp"
#include "laws/numbers.hpp"
#include "moenda/model/training.hpp"
#include "moenda/table/answer_question.hpp"
#include "table/tab_moe_questions.hpp"

namespace {

using namespace moenda;

TEST_CASE("closed memory: TabMoE learns and answers with the CPU's bits", "[closed]") {
  auto const questions = tab::generated({.questions = 6, .rows = 5, .seed = 3}, false);
  auto config = tab::model_config(questions.vocab_size);
  config.d_word = 4;
  config.d_model = 6;
  config.num_layers = 1;
  cpu::Backend<double> open(1);
  closed::Backend<double> backend(1);
  Training<tab::Model, cpu::Backend<double>> expected(open, config, 1, 0.4);
  Training<tab::Model, closed::Backend<double>> network(backend, config, 1, 0.4);
  data::TableBatches batches(questions.list, 6, 1);
  batches.load(0);
  expected.accumulate_gradients(batches.batch(), batches.targets());
  network.accumulate_gradients(batches.batch(), batches.targets());
  CHECK(network.losses().back().mean == expected.losses().back().mean);
  CHECK(laws::same_bits(network.gradients.on_host(), expected.gradients));
  CHECK(network.evaluate(batches.batch(), batches.targets()).mean ==
        expected.evaluate(batches.batch(), batches.targets()).mean);
  for (auto const& question : questions.list) {
    CHECK(answer_question(network, question).evidence ==
          answer_question(expected, question).evidence);
  }
}

}  // namespace
