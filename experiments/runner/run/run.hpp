// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "moenda/files/run_files.hpp"
#include "moenda/model/network.hpp"
#include "runner/commands.hpp"
#include "runner/model.hpp"
#include "runner/run/config.hpp"
#include "runner/run/folder.hpp"
#include "runner/run/text.hpp"

namespace moenda::runner {

using AnyNetwork = Network<AnyModel, Backend>;

/// A language model's configuration whose data has been found: vocabulary size known, so it has its
/// run folder.
struct Run {
  RunConfig config;
  data::Tokenizer tokenizer;
  std::filesystem::path folder, cache, out;

  [[nodiscard]] std::filesystem::path checkpoints() const {
    return folder / io::run_files::checkpoints;
  }
  [[nodiscard]] std::string title() const {
    return config.title.empty() ? config.name : config.title;
  }
};

/// Reads the configuration (from a TOML file, or a run folder's config.resolved.toml), loads the
/// tokenizer and fixes the vocabulary size. Throws ConfigError, DataError.
Run open_run(Options const& options, Purpose purpose);

/// The text that the run was trained with, split. Throws DataError when it has no checkpoint, or
/// when the text is another one today.
data::Splits splits_of_trained(Run const& run, ThreadPool& pool);

/// Gives the network the weights of the run's newest checkpoint, kept as evaluate.weights says.
/// Throws DataError when there is none.
void load_weights(Run const& run, AnyNetwork& network);

}  // namespace moenda::runner
