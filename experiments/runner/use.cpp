// SPDX-License-Identifier: Apache-2.0
// What one does with a trained run: evaluate, generate, report.
#include <iostream>
#include <nlohmann/json.hpp>

#include "measured_loss.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/io/report.hpp"
#include "moenda/io/results_table.hpp"
#include "run.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

int evaluate(Options const& options) {
  auto const run = open_run(options);
  Backend backend(options.threads, run.config.compute.matmul, run.config.compute.precision);
  auto const splits = make_splits(run.config, run.tokenizer, run.cache, backend.pool);
  AnyNetwork network(backend, run.config.model);
  load_weights(run, network);
  io::Table table({"text", "stride", "tokens", "loss", "perplexity"});
  auto const row = [&](std::string const& name, data::TokenStream const& tokens, int stride) {
    int const length = run.config.model.context_length;
    auto const result = measured_loss(run, network, name, tokens, stride);
    if (result.tokens == 0) return;  // a loss over no text would read as perfect
    table.add_row({name, std::to_string(stride > 0 ? stride : length),
                   std::to_string(result.tokens), io::format_fixed(result.loss, 4),
                   io::format_fixed(result.perplexity(), 2)});
  };
  row("valid", splits.valid, 0);
  row("test", splits.test, 0);
  if (run.config.evaluate.test_stride > 0) {
    row("test", splits.test, run.config.evaluate.test_stride);
  }
  std::cout << table.text();
  return 0;
}

int generate(Options const& options, std::optional<std::string> const& prompt,
             std::optional<int> max_tokens) {
  auto const run = open_run(options);
  Backend backend(options.threads, run.config.compute.matmul, run.config.compute.precision);
  AnyNetwork network(backend, run.config.model);
  load_weights(run, network);
  auto const& config = run.config.generate;
  auto const text = prompt.value_or(config.prompt);
  auto const ids = run.tokenizer.encode(text);
  if (ids.empty()) throw ConfigError("generate: the prompt must not be empty");
  std::cout << text << std::flush;
  (void)moenda::generate(network, ids, max_tokens.value_or(config.max_tokens), config.sampler,
                         run.tokenizer.end_of_text().value_or(-1),
                         [&](int id) { std::cout << run.tokenizer.decode({id}) << std::flush; });
  std::cout << std::endl;
  return 0;
}

int report(std::vector<fs::path> const& given, Options const& options, fs::path const& file) {
  std::vector<fs::path> runs;
  for (auto const& path : given) {
    Options one = options;
    one.config = path;
    std::error_code error;
    runs.push_back(fs::is_directory(path, error) ? path : open_run(one).folder);
  }
  std::error_code error;  // a rename would put a page in the place of a device
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    throw DataError(file.string() + ": must be a regular file, or not there yet");
  }
  io::write_report(runs, file);
  std::cout << io::results_text(runs) << "report " << file.string() << std::endl;
  return 0;
}

}  // namespace moenda::runner
