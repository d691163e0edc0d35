// SPDX-License-Identifier: Apache-2.0
#include "runner/run/run.hpp"

#include <algorithm>

#include "moenda/files/own_files.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/toml/read.hpp"
#include "moenda/train/checkpoint.hpp"
#include "moenda/weights/stored.hpp"
#include "runner/run/results.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

/// That of the model which was trained in `folder`.
std::optional<int> known_vocab_size(fs::path const& folder) {
  auto const file = folder / io::run_files::configuration;
  if (!io::is_there(file)) return std::nullopt;
  return io::load_toml(file)["model"]["vocab_size"].value<int>();
}

}  // namespace

Run open_run(Options const& options, Purpose purpose) {
  auto given = load_given(options);
  auto config = read_run_config(given.table, given.path);
  auto const original = given.is_run_folder ? read_run_config(given.path, {}) : config;
  auto naming = load_naming(options, purpose);
  auto const named = read_run_config(naming.table, naming.path);
  auto folder = folder_of(given, options, named.name, trained_part(named), trained_part(original));
  io::require_own_files(folder, false);
  if (purpose == Purpose::use) say_changed_files(folder);
  auto const cache = options.out / "cache";
  auto const own_tokenizer =
      folder / io::run_files::tokenizer;  // a run keeps the vocabulary it began with
  auto const first_run = options.out / config.start_from;
  auto const first_tokenizer = first_run / io::run_files::tokenizer;
  // Before the first checkpoint nothing depends on it, and it may be incomplete.
  bool const goes_on = !options.force && io::is_there(own_tokenizer) &&
                       newest_checkpoint(folder / io::run_files::checkpoints);
  if (goes_on) io::require_own_files(own_tokenizer, true);
  bool const from_run = !config.start_from.empty() && !config.start_from.ends_with(".safetensors");
  if (from_run) {
    io::require_own_folder(first_run);
    io::require_own_files(first_tokenizer, true);
  }
  bool const learnt = config.tokenizer.kind == TokenizerKind::trained;
  auto tokenizer = goes_on ? data::Tokenizer::load(own_tokenizer)
                   : learnt && from_run && io::is_there(first_tokenizer)
                       ? data::Tokenizer::load(first_tokenizer)
                       : make_tokenizer(config, cache);
  int const vocab_size = tokenizer.vocab_size();
  if (config.model.vocab_size == 0) {
    auto const known = goes_on ? known_vocab_size(folder) : std::nullopt;
    // As large as was asked for, which the name of the run says, also where the text gave fewer.
    int const asked =
        learnt ? std::max(vocab_size, expected_vocab_size(config.tokenizer)) : vocab_size;
    config.model.vocab_size = known.value_or(asked);
  }
  if (config.model.vocab_size < vocab_size) {
    throw ConfigError(given.path.string() + ": model.vocab_size must be at least the tokenizer's " +
                      std::to_string(vocab_size) + ", got " +
                      std::to_string(config.model.vocab_size));
  }
  Problems problems;  // what a module says of a vocabulary is known only now
  add_model_problems(problems, AnyModel::check(config.model));
  io::refuse_problems(given.table, "", problems);
  return {std::move(config), std::move(tokenizer), std::move(folder), cache, options.out};
}

data::Splits splits_of_trained(Run const& run, ThreadPool& pool) {
  (void)newest_weights(run.folder);
  auto splits = make_splits(run.config, run.tokenizer, run.cache, pool);
  refuse_other_data(run.folder, fingerprint_of(splits));
  return splits;
}

void load_weights(Run const& run, AnyNetwork& network) {
  load_model(network, newest_weights(run.folder));
  store(network, run.config.evaluate.formats());
}

}  // namespace moenda::runner
