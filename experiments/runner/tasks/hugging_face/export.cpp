// SPDX-License-Identifier: Apache-2.0
// moenda export: a run of a language model as a folder that transformers loads.
#include <iostream>

#include "moenda/import/hugging_face/write_folder.hpp"
#include "moenda/train/checkpoint.hpp"
#include "runner/run/run.hpp"
#include "runner/tasks/hugging_face/published.hpp"

namespace moenda::runner {

int export_run(Options const& options, std::filesystem::path const& folder) {
  auto const run = open_run(options, Purpose::use);
  auto const description = published(run.config.model);
  io::SafetensorsFile const weights(newest_weights(run.folder));
  require_saved_weights(weights);
  hugging_face::write_folder(folder, description, weights);
  std::cout << folder.string() << ": a " << hugging_face::name_of(description.family) << ", "
            << weights.path().string() << '\n';
  return 0;
}

}  // namespace moenda::runner
