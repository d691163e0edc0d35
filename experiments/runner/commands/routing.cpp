// SPDX-License-Identifier: Apache-2.0
// Looking into the routers of a trained language model: moenda trace, moenda counterfactual.
#include <algorithm>
#include <iostream>
#include <sstream>

#include "moenda/files/atomic_file.hpp"
#include "moenda/probe/counterfactual.hpp"
#include "moenda/probe/trace.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "moenda/report/terminal/table.hpp"
#include "runner/run/run.hpp"
#include "runner/run/traced_prompt.hpp"
#include "runner/tasks/language/language_commands.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

/// A trained run and the text on which it is looked at.
struct Trained {
  Run run;
  data::TokenStream text;
  AnyNetwork network;

  Trained(Run opened, Backend& backend)
      : run(std::move(opened)),
        text(splits_of_trained(run, backend.pool).valid),
        network(backend, run.config.model, unfilled) {
    load_weights(run, network);
  }
  [[nodiscard]] data::Windows windows(int length) const {
    data::Windows const all(text, length, length);
    if (all.count() > 0) return all;
    throw DataError("data: the validation text must hold at least " + std::to_string(length + 1) +
                    " tokens, but it has " + std::to_string(text.size()));
  }
  /// Where every token of the first `batches` of validation text goes. Throws ConfigError if
  /// nothing is routed.
  [[nodiscard]] probe::RoutingTrace trace(std::int64_t batches) {
    probe::TraceProbe<Backend> probe;
    (void)probe::watch<AnyNetwork, Backend>(network, windows(run.config.model.context_length),
                                            run.config.train.batch_size, batches, probe);
    if (probe.trace().mixtures.empty()) {
      throw ConfigError(run.folder.string() + ": there is nothing to see: the model has no router");
    }
    return probe.trace();
  }
};

/// Calls f(trained) with the run of the command.
template <class F>
int with_trained(Options const& options, F f) {
  auto run = open_run(options, Purpose::use);
  auto const compute = run.config.compute;
  return with_backend(options, compute, [&](Backend& backend) {
    Trained trained(std::move(run), backend);
    return f(trained);
  });
}

/// Sums of one mixture over all its tokens.
struct Regret {
  int num_experts = 0, tokens = 0, best = 0;
  double loss = 0, oracle = 0, chance = 0;

  void add(probe::Counterfactual const& found, int token) {
    num_experts = found.num_experts;
    ++tokens;
    best += found.regret_of(token) == 0 ? 1 : 0;
    loss += found.chosen_loss_of(token);
    oracle += found.best_of(token);
    chance += found.chance_loss_of(token);
  }
  [[nodiscard]] std::vector<std::string> row(int layer) const {
    auto const mean = [&](double sum) { return io::format_fixed(sum / tokens, 4); };
    return {std::to_string(layer),  std::to_string(num_experts),
            std::to_string(tokens), mean(loss),
            mean(oracle),           mean(loss - oracle),
            mean(chance),           io::format_fixed(100.0 * best / tokens, 1)};
  }
};

constexpr char const* explanation =
    "One token at a time is sent elsewhere, in one layer. oracle's: the loss if its best expert\n"
    "had been known; by chance: the mean over all experts. Sending all tokens at once may give\n"
    "less.\n";

constexpr char const* counterfactual_header =
    "layer,window,position,token,chosen,best,loss,best_loss,chance_loss\n";

std::string csv_line(probe::Counterfactual const& found, int layer, std::int64_t window, int token,
                     int id) {
  std::ostringstream line;
  line.exceptions(std::ios::badbit);
  line.precision(9);
  line << layer << ',' << window << ',' << token << ',' << id << ','
       << found.chosen[std::size_t(token)] << ',' << found.best_expert(token) << ','
       << found.chosen_loss_of(token) << ',' << found.best_of(token) << ','
       << found.chance_loss_of(token) << '\n';
  return line.str();
}

}  // namespace

namespace {

int show_counterfactual(Trained& trained, CounterfactualOptions const& how) {
  int const length = std::min(how.seq_len, trained.run.config.model.context_length);
  auto const text = trained.windows(length);
  auto const windows = std::min(how.windows, text.count());
  auto const mixtures = trained.trace(1).mixtures;
  std::string csv = counterfactual_header;
  io::Table table(
      {"layer", "experts", "tokens", "loss", "oracle's", "regret", "by chance", "best chosen %"});
  io::Progress progress("counterfactual", mixtures.size() * std::uint64_t(windows));
  auto const size = std::size_t(length);
  std::vector<int> inputs(size), targets(size);
  std::uint64_t done = 0;
  for (auto const& [mixture, routed] : mixtures) {
    Regret regret;
    for (std::int64_t w = 0; w < windows; ++w) {
      auto const window = w * text.count() / windows;  // spread over the text
      text.fill(window, inputs, targets);
      auto const found =
          probe::counterfactual(trained.network, {inputs.data(), 1, length}, targets, mixture);
      for (int t = 0; t < found.tokens(); ++t) {
        regret.add(found, t);
        csv += csv_line(found, routed.layer, window, t, inputs[std::size_t(t)]);
      }
      progress.update(++done);
    }
    table.add_row(regret.row(routed.layer));
  }
  progress.finish();
  std::cout << table.text() << explanation << std::flush;
  io::write_file_atomically(how.file, csv);
  std::cout << "counterfactual " << how.file.string() << std::endl;
  return 0;
}

}  // namespace

int trace_text(Options const& options, TraceOptions const& what) {
  require_writable(what.file);
  if (!what.prompt) {
    return with_trained(options, [&](Trained& trained) {
      require_no_input(what.file, trained.run.folder);
      print_trace(trained.trace(trained.run.config.evaluate.batches), trained.run.folder,
                  what.file);
      return 0;
    });
  }
  auto const run = open_run(options, Purpose::use);
  require_no_input(what.file, run.folder);
  auto const ids = run.tokenizer.encode(*what.prompt);
  with_backend(options, run.config.compute, [&](Backend& backend) {
    AnyNetwork network(backend, run.config.model, unfilled);
    load_weights(run, network);
    print_trace(trace_of_prompt<Backend>(network, ids), run.folder, what.file);
  });
  return 0;
}

int counterfactual_of_text(Options const& options, CounterfactualOptions const& how) {
  require_writable(how.file);
  return with_trained(options, [&](Trained& trained) {
    require_no_input(how.file, trained.run.folder);
    return show_counterfactual(trained, how);
  });
}

}  // namespace moenda::runner
