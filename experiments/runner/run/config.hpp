// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything a configuration file can say.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/data/text/corpus.hpp"
#include "moenda/infer/sampler.hpp"
#include "moenda/toml/write.hpp"
#include "moenda/train/trainer.hpp"
#include "moenda/weights/layout.hpp"
#include "runner/model.hpp"
#include "runner/run/compute.hpp"
#include "runner/run/task.hpp"

namespace moenda::runner {

/// byte: one token per byte. gpt2: encoder.json and vocab.bpe from `folder`, or a tokenizer.json of
/// the same form. trained: byte-pair encoding learnt from the first 10 MB of the corpus, held-out
/// texts included.
enum class TokenizerKind { byte, gpt2, trained };
constexpr auto enum_names(TokenizerKind) { return std::array{"byte", "gpt2", "trained"}; }

struct TokenizerConfig {
  TokenizerKind kind = TokenizerKind::byte;
  std::string folder = "gpt2-bpe";  ///< for gpt2
  int vocab_size = 8192;            ///< for trained
  MOENDA_FIELDS(TokenizerConfig, kind, folder, vocab_size);
};

/// Tasks to choose the true ending of a text in. hellaswag: from `file`, spread over it. held_out:
/// cut from the test text.
enum class CompletionKind { none, hellaswag, held_out };
constexpr auto enum_names(CompletionKind) { return std::array{"none", "hellaswag", "held_out"}; }

struct CompletionConfig {
  CompletionKind kind = CompletionKind::none;
  std::int64_t tasks = 200;                               ///< 0: all of the file
  std::string file = "hellaswag/hellaswag_val_full.txt";  ///< 6 lines a task
  bool label = true;  ///< whether the file's contexts keep the name of their activity
  int context_tokens = 48, ending_tokens = 12;  ///< of held_out
  std::uint64_t seed = 1;                       ///< of held_out
  MOENDA_FIELDS(CompletionConfig, kind, tasks, file, label, context_tokens, ending_tokens, seed);
};

/// When to look, and at how much.
struct EvaluateConfig {
  std::int64_t every = 100;       ///< steps between validations; 0: only at the end
  std::int64_t batches = 16;      ///< of validation text
  std::int64_t test_batches = 0;  ///< of test text at the end; 0: all
  int test_stride = 0;            ///< also test on windows at this distance; 0: do not
  std::int64_t leak_windows = 0;  ///< test windows to predict from every prefix alone; 0: do not
  Format weights = Format::fp32;  ///< how eval, generate and trace keep the trained weights
  std::vector<PartFormat> weights_of{};  ///< those whose names match: the last match decides
  CompletionConfig completions{};
  MOENDA_FIELDS(EvaluateConfig, every, batches, test_batches, test_stride, leak_windows, weights,
                weights_of, completions);

  [[nodiscard]] Formats formats() const { return {weights, weights_of}; }
};

struct LogConfig {
  std::int64_t every = 10;               ///< steps between rows of metrics.csv and routing.csv
  std::int64_t checkpoint_every = 1000;  ///< steps between checkpoints; 0: only at the end
  MOENDA_FIELDS(LogConfig, every, checkpoint_every);
};

struct GenerateConfig {
  std::string prompt = "lisboa";
  int max_tokens = 60;
  Sampler::Config sampler{};
  MOENDA_FIELDS(GenerateConfig, prompt, max_tokens, sampler);
};

/// What a language model's file says.
struct RunConfig {
  TaskKind task = TaskKind::language_modeling;
  std::string name = "run";  ///< the folder of its runs
  std::string title;         ///< what tables call it; empty: the name
  TokenizerConfig tokenizer{};
  /// Weights to begin with: the TOML file of another run, a run's name/id, a .safetensors file, or
  /// a folder that transformers saved. A mixture may begin with a dense model. Empty: drawn at
  /// random.
  std::string start_from;
  data::CorpusConfig data{};
  AnyModel::Config model{};  ///< vocab_size 0: the tokenizer's
  TrainConfig train{};
  EvaluateConfig evaluate{};
  LogConfig log{};
  GenerateConfig generate{};
  ComputeConfig compute{};
  MOENDA_FIELDS(RunConfig, task, name, title, tokenizer, start_from, data, model, train, evaluate,
                log, generate, compute);
};

/// What is wrong with keys that every task has.
void check_name(std::string const& name, Problems& problems);
void check_tokenizer(TokenizerConfig const& tokenizer, Problems& problems);
void check_log(LogConfig const& log, Problems& problems);
/// The problems of a model, one key deeper.
void add_model_problems(Problems& problems, Problems const& of_model);

/// Reads what `path` holds after overrides. Throws ConfigError with every problem and its line.
RunConfig read_run_config(toml::table& table, std::filesystem::path const& path);
/// The same of the file, read anew. Throws DataError when it is not there, ConfigError when it is
/// one of another task.
RunConfig read_run_config(std::filesystem::path const& path,
                          std::vector<std::string> const& overrides);
/// How many tokens the tokenizer will have, without learning it.
int expected_vocab_size(TokenizerConfig const& tokenizer);
/// The configuration of what is trained, as TOML: without title, evaluation, logs and generation,
/// which may change without training anything again.
std::string trained_part(RunConfig config);
/// 12 letters and digits of trained_part: names the run folder.
std::string run_id(RunConfig const& config);

}  // namespace moenda::runner
