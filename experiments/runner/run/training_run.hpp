// SPDX-License-Identifier: Apache-2.0
#pragma once
// One `moenda train`, whatever it learns.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "moenda/energy/meter.hpp"
#include "moenda/files/folder_lock.hpp"
#include "moenda/record/file_hashes.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "moenda/toml/write.hpp"
#include "moenda/train/checkpoint.hpp"
#include "moenda/train/start_from.hpp"
#include "runner/run/changed_logs.hpp"
#include "runner/run/interrupt.hpp"
#include "runner/run/results.hpp"
#include "runner/run/routing_log.hpp"
#include "runner/run/run.hpp"

namespace moenda::runner {

/// A trainer, its run folder, and what is written there. A task T has
///   Model;  Run: `config`, `folder`, `out`, title(), checkpoints()
///   Data(run, pool): training() for the Trainer, fingerprint(), can_validate(),
///     validation_loss(run, network), show_fixed(network, probe): a fixed part of the validation
///     data, for churn
///   name: of its entry in results.json;  measure(run, network, data): that entry, NamedMeasures
///   finish(run, network, data, results): whatever else a trained model should leave
///   begin(run, network), if it has it: true when it gave the network the weights of start_from
///   summary(model): the model in words;  cost(model): its ModelCost
template <class T>
class TrainingRun {
 public:
  using TaskTraining = Training<typename T::Model, Backend>;
  using Examples = decltype(std::declval<typename T::Data>().training());

  /// `anew`: from the beginning, whatever stands in the folder.
  TrainingRun(typename T::Run run, Backend& backend, bool anew)
      : run_(std::move(run)),
        backend_(backend),
        data_(run_, backend_.pool),
        network_(backend_, run_.config.model, run_.config.train.seed,
                 run_.config.train.initial_std),
        trainer_(network_, run_.config.train, data_.training()),
        energy_(energy::processor_source()),
        training_energy_(*energy_),
        evaluation_energy_(*energy_) {
    if (anew) {
      start();
      set_aside();
    } else if (!resume()) {
      start();
    }
    // Not before: whoever is refused must find the run's own files as they were.
    if (!measured_before_) io::remove_file_hashes(run_.folder);
    io::write_file_atomically(run_.folder / io::run_files::configuration,
                              io::write_toml(run_.config));
    T::keep(run_);
    auto const& model = run_.config.model;
    bool const causal = inside<typename T::Model>(model, {}).causal;
    io::write_file_atomically(
        run_.folder / io::run_files::meta,
        meta_text({run_.title(), T::summary(model), T::cost(model), data_.fingerprint(),
                   first_weights_, backend_.pool.threads(),
                   cpu::choose_level(run_.config.compute.kernels, run_.config.compute.matmul),
                   causal && sees_later_tokens<typename T::Model>(model)}));
    if (measured_before_) io::renew_configuration_hashes(run_.folder);
  }

  int go() {
    metrics_.emplace(run_.folder / io::run_files::metrics, io::metrics_header,
                     trainer_.step_count());
    if (routes()) {
      routing_.emplace(run_.folder, trainer_.step_count(), choices_before_,
                       [this](auto& probe) { return data_.show_fixed(network_, probe); });
    }
    changed_logs_.find(run_.title(), logs());
    io::EventFile events(run_.folder, std::uint64_t(trainer_.step_count()) + 1);
    io::Progress progress(run_.title(), std::uint64_t(trainer_.steps()),
                          std::uint64_t(trainer_.step_count()));
    while (trainer_.step_count() < trainer_.steps()) {
      if (interrupted != 0) return stop();
      try {
        step(events);
      } catch (NumericError const&) {
        save_state();  // weights and moments are those before the step
        throw;
      }
      progress.update(std::uint64_t(trainer_.step_count()), progress_text());
    }
    progress.finish(progress_text());
    if (saved_ != trainer_.step_count()) save();
    metrics_->close();  // all that results.json stands for is on disk before it is
    if (routing_) routing_->close();
    events.close();
    try {
      finish();
    } catch (Interrupted) {
      return stopped();
    }
    return 0;
  }

