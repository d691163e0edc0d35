// SPDX-License-Identifier: Apache-2.0
// moenda logits, of a run or of a folder that transformers saved.
#include "moenda/infer/logits_of_ids.hpp"
#include "runner/run/run.hpp"
#include "runner/tasks/hugging_face/id_lists.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"

namespace moenda::runner {

int logits(LogitsOptions const& options) {
  if (is_hugging_face(options.model.config)) return logits_of_folder(options);
  require_writable(options.file);
  auto const lists = read_id_lists(options.ids);
  auto const run = open_run(options.model, Purpose::use);
  require_no_input(options.file, run.folder, options.ids);
  with_backend(options.model, run.config.compute, [&](Backend& backend) {
    AnyNetwork network(backend, run.config.model, unfilled);
    load_weights(run, network);
    write_logits(options.file, lists, run.config.model.vocab_size, [&](std::span<int const> ids) {
      return logits_of_ids(network, ids, options.cached);
    });
  });
  return 0;
}

}  // namespace moenda::runner
