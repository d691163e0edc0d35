// SPDX-License-Identifier: Apache-2.0
#pragma once
// What main() needs to know of the commands: no model, no kernels.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moenda::runner {

/// What the command line says beside the configuration.
struct Options {
  std::filesystem::path config;        ///< a TOML file or a run folder
  std::vector<std::string> overrides;  ///< "a.b=value"
  std::filesystem::path out = "runs";
  int threads = 0;
  bool force = false;
};

/// What `moenda generate` continues, and by how much; what is absent is the configuration's.
struct GenerateOptions {
  std::optional<std::string> prompt;
  std::optional<int> max_tokens;
  std::string format = "none";  ///< of a conversation: the name of a hugging_face::PromptFormat
};

/// What `moenda eval` measures. Without a file: the validation and test text of a run.
struct EvaluateOptions {
  std::filesystem::path file;  ///< a text
  int seq_len = 0;             ///< of a window; 0: context_length, at most 2048
};

/// What `moenda trace` looks at, and where it writes. Without a prompt: validation text of a run.
struct TraceOptions {
  std::optional<std::string> prompt;
  std::filesystem::path file = "trace.safetensors";
};

/// What `moenda ask` answers, and from which table.
struct AskOptions {
  std::string question;
  std::filesystem::path table;  ///< a CSV file
};

/// What `moenda tokenize` turns into ids, or, of a file of ids, into text; one of the first three.
struct TokenizeOptions {
  std::optional<std::string> text;
  std::filesystem::path file;   ///< a text
  std::filesystem::path ids;    ///< JSON: a list of ids, or a list of such lists
  bool plain = false;           ///< without special tokens
  bool literal = false;         ///< text that looks like a special token is text
  std::string format = "none";  ///< as in GenerateOptions
};

/// What `moenda logits` computes, and where it writes.
struct LogitsOptions {
  Options model;               ///< its `config` may be a folder that transformers saved
  std::filesystem::path ids;   ///< JSON: a list of lists of ids
  std::filesystem::path file;  ///< safetensors: `logits.I` of list I
  bool cached = false;         ///< id by id, as decoding does
};

/// What `moenda convert` reads and writes.
struct ConvertOptions {
  std::filesystem::path from, to;    ///< folders
  std::vector<std::string> weights;  ///< a format, or NAMES=FORMAT for a part; the last one decides
  int threads = 0;                   ///< 0: every processor
};

/// What `moenda counterfactual` looks at, and where it writes.
struct CounterfactualOptions {
  std::int64_t windows = 4;  ///< of validation text, evenly spread
  int seq_len = 64;          ///< of each; at most the model's context_length
  std::filesystem::path file = "counterfactual.csv";
};

// The commands. Each returns the exit code. Those that not every task has throw ConfigError for
// another task: generate, trace, counterfactual, ask, tokenize.
int train(Options const& options);
int evaluate(Options const& options, EvaluateOptions const& what);
int generate(Options const& options, GenerateOptions const& how);
/// `jobs` runs at a time; `dry_run` prints the arms and trains nothing.
int sweep(Options const& options, int jobs, bool dry_run);
int describe(Options const& options);
/// The processor, and which kernels run on it.
int describe_machine();
int report(std::vector<std::filesystem::path> const& runs, Options const& options,
           std::filesystem::path const& file);
/// Where every token of a text goes, as a file.
int trace(Options const& options, TraceOptions const& what);
/// What every token would have lost with each other expert.
int counterfactual(Options const& options, CounterfactualOptions const& how);
/// Answers a question about a CSV table, with its evidence.
int ask(Options const& options, AskOptions const& what);
/// Text to token ids or back, with the tokenizer of a run or of a Hugging Face folder.
int tokenize(Options const& options, TokenizeOptions const& what);
/// Logits of lists of ids.
int logits(LogitsOptions const& options);
/// Writes a folder that transformers saved with its weights in other formats.
int convert(ConvertOptions const& options);
/// Writes a run of a language model as `folder`, which transformers loads.
int export_run(Options const& options, std::filesystem::path const& folder);
int list();
int schema();

}  // namespace moenda::runner
