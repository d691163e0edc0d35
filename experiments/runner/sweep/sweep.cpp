// SPDX-License-Identifier: Apache-2.0
// moenda sweep: runs every point of a sweep, then compares the arms.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "moenda/core/suggest.hpp"
#include "moenda/files/atomic_folder.hpp"
#include "moenda/files/folder_lock.hpp"
#include "moenda/files/own_files.hpp"
#include "moenda/record/run_record.hpp"
#include "moenda/report/sweep/sweep.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "runner/run/results.hpp"
#include "runner/sweep/child.hpp"
#include "runner/sweep/results.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t stop_signal = 0;
void note_signal(int signal) { stop_signal = signal; }

/// Without SA_RESTART, so that waiting for a run ends when a signal comes.
void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

/// The last line that says something, of what a run printed.
std::string last_line(fs::path const& log) {
  std::ifstream file(log);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line.substr(line.rfind('\r') + 1);
  }
  return last;
}

/// Runs what has not run yet, `jobs` at a time.
class Execution {
 public:
  Execution(SweepPlan const& plan, Options const& options, int jobs)
      : options_(options),
        jobs_(jobs),
        name_(plan.name),
        folder_(options.out / plan.name / "sweep") {
    io::create_folders(folder_);
    io::require_own_files(folder_, false);
    std::set<std::string> known;
    for (auto const& arm : plan.arms) {
      for (auto const& run : arm.runs) {
        auto const& id = run.id;
        if (!known.insert(id).second) continue;  // two arms may be the same run
        total_ += 1;
        auto const file = folder_ / (id + ".toml");
        if (!options.force &&
            is_measured(io::RunRecord(options.out / plan.name / id), run.evaluation)) {
          ++done_;
          ++begun_;
          continue;
        }
        io::write_file_atomically(file, run.toml);
        waiting_.push_back({run.title, id, file});
      }
    }
  }

  /// 0, 130 when interrupted, or the exit code of the last run that failed; the others go on.
  int go() {
    catch_signals();
    std::size_t next = 0;
    int code = 0;
    if (done_ > 0) std::cerr << done_ << " of " << total_ << " runs are already trained\n";
    while (next < waiting_.size() || !running_.empty()) {
      while (stop_signal == 0 && next < waiting_.size() && int(running_.size()) < jobs_) {
        begin(waiting_[next++]);
      }
      if (running_.empty()) break;
      auto const ended = wait_for_any();
      if (stop_signal != 0) forward_signal();
      if (ended.process < 0) continue;
      if (int const run_code = finish(ended); run_code != 0) code = run_code;
      if (stop_signal != 0 && running_.empty()) break;
    }
    if (stop_signal == 0) return code;
    std::cerr << "sweep: interrupted after " << done_ << " of " << total_
              << " runs, what was running is saved; the same command continues\n";
    return 130;
  }

 private:
  struct Task {
    std::string title, id;
    fs::path file;
    [[nodiscard]] fs::path log() const { return fs::path(file).replace_extension(".log"); }
  };

