// SPDX-License-Identifier: Apache-2.0
#include "run_config.hpp"

#include <cmath>

#include "moenda/core/random.hpp"

namespace moenda::runner {

namespace {

bool is_name(std::string const& name) {
  bool ok = !name.empty() && name.size() <= 100 && name.front() != '.';
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
void check_evaluation(RunConfig const& c, Problems& problems) {
  problems.in("evaluate", [&] {
    problems.expect(c.evaluate.every >= 0, "every", "at least 0", c.evaluate.every);
    problems.expect(c.evaluate.batches >= 1, "batches", "at least 1", c.evaluate.batches);
    problems.expect(c.evaluate.test_batches >= 0, "test_batches", "at least 0",
                    c.evaluate.test_batches);
    problems.expect(c.evaluate.test_stride >= 0, "test_stride", "at least 0",
                    c.evaluate.test_stride);
    problems.expect(c.evaluate.leak_windows >= 0, "leak_windows", "at least 0",
                    c.evaluate.leak_windows);
  });
  problems.in("log", [&] {
    problems.expect(c.log.every >= 1, "every", "at least 1", c.log.every);
    problems.expect(c.log.checkpoint_every >= 0, "checkpoint_every", "at least 0",
                    c.log.checkpoint_every);
  });
  problems.in("generate", [&] {
    problems.expect(c.generate.max_tokens >= 0, "max_tokens", "at least 0", c.generate.max_tokens);
    problems.in("sampler", [&] { Sampler::check(c.generate.sampler, problems); });
  });
}

}  // namespace

void check_run_config(RunConfig const& c, toml::table const& table) {
  Problems problems;
  if (!is_name(c.name)) {
    problems.add("name", "name must be letters, digits, '_', '-' and '.', got '" + c.name + "'");
  }
  problems.in("tokenizer", [&] {
    problems.expect(c.tokenizer.vocab_size >= 257 && c.tokenizer.vocab_size <= 1'000'000,
                    "vocab_size", "in 257..1000000", c.tokenizer.vocab_size);
  });
  check_data(c.data, problems);
  problems.in("train", [&] { TrainConfig::check(c.train, problems); });
  check_evaluation(c, problems);
  auto model = c.model;
  if (model.vocab_size == 0) model.vocab_size = 1;  // comes from the tokenizer
  Problems all = problems;
  auto const of_model = AnyModel::check(model);
  for (auto const& [where, what] : of_model.found()) {
    all.add(where.empty() ? "model" : "model." + where, what);
  }
  io::refuse_problems(table, "", all);
}

RunConfig read_run_config(std::filesystem::path const& path,
                          std::vector<std::string> const& overrides) {
  auto table = io::load_toml(path);
  if (auto const* sweep = table.get("sweep")) {
    throw ConfigError(io::place_of(*sweep) +
                      ": a file with a [sweep] describes many runs: use `moenda sweep`");
  }
  for (auto const& assignment : overrides) io::override_toml(table, assignment);
  RunConfig config;
  config.name = path.stem().string();
  io::read_toml(table, config, "");
  check_run_config(config, table);
  resolve_start(config, path);
  return config;
}

void resolve_start(RunConfig& config, std::filesystem::path const& path) {
  if (!config.start_from.ends_with(".toml")) return;
  auto const source = read_run_config(path.parent_path() / config.start_from, {});
  config.start_from = source.name + "/" + run_id(source);
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
  return io::write_toml(config);
}

std::string run_id(RunConfig const& config) {
  auto hash = stream_of(trained_part(config));
  std::string id;
  for (int i = 0; i < 12; ++i, hash >>= 5) id += "0123456789abcdefghijkmnpqrstuvwx"[hash & 31];
  return id;
}

}  // namespace moenda::runner
