// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "measured_loss.hpp"
#include "moenda/energy/carbon.hpp"
#include "moenda/energy/meter.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/io/folder_lock.hpp"
#include "moenda/io/progress.hpp"
#include "moenda/train/future_leak.hpp"
#include "moenda/train/start_from.hpp"
#include "routing_log.hpp"
#include "run.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t interrupted = 0;

/// Thrown between two batches of the final evaluation when a signal has come.
struct Interrupted {};
void end_if_interrupted() {
  if (interrupted != 0) throw Interrupted{};
}

/// SIGINT and SIGTERM ask for a checkpoint; a second one ends at once.
void ask_to_stop(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

std::string shown(double value, int digits = 4) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

/// One `moenda train`: a trainer, its run folder, and what is written there.
class TrainingRun {
 public:
  TrainingRun(Run run, Options const& options)
      : run_(std::move(run)),
        backend_(options.threads, run_.config.compute.matmul, run_.config.compute.precision),
        splits_(make_splits(run_.config, run_.tokenizer, run_.cache, backend_.pool)),
        network_(backend_, run_.config.model, run_.config.train.seed,
                 run_.config.train.initial_std),
        trainer_(network_, run_.config.train, splits_.train),
        energy_(energy::processor_source()),
        training_energy_(*energy_),
        evaluation_energy_(*energy_) {
    require_text("valid", splits_.valid, run_.config.data.valid_fraction);
    require_text("test", splits_.test, run_.config.data.test_fraction);
    if (!resume()) start();
    io::write_file_atomically(run_.folder / "meta.json",
                              meta_text(run_, backend_.pool.threads(), fingerprint_of(splits_)));
  }

  int go() {
    RowFile metrics(run_.folder / "metrics.csv", io::metrics_header, trainer_.step_count());
    bool const sparse = AnyModel::active_parameter_count(run_.config.model) <
                        AnyModel::parameter_count(run_.config.model);
    if (sparse) {
      routing_.emplace(run_.folder, trainer_.step_count(), windows(splits_.valid, 0));
    }
    io::EventFile events(run_.folder, std::uint64_t(trainer_.step_count()) + 1);
    io::Progress progress(run_.title(), std::uint64_t(trainer_.steps()),
                          std::uint64_t(trainer_.step_count()));
    while (trainer_.step_count() < trainer_.steps()) {
      if (interrupted != 0) return stop();
      try {
        step(metrics, events);
      } catch (NumericError const&) {
        save();  // weights and moments are those before the step
        throw;
      }
      progress.update(std::uint64_t(trainer_.step_count()), progress_text());
    }
    progress.finish(progress_text());
    save();
    try {
      finish();
    } catch (Interrupted) {
      return stopped();
    }
    return 0;
  }

 private:
  /// A loss over no text would read as perfect.
  void require_text(std::string const& name, data::TokenStream const& tokens, double fraction) {
    if (fraction == 0 || windows(tokens, 0).count() > 0) return;
    throw DataError("data: the " + name + " text must hold at least " +
                    std::to_string(run_.config.model.context_length + 1) +
                    " tokens (context_length + 1), but it has " + std::to_string(tokens.size()) +
                    "; give more text, or set data." + name + "_fraction = 0");
  }
  [[nodiscard]] data::Windows windows(data::TokenStream const& tokens, int stride) const {
    int const length = run_.config.model.context_length;
    return {tokens, length, stride > 0 ? stride : length};
  }
  /// With the weights of another model, if the configuration names one.
  void start() {
    if (run_.config.start_from.empty()) return;
    auto const file = starting_weights(run_.config, run_.out);
    auto const started = start_from(network_, file);
    std::cerr << run_.title() << ": begins with " << file.string() << ": " << started.copied
              << " tensors copied, " << started.upcycled << " experts' copied from a dense layer, "
              << started.fresh << " new\n";
  }
  /// False when there is no checkpoint.
  bool resume() {
    auto const newest = newest_checkpoint(run_.checkpoints());
    if (!newest) return false;
    auto const spent = load_checkpoint(*newest, network_, trainer_);
    seconds_ = spent.seconds;
    training_energy_.start_from(spent.joules);
    auto const step = trainer_.step_count();
    if (step > trainer_.steps() || checkpoint_folder(run_.checkpoints(), step) != *newest) {
      throw DataError((*newest / "state.json").string() + ": step must be that of the folder and " +
                      "at most " + std::to_string(trainer_.steps()) + ", got " +
                      std::to_string(step));
    }
    refuse_other_corpus();
    recall_losses();
    std::cerr << run_.title() << ": continuing after step " << trainer_.step_count() << '\n';
    return true;
  }
  /// A run goes on with the text it began with.
  void refuse_other_corpus() const {
    std::ifstream file(run_.folder / "meta.json");
    auto const meta = nlohmann::json::parse(file, nullptr, false);
    auto const corpus = meta.is_object() ? meta.value("corpus", "") : "";
    if (corpus == fingerprint_of(splits_)) return;
    throw DataError(run_.folder.string() +
                    ": the texts must be those that the run began with, but they have changed; "
                    "--force trains it again");
  }
  /// What the last step before the checkpoint measured, for results.json.
  void recall_losses() {
    auto const file = run_.folder / "metrics.csv";
    if (!fs::exists(file)) return;
    for (auto const& row : io::read_metrics(file).rows) {
      if (std::int64_t(row.step) > trainer_.step_count()) break;
      train_loss_ = row.train_loss;
      if (row.valid_loss) valid_loss_ = row.valid_loss;
    }
  }
  void step(RowFile& metrics, io::EventFile& events) {
    auto const next = trainer_.step_count() + 1;
    bool const logs = next % run_.config.log.every == 0 || next == trainer_.steps() || next == 1;
    auto const between = run_.config.evaluate.every;
    bool const validates = splits_.valid.size() > 0 &&
                           (next == trainer_.steps() || (between > 0 && next % between == 0));
    RoutingProbe<Backend>* probe = nullptr;
    if (logs && routing_) {
      evaluation_energy_.resume();
      probe = routing_->before_step(network_);
      evaluation_energy_.pause();
    }
    auto const begin = std::chrono::steady_clock::now();
    training_energy_.resume();
    auto const result = trainer_.step(probe);
    double const took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    seconds_ += took;
    training_energy_.pause();
    train_loss_ = result.loss.cross_entropy;
    if (!result.applied) ++skipped_steps_;
    if (validates) {
      evaluation_energy_.resume();
      valid_loss_ = moenda::evaluate(network_, windows(splits_.valid, 0),
                                     run_.config.train.batch_size, run_.config.evaluate.batches)
                        .loss;
      evaluation_energy_.pause();
    }
    if (logs || validates) {
      metrics.add(
          io::to_csv({std::uint64_t(next), std::uint64_t(tokens()), seconds_, result.learning_rate,
                      train_loss_, validates ? valid_loss_ : std::nullopt, result.gradient_norm,
                      double(trainer_.tokens_per_step()) / took}));
    }
    if (probe != nullptr) {
      evaluation_energy_.resume();
      routing_->after_step(network_, next);
      evaluation_energy_.pause();
    }
    if (logs || validates) {
      std::vector<io::EventScalar> scalars{{"loss/train", result.loss.cross_entropy},
                                           {"learning_rate", result.learning_rate}};
      if (validates) scalars.push_back({"loss/valid", *valid_loss_});
      if (probe != nullptr) {
        for (auto& scalar : routing_->scalars()) scalars.push_back(std::move(scalar));
      }
      events.add(std::uint64_t(next), scalars);
    }
    auto const every = run_.config.log.checkpoint_every;
    if (every > 0 && next % every == 0) save();
  }
  int stop() {
    save();
    return stopped();
  }
  int stopped() const {
    std::cerr << run_.title() << ": interrupted, saved after step " << trainer_.step_count()
              << "; the same command continues\n";
    return 130;
  }
  void save() {
    save_checkpoint(run_.checkpoints(), network_, trainer_, {seconds_, training_energy_.joules()});
  }

  /// Test loss, a generated text, results.json and the result line.
  void finish() {
    evaluation_energy_.resume();
    nlohmann::ordered_json modeling = nlohmann::ordered_json::object();
    if (auto const test =
            measured_loss(run_, network_, "test", splits_.test, 0, end_if_interrupted);
        test.tokens > 0) {
      modeling = {{"test_loss", test.loss},
                  {"perplexity", test.perplexity()},
                  {"test_tokens", test.tokens}};
    }
    if (run_.config.evaluate.test_stride > 0 && !modeling.empty()) {
      auto const overlapping = measured_loss(run_, network_, "test, overlapping", splits_.test,
                                             run_.config.evaluate.test_stride, end_if_interrupted);
      modeling["test_loss_stride"] = overlapping.loss;
      modeling["perplexity_stride"] = overlapping.perplexity();
    }
    if (run_.config.evaluate.leak_windows > 0 && !modeling.empty()) {
      auto const leak =
          future_leak(network_, windows(splits_.test, 0), run_.config.evaluate.leak_windows);
      modeling["test_loss_by_prefix"] = leak.loss_of_prefixes;
      modeling["future_leak"] = leak.nats();
    }
    if (valid_loss_) modeling["valid_loss"] = *valid_loss_;
    if (routing_ && splits_.valid.size() > 0) {
      io::write_file_atomically(
          run_.folder / "routing.json",
          routing_analysis(run_, network_, "valid", windows(splits_.valid, 0)));
    }
    evaluation_energy_.pause();
    auto const peak = peak_resident_bytes();
    nlohmann::ordered_json results;
    results["results"]["language_modeling"] = modeling;
    results["training"] = {{"steps", trainer_.step_count()},
                           {"tokens", tokens()},
                           {"skipped_steps", skipped_steps_},
                           {"dropped_share", routing_ ? routing_->dropped_share() : 0.0},
                           {"train_loss", train_loss_.value_or(std::nan(""))},
                           {"seconds", seconds_},
                           {"tokens_per_second", double(tokens()) / seconds_},
                           {"peak_bytes", peak},
                           {"step_memory_bytes", network_.arena.peak()}};
    results["energy"] = energy_results();
    results["samples"] = {{{"prompt", run_.config.generate.prompt}, {"text", sample()}}};
    io::write_file_atomically(
        run_.folder / "results.json",
        results.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  /// What the training drew, where the number comes from, and what it means in CO2. Evaluation is
  /// that of this process alone.
  [[nodiscard]] nlohmann::ordered_json energy_results() const {
    double const joules = training_energy_.joules(), kwh = energy::kwh_of(joules);
    energy::Machine const machine{.cores = backend_.pool.threads(),
                                  .memory_gb = energy::machine_memory_gb()};
    return {{"source", energy_->name()},
            {"training_joules", joules},
            {"evaluation_joules", evaluation_energy_.joules()},
            {"joules_per_1000_tokens", 1000 * joules / double(tokens())},
            {"co2_grams_world", kwh * *energy::intensity_of("world")},
            {"co2_grams_spain", kwh * *energy::intensity_of("spain")},
            {"green_algorithms_kwh", energy::green_algorithms_kwh(seconds_ / 3600, machine)}};
  }
  std::string sample() {
    auto const prompt = run_.tokenizer.encode(run_.config.generate.prompt);
    if (prompt.empty()) return "";
    auto const ids = moenda::generate(
        network_, prompt, run_.config.generate.max_tokens, run_.config.generate.sampler,
        run_.tokenizer.end_of_text().value_or(-1), [](int) { end_if_interrupted(); });
    return run_.tokenizer.decode(ids);
  }
  [[nodiscard]] std::int64_t tokens() const {
    return trainer_.step_count() * trainer_.tokens_per_step();
  }
  [[nodiscard]] std::string progress_text() const {
    auto text = train_loss_ ? "loss " + shown(*train_loss_, 3) : "";
    if (valid_loss_) text += "  valid " + shown(*valid_loss_, 3);
    if (skipped_steps_ > 0) text += "  skipped " + std::to_string(skipped_steps_);
    if (routing_) text += routing_->alarm();
    return text + "  " + shown(double(tokens()) / std::max(seconds_, 1e-9), 0) + " tokens/s";
  }

  Run run_;
  Backend backend_;
  data::Splits splits_;
  AnyNetwork network_;
  Trainer<AnyNetwork> trainer_;
  std::optional<RoutingLog> routing_;  // of a mixture
  std::unique_ptr<energy::Source> energy_;
  energy::Meter training_energy_, evaluation_energy_;
  double seconds_ = 0;  // of training, without evaluation and files
  std::optional<double> train_loss_, valid_loss_;
  std::int64_t skipped_steps_ = 0;  // by this process
};

nlohmann::json read_results(fs::path const& path) {
  std::ifstream file(path);
  auto results = nlohmann::json::parse(file, nullptr, false);
  bool const ok = results.is_object() && results.contains("training") &&
                  results.contains("results") && results["results"].contains("language_modeling");
  if (!ok) throw DataError(path.string() + ": the file is damaged; --force trains the run again");
  return results;
}
void print_result(fs::path const& folder) {
  auto const results = read_results(folder / "results.json");
  auto const& training = results.at("training");
  auto const& modeling = results.at("results").at("language_modeling");
  std::cout << "run " << folder.string() << "\nresult";
  auto const print = [](nlohmann::json const& from, char const* key) {
    auto const value = from.is_object() ? from.value(key, nlohmann::json()) : nlohmann::json();
    std::cout << ' ' << key << '=' << (value.is_number() ? value.dump() : "nan");
  };
  for (char const* key : {"steps", "tokens", "train_loss"}) print(training, key);
  for (char const* key : {"valid_loss", "test_loss", "perplexity"}) print(modeling, key);
  for (char const* key : {"seconds", "tokens_per_second", "peak_bytes"}) print(training, key);
  std::cout << std::endl;
}

/// The event files of every process that worked on the run.
void remove_events(fs::path const& folder) {
  std::vector<fs::path> events;
  for (auto const& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(io::event_file_prefix)) {
      events.push_back(entry.path());
    }
  }
  for (auto const& file : events) io::remove_tree(file);
}

}  // namespace

int train(Options const& options) {
  auto run = open_run(options);
  io::create_folders(run.folder);
  io::FolderLock const lock(run.folder);
  if (options.force) {
    for (char const* part : {"results.json", "checkpoint", "metrics.csv", "routing.csv",
                             "routing_layers.csv", "routing.json", "tokenizer"}) {
      io::remove_tree(run.folder / part);
    }
    remove_events(run.folder);
  }
  auto const folder = run.folder;
  if (fs::exists(folder / "results.json")) {
    std::cerr << run.title() << ": already trained; --force trains it again\n";
    print_result(folder);
    return 0;
  }
  io::remove_leftovers(folder);
  if (fs::exists(run.checkpoints())) io::remove_leftovers(run.checkpoints());
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  io::write_file_atomically(folder / "config.resolved.toml", io::write_toml(run.config));
  if (run.config.tokenizer.kind != TokenizerKind::byte) {
    io::create_folders(folder / "tokenizer");
    run.tokenizer.save(folder / "tokenizer");
  }
  int const code = TrainingRun(std::move(run), options).go();
  if (code == 0) print_result(folder);
  return code;
}

}  // namespace moenda::runner
