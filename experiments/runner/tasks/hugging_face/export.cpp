// SPDX-License-Identifier: Apache-2.0
// moenda export: a run of a language model as a folder that transformers loads.
#include <iostream>

#include "moenda/files/run_files.hpp"
#include "moenda/import/hugging_face/tokenizer/file_names.hpp"
#include "moenda/import/hugging_face/write_folder.hpp"
#include "moenda/import/hugging_face/write_tokenizer.hpp"
#include "moenda/train/checkpoint.hpp"
#include "runner/run/run.hpp"
#include "runner/tasks/hugging_face/published.hpp"

namespace moenda::runner {

namespace {

/// The tokenizer of the run, as files.
std::map<std::string, std::string> tokenizer_files(Run const& run) {
  bool const is_byte = run.config.tokenizer.kind == TokenizerKind::byte;
  auto const folder = run.folder / io::run_files::tokenizer;
  auto const vocabulary =
      is_byte
          ? hugging_face::vocabulary_of_bytes()
          : data::load_bpe(folder / data::encoder_file, folder / data::merges_file).vocabulary();
  auto const config =
      hugging_face::tokenizer_config_json(vocabulary, run.config.model.context_length);
  return {{hugging_face::tokenizer_file,
           hugging_face::tokenizer_json(vocabulary, !is_byte).dump(1) + "\n"},
          {hugging_face::tokenizer_config_file, config.dump(2) + "\n"}};
}

}  // namespace

int export_run(Options const& options, std::filesystem::path const& folder) {
  auto const run = open_run(options, Purpose::use);
  auto const description = published(run.config.model);
  io::SafetensorsFile const weights(newest_weights(run.folder));
  require_saved_weights(weights);
  hugging_face::write_folder(folder, description, weights, tokenizer_files(run));
  std::cout << folder.string() << ": a " << hugging_face::name_of(description.family) << ", "
            << weights.path().string() << '\n';
  return 0;
}

}  // namespace moenda::runner
