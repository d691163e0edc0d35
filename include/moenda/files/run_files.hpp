// SPDX-License-Identifier: Apache-2.0
#pragma once
// The names of what stands in a run's folder, runs/NAME/ID, and in that of its sweep, runs/NAME.
#include <array>

namespace moenda::io::run_files {

inline constexpr char const* configuration = "config.resolved.toml";  ///< alone reproduces the run
inline constexpr char const* meta = "meta.json";       ///< program, machine, hash of the data
inline constexpr char const* metrics = "metrics.csv";  ///< a row per logged step
inline constexpr char const* routing = "routing.csv";  ///< a row per logged step, layer, expert
inline constexpr char const* routing_layers = "routing_layers.csv";  ///< one per step and layer
inline constexpr char const* analysis = "routing.json";   ///< what each expert takes in the end
inline constexpr char const* results = "results.json";    ///< the run has ended
inline constexpr char const* hashes = "hashes.json";      ///< of the other files, when it has ended
inline constexpr char const* checkpoints = "checkpoint";  ///< a folder of folders step_########
inline constexpr char const* tokenizer = "tokenizer";     ///< a folder; of a language model
inline constexpr char const* encoder = "encoder.json";    ///< columns to features; of table rows
inline constexpr char const* vocabulary = "vocabulary.json";  ///< words; of table questions

/// Of a checkpoint, a folder below `checkpoints`.
inline constexpr char const* weights = "model.safetensors";
inline constexpr char const* moments = "optimizer.safetensors";
inline constexpr char const* state = "state.json";

/// What training leaves and begins anew with `--force`; results first, so that a run without them
/// is one that goes on.
inline constexpr std::array of_training{results, hashes,         checkpoints, metrics,
                                        routing, routing_layers, analysis,    tokenizer};
/// What is written again whenever a run goes on.
inline constexpr std::array of_configuration{configuration, meta, encoder, vocabulary};
/// A folder with the run that was there before `--force`, until the first new checkpoint.
inline constexpr char const* set_aside = "before_force";

inline constexpr char const* sweep_results = "sweep.json";
inline constexpr char const* sweep_table = "sweep.csv";
inline constexpr char const* sweep_page = "sweep.html";

}  // namespace moenda::io::run_files
