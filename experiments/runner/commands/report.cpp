// SPDX-License-Identifier: Apache-2.0
// moenda report: a page that compares runs, or the page of a sweep.
#include <algorithm>
#include <iostream>

#include "moenda/files/own_files.hpp"
#include "moenda/report/report.hpp"
#include "moenda/report/sweep/sweep.hpp"
#include "moenda/report/terminal/results_table.hpp"
#include "runner/run/folder.hpp"
#include "runner/run/results.hpp"
#include "runner/sweep/results.hpp"

namespace moenda::runner {

namespace fs = std::filesystem;

namespace {

/// The folder of the sweep that `path` names, its sweep.json up to date; "" if it names a run.
fs::path sweep_folder(fs::path const& path, Options const& options) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (!fs::exists(path / io::run_files::sweep_results, error)) return {};
    io::require_own_folder(path);
    return path;
  }
  if (!is_sweep(path)) return {};
  auto const plan = plan_sweep(path, {});
  auto const folder = options.out / plan.name;
  io::require_own_folder(folder);
  auto const results = read_sweep_results(plan, options.out);
  bool const any = std::any_of(results.begin(), results.end(), [&](ArmResult const& result) {
    return !result.values(plan.config.measure).empty();
  });
  if (!any) {
    throw DataError(folder.string() + ": no run of this sweep has a " + plan.config.measure +
                    " yet; `moenda sweep` trains them");
  }
  write_sweep_results(plan, results, folder);
  std::cout << comparison_text(plan, results);
  return folder;
}

/// A note on stderr if files of the run `id` of a sweep have changed since it ended. A received
/// sweep.json may name anything: what is no plain name is no run of it.
void say_changed_run(fs::path const& sweep, std::string const& id) {
  std::error_code error;
  if (id.empty() || id.find_first_of("./") != id.npos || !fs::is_directory(sweep / id, error))
    return;
  say_changed_files(sweep / id);
}

fs::path run_folder(fs::path const& path, Options options) {
  std::error_code error;
  if (fs::is_directory(path, error)) return path;
  options.config = path;
  auto given = load_given(options);
  auto const facts = task_of(given.table).facts(given.table, given.path);
  return options.out / facts.name / facts.id;
}

}  // namespace

int report(std::vector<fs::path> const& given, Options const& options, fs::path const& file) {
  require_writable(file);
  std::vector<fs::path> runs;
  for (auto const& path : given) {
    auto const sweep = sweep_folder(path, options);
    if (sweep.empty()) {
      runs.push_back(run_folder(path, options));
      continue;
    }
    if (given.size() > 1) {
      throw ConfigError("report: " + path.string() +
                        " is a sweep, which has a page of its own: give it alone");
    }
    auto const results = io::read_sweep(sweep / io::run_files::sweep_results);
    for (auto const& arm : results.arms) {
      for (auto const& run : arm.runs) say_changed_run(sweep, run.id);
    }
    io::write_sweep_report(results, file);
  }
  if (!runs.empty()) {
    io::write_report(runs, file);
    std::cout << io::results_text(runs);
  }
  std::cout << "report " << file.string() << std::endl;
  return 0;
}

}  // namespace moenda::runner