 private:
  /// Whether there is routing to watch: experts that an item does not visit, or that may drop it.
  [[nodiscard]] bool routes() const {
    auto const& model = run_.config.model;
    return T::Model::active_parameter_count(model) < T::Model::parameter_count(model) ||
           has_mixture<typename T::Model>(model);
  }
  /// With the weights of another model, if the configuration names one.
  void start() {
    if (run_.config.start_from.empty()) return;
    first_weights_ = hash_of_first_weights(run_.config.start_from, run_.out);
    if constexpr (requires { T::begin(run_, network_); }) {
      if (T::begin(run_, network_)) return;
    }
    auto const file = starting_weights(run_.config.start_from, run_.out);
    auto const started = start_from(network_, file);
    std::cerr << run_.title() << ": begins with " << file.string() << ": " << started.copied
              << " tensors copied, " << started.upcycled << " experts' copied from a dense layer, "
              << started.fresh << " new\n";
  }
  /// Only now: data, model and memory are there.
  void set_aside() {
    if (auto const place = set_results_aside(run_.folder)) {
      std::cerr << run_.title()
                << ": until the first new checkpoint, the run that was there lies in "
                << place->string() << '\n';
    }
  }
  /// False when there is no checkpoint.
  bool resume() {
    auto const newest = newest_checkpoint(run_.checkpoints());
    if (!newest) return false;
    auto const state = load_checkpoint(*newest, network_, trainer_);
    seconds_ = state.spent.seconds;
    training_energy_.start_from(state.spent.joules);
    changed_logs_.expect(state.logs);
    auto const step = trainer_.step_count();
    if (step > trainer_.steps() || checkpoint_folder(run_.checkpoints(), step) != *newest) {
      throw DataError((*newest / io::run_files::state).string() +
                      ": step must be that of the folder and " + "at most " +
                      std::to_string(trainer_.steps()) + ", got " + std::to_string(step));
    }
    refuse_other_data(run_.folder, data_.fingerprint());
    first_weights_ = io::RunRecord(run_.folder).first_weights();
    recall(io::RunRecord(run_.folder));
    saved_ = step;
    std::cerr << run_.title() << ": continuing after step " << trainer_.step_count() << '\n';
    if (auto const now = kernels_of(backend_); !state.kernels.empty() && state.kernels != now) {
      std::cerr << run_.title() << ": the steps before ran on " << state.kernels
                << " kernels, from here on they run on " << now
                << " ones: sums differ in their last digits ([compute] kernels)\n";
    }
    return true;
  }
  /// What the steps before the checkpoint measured, for results.json. Reads every file that rows
  /// will be added to, so that one of another version is refused while all is as it was.
  void recall(io::RunRecord const& record) {
    if (auto results = record.results()) {
      measured_before_ = std::move(*results);
      changed_before_ = io::changed_files(run_.folder);
    }
    try {
      recall_logs(record);
    } catch (DataError const& error) {
      throw DataError(std::string(error.what()) + "; without the file the run goes on");
    }
  }
  void recall_logs(io::RunRecord const& record) {
    choices_before_ = logged_choices(record, trainer_.step_count());
    if (!record.has(io::run_files::metrics)) return;
    io::CsvReader<io::MetricsRow> metrics(record.file(io::run_files::metrics), io::metrics_header);
    io::MetricsRow row;
    while (metrics.next(row) && std::int64_t(row.step) <= trainer_.step_count()) {
      train_loss_ = row.train_loss;
      if (row.valid_loss) valid_loss_ = row.valid_loss;
    }
  }
  [[nodiscard]] ChangedLogs::Logs logs() const {
    ChangedLogs::Logs all{{io::run_files::metrics, metrics_->hash()}};
    if (routing_) {
      auto const [experts, layers] = routing_->hashes();
      all.emplace_back(io::run_files::routing, experts);
      all.emplace_back(io::run_files::routing_layers, layers);
    }
    return all;
  }
  void step(io::EventFile& events) {
    auto const next = trainer_.step_count() + 1;
    bool const logs = next % run_.config.log.every == 0 || next == trainer_.steps() || next == 1;
    auto const between = run_.config.evaluate.every;
    bool const validates =
        data_.can_validate() && (next == trainer_.steps() || (between > 0 && next % between == 0));
    RoutingHook<Backend>* probe = nullptr;
    if (logs && routing_) {
      evaluation_energy_.resume();
      probe = routing_->before_step();
      evaluation_energy_.pause();
    }
    auto const begin = std::chrono::steady_clock::now();
    training_energy_.resume();
    auto const result = trainer_.step(probe);
    double const took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    seconds_ += took;
    training_energy_.pause();
    train_loss_ = result.loss.mean;
    evaluation_energy_.resume();
    if (validates) valid_loss_ = data_.validation_loss(run_, network_);
    if (probe != nullptr) routing_->after_step(next);
    evaluation_energy_.pause();
    if (logs || validates) log(events, result, validates, took);
    auto const every = run_.config.log.checkpoint_every;
    if (every > 0 && next % every == 0) save();
  }
  /// Rows of metrics.csv and of the event file.
  void log(io::EventFile& events, StepResult const& result, bool validates, double took) {
    auto const step = std::uint64_t(trainer_.step_count());
    metrics_->add(io::to_csv({step, std::uint64_t(tokens()), seconds_, result.learning_rate,
                              *train_loss_, validates ? valid_loss_ : std::nullopt,
                              result.gradient_norm, double(trainer_.tokens_per_step()) / took}));
    std::vector<io::EventScalar> scalars{{"loss/train", result.loss.mean},
                                         {"learning_rate", result.learning_rate}};
    if (validates) scalars.push_back({"loss/valid", *valid_loss_});
    if (routing_ && routing_->step() == step) {
      for (auto& scalar : routing_->scalars()) scalars.push_back(std::move(scalar));
    }
    events.add(step, scalars);
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
  void save_state() {
    if (!io::is_there(run_.folder / io::run_files::configuration)) {
      throw DataError(
          run_.folder.string() +
          ": was removed while the run was being trained; nothing is left to save it in");
    }
    save_checkpoint(run_.checkpoints(), network_, trainer_, {seconds_, training_energy_.joules()},
                    2, changed_logs_.hashes(logs()));
    saved_ = trainer_.step_count();
  }
  /// The run that this one replaces is kept until then.
  void save() {
    save_state();
    if (trainer_.step_count() > 0) remove_set_aside(run_.folder);
  }

  /// results.json: what the trained model is worth, and what it cost.
  void finish() {
    evaluation_energy_.resume();
    if (measured_before_ && data_.can_validate()) {
      valid_loss_ = data_.validation_loss(run_, network_);  // as [evaluate] asks now
    }
    auto measures = T::measure(run_, network_, data_);
    if (valid_loss_) measures.add("valid_loss", *valid_loss_);
    nlohmann::ordered_json results;
    results["results"][T::name] = measures.json();
    results["training"] = {{"steps", trainer_.step_count()},
                           {"tokens", tokens()},
                           {"skipped_steps", skipped_steps()},
                           {"dropped_share", routing_ ? routing_->dropped_share() : 0.0},
                           {"train_loss", train_loss_.value_or(std::nan(""))},
                           {"seconds", seconds_},
                           {"tokens_per_second", double(tokens()) / seconds_},
                           {"peak_bytes", peak_resident_bytes()},
                           {"step_memory_bytes", network_.arena.peak()}};
    if (measured_before_) {  // training itself was in that process
      bool const is_known = std::find(changed_before_.begin(), changed_before_.end(),
                                      io::run_files::results) == changed_before_.end();
      for (char const* key : {"peak_bytes", "step_memory_bytes"}) {
        results["training"].erase(key);
        auto const known = measured_before_->training.find(key);
        if (is_known && known != measured_before_->training.end()) {
          results["training"][key] = std::int64_t(known->second);
        }
      }
    }
    results["evaluation"] = evaluation_hash(run_.config.evaluate);
    T::finish(run_, network_, data_, routing_.has_value(), results);
    evaluation_energy_.pause();
    results["energy"] =
        energy_results(energy_->name(), training_energy_.joules(), evaluation_energy_.joules(),
                       double(tokens()), seconds_, backend_.pool.threads());
    auto changed = io::still_changed(changed_before_);
    changed.insert(changed.end(), changed_logs_.names().begin(), changed_logs_.names().end());
    io::end_run(run_.folder,
                results.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
                changed);
  }
  [[nodiscard]] std::int64_t tokens() const {
    return trainer_.step_count() * trainer_.tokens_per_step();
  }
  /// Of the whole run.
  [[nodiscard]] std::int64_t skipped_steps() const {
    return trainer_.step_count() - std::int64_t(trainer_.state.step);
  }
  static std::string shown(double value, int digits) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(digits) << value;
    return text.str();
  }
  [[nodiscard]] std::string progress_text() const {
    auto text = train_loss_ ? "loss " + shown(*train_loss_, 3) : "";
    if (valid_loss_) text += "  valid " + shown(*valid_loss_, 3);
    if (skipped_steps() > 0) text += "  skipped " + std::to_string(skipped_steps());
    if (routing_) text += routing_->alarm();
    return text + "  " + shown(double(tokens()) / std::max(seconds_, 1e-9), 0) + " tokens/s";
  }