  void begin(Task const& task) {
    std::cerr << "[" << ++begun_ << "/" << total_ << "] " << task.title << '\n';
    std::vector<std::string> arguments{"train",     task.file.string(),
                                       "--out",     options_.out.string(),
                                       "--threads", std::to_string(options_.threads)};
    if (options_.force) arguments.emplace_back("--force");
    std::error_code error;
    fs::remove(failure_file(options_.out / name_, task.id), error);
    wait_for_saving(options_.out / name_ / task.id);
    running_.emplace(start(arguments, jobs_ == 1 ? fs::path() : task.log()), &task);
  }
  /// A run of a sweep that was killed may still be saving. If it takes longer, the run that is
  /// about to begin says who has its folder.
  static void wait_for_saving(fs::path const& run) {
    if (!io::is_there(run)) return;
    try {
      io::require_own_folder(run);
      io::FolderLock const free(run, std::chrono::seconds(20));
    } catch (DataError const&) {
    }
  }
  int finish(Ended const& ended) {
    auto const found = running_.find(ended.process);
    if (found == running_.end()) return 0;
    auto const& task = *found->second;
    running_.erase(found);
    if (ended.code == 0) {
      ++done_;
      ++finished_;
      std::error_code error;
      fs::remove(task.log(), error);
      if (jobs_ > 1) std::cerr << "      done: " << task.title << remaining() << '\n';
      return 0;
    }
    if (ended.code == 130 || stop_signal != 0) {
      if (stop_signal == 0) stop_signal = SIGINT;  // the run heard it before we did
      return 0;
    }
    auto const failure = "failed with code " + std::to_string(ended.code) +
                         (jobs_ == 1 ? "" : ": " + last_line(task.log()));
    std::cerr << "sweep: the run '" << task.title << "' " << failure << '\n';
    io::write_file_atomically(failure_file(options_.out / name_, task.id), failure + "\n");
    return ended.code;
  }
  [[nodiscard]] std::string remaining() const {
    double const took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    double const left = took / double(finished_) * double(total_ - done_);
    return ", " + std::to_string(done_) + " of " + std::to_string(total_) + ", about " +
           io::Progress::clock(left) + " left";
  }
  /// A terminal sends SIGINT to every process of the group; other senders only to this one.
  void forward_signal() {
    if (forwarded_) return;
    forwarded_ = true;
    for (auto const& [process, task] : running_) send_signal(process, SIGTERM);
  }

  Options const& options_;
  int jobs_;
  std::string name_;
  fs::path folder_;
  std::vector<Task> waiting_;
  std::map<pid_t, Task const*> running_;
  std::size_t begun_ = 0, done_ = 0, total_ = 0, finished_ = 0;
  bool forwarded_ = false;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Which measures there are is known only when a run has been measured.
[[noreturn]] void refuse_measure(std::string const& measure,
                                 std::vector<ArmResult> const& results) {
  std::set<std::string> names;
  for (auto const& arm : results) {
    for (auto const& run : arm.runs) {
      for (auto const& [name, value] : run) names.insert(name);
    }
  }
  std::vector<std::string> const known(names.begin(), names.end());
  throw ConfigError("sweep.measure must be one of what the runs have measured: " + join(known) +
                    "; got '" + measure + "'" + did_you_mean(measure, known));
}

/// Notes on stderr for runs whose files have changed since they ended.
void say_changed_runs(SweepPlan const& plan, fs::path const& out) {
  std::set<fs::path> said;
  for (auto const& arm : plan.arms) {
    for (auto const& run : arm.runs) {
      auto const folder = out / run.name / run.id;
      if (said.insert(folder).second) say_changed_files(folder);
    }
  }
}

}  // namespace

int sweep(Options const& options, int jobs, bool dry_run) {
  auto const plan = plan_sweep(options.config, options.overrides);
  std::cout << plan_text(plan);
  if (dry_run) return 0;
  auto const folder = options.out / plan.name;
  io::require_own_folder(folder);
  io::create_folders(folder);
  io::FolderLock const lock(folder);
  io::require_own_files(folder, false);
  int const code = Execution(plan, options, jobs).go();
  if (code == 130) return code;
  say_changed_runs(plan, options.out);
  auto const results = read_sweep_results(plan, options.out);
  bool const any = std::any_of(results.begin(), results.end(), [&](ArmResult const& result) {
    return !result.values(plan.config.measure).empty();
  });
  if (!any && code != 0) return code;
  std::cout << '\n' << comparison_text(plan, results);
  write_sweep_results(plan, results, folder);
  auto const page = folder / io::run_files::sweep_page;
  io::write_sweep_report(io::read_sweep(folder / io::run_files::sweep_results), page);
  std::cout << "report " << page.string() << std::endl;
  if (!any) refuse_measure(plan.config.measure, results);
  return code;
}

}  // namespace moenda::runner
