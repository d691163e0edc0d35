// SPDX-License-Identifier: Apache-2.0
// moenda tokenize, with the tokenizer of a language model's run. It makes no special tokens.
#include "runner/run/tokenize.hpp"

#include "runner/run/run.hpp"
#include "runner/tasks/language/language_commands.hpp"

namespace moenda::runner {

int tokenize_text(Options const& options, TokenizeOptions const& what) {
  auto const run = open_run(options, Purpose::use);
  return tokenize_with(
      what, [&](std::string const& text) { return run.tokenizer.encode(text); },
      [&](std::vector<int> const& ids) { return run.tokenizer.decode(ids); });
}

}  // namespace moenda::runner
