// SPDX-License-Identifier: Apache-2.0
// What is new here: experts that are operations. A router sends a question to one of six, which
// chooses columns and rows; the operation then computes on the cells themselves, so the answer is
// exact, comes with its evidence, or is refused. Training sees answers alone, on other tables:
// which expert does what is found by expectation maximisation (Wu & Hou 2024, "TabMoE").
#include <cstdio>
#include <moenda/cpu/backend.hpp>
#include <moenda/model/training.hpp>
#include <moenda/router/switch.hpp>
#include <moenda/table/answer_question.hpp>
#include <moenda/table/batches.hpp>
#include <moenda/table/cells/reader.hpp>
#include <moenda/table/supervision.hpp>
#include <moenda/train/adamw.hpp>

using namespace moenda;
using Backend = cpu::Backend<float>;
using Model = TabMoe<router::Switch>;

constexpr data::TableLayout layout{
    .max_words = 20, .max_columns = 6, .max_conditions = 24, .max_pairs = 2};

constexpr auto table_text = R"(Scorer,Club,Season,Goals,Fee
Marta,Santos,1997,7,"$1,200,000.10"
Formiga,Santos,1999,12,"$800,000.20"
Cristiane,Palmeiras,2001,18,"$950,000.05"
Pretinha,Palmeiras,2003,12,-
Sissi,Corinthians,2004,19,"$2,000,000.00"
)";

int main() {
  auto const lessons = data::TableGenerator({.questions = 1000}).questions();
  auto const vocabulary = expert::tab::fit_vocabulary(lessons);
  std::vector<data::TableQuestion> questions;
  for (auto const& lesson : lessons) {
    questions.push_back(expert::tab::supervised(lesson, vocabulary, layout, /*full=*/false));
  }

  Backend backend;
  Training<Model, Backend> network(backend,
                                   {.vocab_size = vocabulary.size(),
                                    .context_length = layout.tokens(),
                                    .d_word = 16,
                                    .d_model = 32,
                                    .layout = layout,
                                    .learning = {.soft_passes = 300}},  // from soft to hard EM
                                   /*seed=*/1, /*initial_std=*/0.1);
  data::TableBatches batches(questions, /*batch_size=*/32, /*seed=*/1);
  auto state = optimizer::AdamW::start(network);
  for (int step = 0; step < 600; ++step) {
    batches.load(step);
    network.zero_gradients();
    network.accumulate_gradients(batches.batch(), batches.targets(), 1, nullptr,
                                 std::uint64_t(step));
    double const learning_rate = 4e-3 * (1 - step / 600.0);
    optimizer::AdamW::step({.weight_decay = 0}, network, state, learning_rate, 1);
  }

  auto const table =
      std::make_shared<data::Table const>(data::parse_csv_table(table_text, "scorers.csv"));
  for (auto const* text :
       {"what is the total Goals where Season is above 1998",
        "how many Scorers are there for Club Santos",
        "what is the average Goals for Club Palmeiras", "which Scorer has the most Goals",
        "what is the Club of Sissi", "who has less Goals Marta or Cristiane", "add up the Fee",
        "add up the Fee with Season over 2010", "what is the Fee of Pretinha"}) {
    auto const question = data::read_question(text, table, vocabulary, layout);
    auto const answer = answer_question(network, question);
    std::printf("%s?\n  %s\n", text, answer.evidence.c_str());
  }
}
