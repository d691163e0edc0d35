// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <sys/resource.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "moenda/train/checkpoint.hpp"

#ifndef MOENDA_BUILD_FLAGS
#define MOENDA_BUILD_FLAGS ""
#endif
#ifndef MOENDA_COMMIT
#define MOENDA_COMMIT "unknown"
#endif

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

/// The folder of a run: the one given, or the one that its configuration names.
fs::path run_folder(Options const& options, bool is_folder, fs::path const& file,
                    RunConfig const& config) {
  if (!is_folder) return options.out / config.name / run_id(config);
  if (trained_part(config) != trained_part(read_run_config(file, {}))) {
    throw ConfigError(
        options.config.string() +
        ": only title, evaluate, log and generate may be overridden for a run folder; "
        "give the TOML file to train something else");
  }
  return options.config;
}

}  // namespace

Run open_run(Options const& options) {
  std::error_code error;
  bool const is_folder = fs::is_directory(options.config, error);
  auto const file = is_folder ? options.config / "config.resolved.toml" : options.config;
  auto config = read_run_config(file, options.overrides);
  auto folder = run_folder(options, is_folder, file, config);
  auto const cache = options.out / "cache";
  auto const own_tokenizer = folder / "tokenizer";  // a run keeps the vocabulary it began with
  auto const first_tokenizer = options.out / config.start_from / "tokenizer";
  bool const goes_on = !options.force && fs::exists(own_tokenizer, error);
  bool const learnt = config.tokenizer.kind == TokenizerKind::trained;
  auto tokenizer = goes_on ? data::Tokenizer::load(own_tokenizer)
                   : learnt && !config.start_from.empty() && fs::exists(first_tokenizer, error)
                       ? data::Tokenizer::load(first_tokenizer)
                       : make_tokenizer(config, cache);
  int const vocab_size = tokenizer.vocab_size();
  if (config.model.vocab_size == 0) config.model.vocab_size = vocab_size;
  if (config.model.vocab_size < vocab_size) {
    throw ConfigError(file.string() + ": model.vocab_size must be at least the tokenizer's " +
                      std::to_string(vocab_size) + ", got " +
                      std::to_string(config.model.vocab_size));
  }
  return {std::move(config), std::move(tokenizer), std::move(folder), cache, options.out};
}

fs::path starting_weights(RunConfig const& config, fs::path const& out) {
  if (config.start_from.ends_with(".safetensors")) return config.start_from;
  auto const folder = out / config.start_from;
  auto const newest = newest_checkpoint(folder / "checkpoint");
  if (!newest) {
    throw DataError("start_from: the run " + folder.string() +
                    " must be trained first; it has no checkpoint");
  }
  return *newest / "model.safetensors";
}

void load_weights(Run const& run, AnyNetwork& network) {
  auto const newest = newest_checkpoint(run.checkpoints());
  if (!newest) {
    throw DataError(run.folder.string() + ": there is no checkpoint; train the run first");
  }
  load_model(network, *newest / "model.safetensors");
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t(usage.ru_maxrss) * 1024;
}

namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

template <class... Ms>
std::string chosen_name(OneOf<Ms...>, typename OneOf<Ms...>::Config const& config) {
  return OneOf<Ms...>::names[config.choice.index()];
}
/// "rms norm, grouped_query attention, rope positions, mixture"
std::string model_summary(AnyModel::Config const& model) {
  auto const& block = model.block;
  return chosen_name(AnyNorm{}, block.norm) + " norm, " +
         chosen_name(AnyAttention{}, block.attention) + " attention, " +
         std::visit(
             [](auto const& attention) { return chosen_name(AnyPosition{}, attention.position); },
             block.attention.choice) +
         " positions, " + chosen_name(AnyFeedForward{}, block.ffn);
}

}  // namespace

std::string meta_text(Run const& run, int threads, std::string const& corpus) {
  nlohmann::ordered_json meta;
  meta["name"] = run.title();
  meta["model"] = model_summary(run.config.model);
  meta["parameters"] = {{"total", AnyModel::parameter_count(run.config.model)},
                        {"active", AnyModel::active_parameter_count(run.config.model)}};
  meta["corpus"] = corpus;
  meta["version"] = version;
  meta["commit"] = MOENDA_COMMIT;
  meta["compiler"] = __VERSION__;
  meta["flags"] = MOENDA_BUILD_FLAGS;
  meta["cpu"] = cpu_name();
  meta["threads"] = threads;
  meta["libraries"] = {
      {"toml++", std::to_string(TOML_LIB_MAJOR) + "." + std::to_string(TOML_LIB_MINOR) + "." +
                     std::to_string(TOML_LIB_PATCH)},
      {"nlohmann_json", std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." +
                            std::to_string(NLOHMANN_JSON_VERSION_MINOR)}};
  return meta.dump(2) + "\n";
}

}  // namespace moenda::runner
