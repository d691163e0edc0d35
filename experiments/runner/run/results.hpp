// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files that tell of a run: meta.json, results.json.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "moenda/cpu/levels/choose.hpp"
#include "moenda/energy/meter.hpp"
#include "moenda/record/run_record.hpp"
#include "runner/run/task.hpp"

namespace moenda::runner {

/// What meta.json says of a run beside the program and the machine.
struct RunMeta {
  std::string title, model;  ///< `model` in words
  ModelCost cost;
  std::string data;           ///< fingerprint of what it learns from
  std::string first_weights;  ///< hash of those of start_from; "" of a run without
  int threads = 1;
  cpu::ChosenLevel kernels;
  bool sees_later_tokens = false;  ///< a causal model whose router is allowed to
};

/// meta.json: how a run came to be.
std::string meta_text(RunMeta const& meta);

/// What training drew, where the number comes from, and what it means in CO2. Evaluation is that
/// of this process alone.
nlohmann::ordered_json energy_results(std::string const& source, double training_joules,
                                      double evaluation_joules, double tokens, double seconds,
                                      int threads);

/// Bytes of memory that this process has ever held at once.
std::int64_t peak_resident_bytes();

/// What meta.json says of the model's cost; nothing where it does not say it.
std::optional<ModelCost> cost_in_meta(io::RunRecord const& run);

/// Whether the run has finished and been measured in the way of that name, see evaluation_hash.
/// Throws DataError for a damaged results.json.
bool is_measured(io::RunRecord const& run, std::string const& evaluation);

/// Prints "run FOLDER" and the result line. Throws DataError for a damaged results.json.
void print_result(std::filesystem::path const& folder);

/// A note on stderr where files of a finished run are not as they were when it ended.
void say_changed_files(std::filesystem::path const& folder);

/// A trained model is worth nothing with other data than its own: classes, means and words are
/// learnt anew from whatever the files hold. Throws DataError unless `fingerprint` is the one in
/// the run's meta.json.
void refuse_other_data(std::filesystem::path const& folder, std::string const& fingerprint);

/// A note on stderr where start_from names other weights by now than those that the run began with.
/// `hash` is theirs now, "" where they are gone.
void say_other_start(std::filesystem::path const& folder, std::string const& hash);

/// For --force: moves all that training wrote to the folder run_files::set_aside of `folder`, which
/// is a run folder of its own. While one lies there, what has begun since is an attempt without a
/// checkpoint worth keeping: that is removed instead. Returns the folder, or nothing when none is
/// set aside.
std::optional<std::filesystem::path> set_results_aside(std::filesystem::path const& folder);

/// Removes what was set aside.
void remove_set_aside(std::filesystem::path const& folder);

}  // namespace moenda::runner
