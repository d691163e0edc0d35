// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "laws/allocations.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/model/training.hpp"
#include "table/tab_moe_questions.hpp"

using namespace moenda;
using namespace tab;

TEST_CASE("TabMoE: the same bits for any number of threads, no allocation in a step", "[tab_moe]") {
  auto const questions = generated({.questions = 64}, false);
  std::vector<float> gradients;
  for (int const threads : {1, 2, 5}) {
    cpu::Backend<float> backend(threads);
    Training<Model, cpu::Backend<float>> network(backend, model_config(questions.vocab_size), 1,
                                                 0.1);
    data::TableBatches batches(questions.list, 64, 1);
    long allocations = 0;
    for (int step = 0; step < 3; ++step) {  // the arena has its size after two steps
      network.zero_gradients();
      allocations = laws::allocations_of([&] {
        batches.load(step);
        network.accumulate_gradients(batches.batch(), batches.targets());
      });
    }
    CHECK(allocations == 0);
    if (gradients.empty()) gradients = network.gradients.on_host();
    CHECK(gradients == network.gradients.on_host());
  }
}