  typename T::Run run_;
  std::string first_weights_;  // a hash, for meta.json
  Backend& backend_;
  typename T::Data data_;
  TaskTraining network_;
  Trainer<TaskTraining, Examples> trainer_;
  std::optional<RowFile> metrics_;
  std::optional<RoutingLog> routing_;  // of a mixture
  ChangedLogs changed_logs_;
  std::unique_ptr<energy::Source> energy_;
  energy::Meter training_energy_, evaluation_energy_;
  double seconds_ = 0;  // of training, without evaluation and files
  std::optional<double> train_loss_, valid_loss_;
  LoggedChoices choices_before_;                   // of the steps before this process
  std::optional<io::RunResults> measured_before_;  // of a run that is measured again
  std::vector<std::string> changed_before_;        // of its files, since it ended
  std::int64_t saved_ = -1;                        // the step of the newest checkpoint
};

/// The command: trains `run`, or continues it. T::keep(run) writes what the run must not lose.
template <class T>
int train_run(typename T::Run run, Options const& options) {
  auto const folder = run.folder;
  io::require_own_folder(folder);
  io::create_folders(folder);
  io::FolderLock const lock(folder);
  io::require_own_files(folder, true);
  io::RunRecord const record(folder);
  if (!options.force && newest_checkpoint(run.checkpoints())) {
    say_other_start(folder, hash_of_first_weights(run.config.start_from, run.out));
  }
  if (!options.force && is_measured(record, evaluation_hash(run.config.evaluate))) {
    std::cerr << run.title() << ": already trained; --force trains it again\n";
    say_changed_files(folder);
    print_result(folder);
    return 0;
  }
  if (!options.force && record.finished()) {
    if (!newest_checkpoint(run.checkpoints())) {
      throw DataError(folder.string() +
                      ": the run was measured in another way ([evaluate]), and there is no "
                      "checkpoint to measure again; --force trains it again");
    }
    std::cerr << run.title()
              << ": already trained, but measured in another way ([evaluate]); measuring again\n";
    say_changed_files(folder);
  }
  io::remove_leftovers(folder);
  if (io::is_there(run.checkpoints())) io::remove_leftovers(run.checkpoints());
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  auto const compute = run.config.compute;
  int const code = with_backend(options, compute, [&](Backend& backend) {
    return TrainingRun<T>(std::move(run), backend, options.force).go();
  });
  if (code == 0) print_result(folder);
  return code;
}

}  // namespace moenda::runner
