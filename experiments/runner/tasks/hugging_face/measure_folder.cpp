// SPDX-License-Identifier: Apache-2.0
// moenda eval and moenda trace, of a folder that transformers saved.
#include "runner/run/folder.hpp"
#include "runner/run/text_loss.hpp"
#include "runner/run/traced_prompt.hpp"
#include "runner/tasks/hugging_face/folder_model.hpp"
#include "runner/tasks/hugging_face/folder_tokenizer.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"

namespace moenda::runner {

int evaluate_folder(Options const& options, EvaluateOptions const& what) {
  if (what.file.empty()) {
    throw ConfigError(options.config.string() +
                      ": a folder that transformers saved has no text of its own: --file TEXT");
  }
  auto const config = read_folder_config(options.overrides);
  auto const d = read_description(options.config);
  auto const tokenizer = read_folder_tokenizer(options.config);
  auto const text = read_measured_text(what, tokenizer.encode);
  with_folder_model(options, config, d, [&](FamilyNetwork& network) {
    print_text_loss(network, text, what.seq_len, config.evaluate.test_stride);
  });
  return 0;
}

int trace_folder(Options const& options, TraceOptions const& what) {
  if (!what.prompt) {
    throw ConfigError(options.config.string() +
                      ": a folder that transformers saved has no text of its own: --prompt TEXT");
  }
  require_writable(what.file);
  require_no_input(what.file, options.config);
  auto const config = read_folder_config(options.overrides);
  auto const d = read_description(options.config);
  if (d.num_experts == 0) {
    throw ConfigError(options.config.string() + ": there is nothing to see: a " +
                      hugging_face::name_of(d.family) + " has no router");
  }
  auto const ids = read_folder_tokenizer(options.config).encode(*what.prompt);
  with_folder_model(options, config, d, [&](FamilyNetwork& network) {
    print_trace(trace_of_prompt<Backend>(network, ids), options.config, what.file);
  });
  return 0;
}

}  // namespace moenda::runner
