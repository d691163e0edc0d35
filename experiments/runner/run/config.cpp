// SPDX-License-Identifier: Apache-2.0
#include "runner/run/config.hpp"

#include <algorithm>
#include <cmath>

#include "runner/run/folder.hpp"

namespace moenda::runner {

namespace {

constexpr std::size_t longest_name = 100;

bool is_name(std::string const& name) {
  bool ok = !name.empty() && name.size() <= longest_name && name.front() != '.';
  for (char const c : name) {
    ok = ok && (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.');
  }
  return ok;
}

void check_data(data::CorpusConfig const& c, Problems& problems) {
  problems.in("data", [&] {
    problems.expect(c.max_bytes >= 0, "max_bytes", "at least 0", c.max_bytes);
    problems.expect(c.train_fraction > 0 && c.train_fraction <= 1, "train_fraction",
                    "above 0 and at most 1", c.train_fraction);
    problems.expect(c.valid_fraction >= 0 && c.valid_fraction <= 1, "valid_fraction", "in 0..1",
                    c.valid_fraction);
    problems.expect(c.test_fraction >= 0 && c.test_fraction <= 1, "test_fraction", "in 0..1",
                    c.test_fraction);
    double const sum = c.train_fraction + c.valid_fraction + c.test_fraction;
    if (!(std::abs(sum - 1) <= 1e-6)) {
      problems.add("train_fraction, valid_fraction and test_fraction must sum to 1, got " +
                   std::to_string(sum));
    }
  });
}
void check_completions(CompletionConfig const& c, Problems& problems) {
  constexpr int most_tokens = 1 << 16;
  constexpr std::int64_t most_tasks = 1'000'000;
  bool const cuts = c.kind == CompletionKind::held_out;
  problems.expect(c.tasks >= (cuts ? 1 : 0) && c.tasks <= most_tasks, "tasks",
                  cuts ? "in 1..1000000" : "in 0..1000000", c.tasks);
  for (auto const& [key, tokens] : {std::pair("context_tokens", c.context_tokens),
                                    std::pair("ending_tokens", c.ending_tokens)}) {
    problems.expect(tokens >= 1 && tokens <= most_tokens, key, "in 1..65536", tokens);
  }
}
void check_evaluation(RunConfig const& c, Problems& problems) {
  problems.in("evaluate", [&] {
    problems.expect(c.evaluate.every >= 0, "every", "at least 0", c.evaluate.every);
    problems.expect(c.evaluate.batches >= 1, "batches", "at least 1", c.evaluate.batches);
    problems.expect(c.evaluate.test_batches >= 0, "test_batches", "at least 0",
                    c.evaluate.test_batches);
    // Windows further apart than they are long would leave tokens out.
    problems.expect(
        c.evaluate.test_stride >= 0 &&
            c.evaluate.test_stride <= std::max(0, c.model.context_length),
        "test_stride",
        "in 0..model.context_length, which is " + std::to_string(c.model.context_length),
        c.evaluate.test_stride);
    problems.expect(c.evaluate.leak_windows >= 0, "leak_windows", "at least 0",
                    c.evaluate.leak_windows);
    problems.in("completions", [&] { check_completions(c.evaluate.completions, problems); });
  });
  problems.in("log", [&] { check_log(c.log, problems); });
  problems.in("compute", [&] { check_compute(c.compute, problems); });
  problems.in("generate", [&] {
    problems.expect(c.generate.max_tokens >= 0, "max_tokens", "at least 0", c.generate.max_tokens);
    problems.in("sampler", [&] { Sampler::check(c.generate.sampler, problems); });
  });
}

void check_run_config(RunConfig const& c, toml::table const& table) {
  Problems problems;
  check_name(c.name, problems);
  problems.in("tokenizer", [&] { check_tokenizer(c.tokenizer, problems); });
  check_data(c.data, problems);
  problems.in("train", [&] { TrainConfig::check(c.train, problems); });
  check_evaluation(c, problems);
  auto model = c.model;
  if (model.vocab_size == 0) model.vocab_size = std::max(1, expected_vocab_size(c.tokenizer));
  add_model_problems(problems, AnyModel::check(model));
  io::refuse_problems(table, "", problems);
}

}  // namespace

void check_name(std::string const& name, Problems& problems) {
  if (is_name(name)) return;
  problems.add("name", "name must be 1 to " + std::to_string(longest_name) +
                           " letters, digits, '_', '-' and '.', not beginning with '.', got " +
                           (name.size() > longest_name ? std::to_string(name.size()) + " of them"
                                                       : "'" + name + "'"));
}
void check_tokenizer(TokenizerConfig const& tokenizer, Problems& problems) {
  problems.expect(tokenizer.vocab_size >= 257 && tokenizer.vocab_size <= 1'000'000, "vocab_size",
                  "in 257..1000000", tokenizer.vocab_size);
}
void add_model_problems(Problems& problems, Problems const& of_model) {
  for (auto const& [where, what] : of_model.found()) {
    problems.add(where.empty() ? "model" : "model." + where, what);
  }
}
void check_log(LogConfig const& log, Problems& problems) {
  problems.expect(log.every >= 1, "every", "at least 1", log.every);
  problems.expect(log.checkpoint_every >= 0, "checkpoint_every", "at least 0",
                  log.checkpoint_every);
}

RunConfig read_run_config(toml::table& table, std::filesystem::path const& path) {
  RunConfig config;
  config.name = path.stem().string();
  io::read_toml(table, config, "");
  check_run_config(config, table);
  config.start_from = resolved_start(config.start_from, path, TaskKind::language_modeling);
  return config;
}

RunConfig read_run_config(std::filesystem::path const& path,
                          std::vector<std::string> const& overrides) {
  Options options;
  options.config = path;
  options.overrides = overrides;
  auto given = load_given(options);
  auto const& task = task_of(given.table);
  if (task.kind != TaskKind::language_modeling) {
    throw ConfigError(path.string() + ": this must be a run of a language model, but its task is " +
                      task.name());
  }
  return read_run_config(given.table, path);
}

int expected_vocab_size(TokenizerConfig const& tokenizer) {
  switch (tokenizer.kind) {
    case TokenizerKind::byte:
      return 256;
    case TokenizerKind::gpt2:
      return 50257;
    case TokenizerKind::trained:
      return tokenizer.vocab_size;
  }
  return 0;
}

std::string trained_part(RunConfig config) {
  if (config.model.vocab_size == 0) {  // so that config.resolved.toml names the same run
    config.model.vocab_size = expected_vocab_size(config.tokenizer);
  }
  config.title.clear();
  config.evaluate = {};
  config.log = {};
  config.generate = {};
  config.compute = what_decides_bits(config.compute);
  return io::write_toml(config);
}

std::string run_id(RunConfig const& config) { return id_of(trained_part(config)); }

}  // namespace moenda::runner
