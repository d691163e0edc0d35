// SPDX-License-Identifier: Apache-2.0
// moenda generate, and eval of a text, of a language model.
#include <iostream>

#include "moenda/infer/generate.hpp"
#include "runner/run/run.hpp"
#include "runner/run/text_loss.hpp"
#include "runner/tasks/language/language_commands.hpp"

namespace moenda::runner {

int generate_text(Options const& options, GenerateOptions const& how) {
  auto const run = open_run(options, Purpose::use);
  auto const& config = run.config.generate;
  auto const text = how.prompt.value_or(config.prompt);
  auto const ids = run.tokenizer.encode(text);
  if (ids.empty()) throw ConfigError("generate: the prompt must not be empty");
  if (sees_later_tokens<AnyModel>(run.config.model)) {
    std::cerr << "note: this model's router chooses by looking at later tokens, which was allowed; "
                 "while it writes there are none, so it routes otherwise than in training\n";
  }
  with_backend(options, run.config.compute, [&](Backend& backend) {
    AnyNetwork network(backend, run.config.model, unfilled);
    load_weights(run, network);
    std::cout << text << std::flush;
    (void)moenda::generate(
        network, ids, how.max_tokens.value_or(config.max_tokens), config.sampler,
        run.tokenizer.end_of_text().value_or(-1),
        [&](int id) { std::cout << run.tokenizer.decode({id}) << std::flush; },
        run.tokenizer.vocab_size());
  });
  std::cout << std::endl;
  return 0;
}

int evaluate_text(Options const& options, EvaluateOptions const& what) {
  auto const run = open_run(options, Purpose::use);
  auto const text = read_measured_text(
      what, [&](std::string const& content) { return run.tokenizer.encode(content); });
  with_backend(options, run.config.compute, [&](Backend& backend) {
    AnyNetwork network(backend, run.config.model, unfilled);
    load_weights(run, network);
    print_text_loss(network, text, what.seq_len, run.config.evaluate.test_stride);
  });
  return 0;
}

}  // namespace moenda::runner
