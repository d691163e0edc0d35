// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where runs live, whatever they learn.
#include <filesystem>
#include <string>

#include "moenda/toml/write.hpp"
#include "runner/run/compute.hpp"
#include "runner/run/task.hpp"

namespace moenda::runner {

/// 12 letters and digits of the configuration of what is trained, as TOML: names the run folder.
std::string id_of(std::string const& trained_part);

/// Names the way in which a finished run is measured: a hash of its [evaluate] without the keys
/// that change no result of training.
template <class Evaluate>
[[nodiscard]] std::string evaluation_hash(Evaluate evaluate) {
  evaluate.every = {};
  evaluate.weights = {};
  if constexpr (requires { evaluate.weights_of; }) evaluate.weights_of = {};
  auto text = io::write_toml(evaluate);
  std::string const younger = "weights_of = []\n";  // runs from before this key have no such line
  if (auto const at = text.find(younger); at != std::string::npos) text.erase(at, younger.size());
  return id_of(text);
}

/// What a run is opened for. A trained one may be used with another [compute] than it was trained
/// with.
enum class Purpose { train, use };

/// The configuration that names the run's folder: the given one, when it is to be used without the
/// overrides of [compute].
GivenConfig load_naming(Options options, Purpose purpose);

/// The folder of a run: the one given, or runs/NAME/ID. `trained_part` of the naming configuration
/// and `original`, that of the folder's own file, must agree; throws ConfigError.
std::filesystem::path folder_of(GivenConfig const& given, Options const& options,
                                std::string const& name, std::string const& trained_part,
                                std::string const& original);

/// The weights that a run begins with: a file of the run that `start_from` names, or that file
/// itself. Says on stderr which files of that run have changed. Throws DataError when it has not
/// been trained.
std::filesystem::path starting_weights(std::string const& start_from,
                                       std::filesystem::path const& out);

/// A hash of the weights that `start_from` names now, also of a folder that transformers saved; ""
/// where there are none, for a run that goes on needs them no more.
std::string hash_of_first_weights(std::string const& start_from, std::filesystem::path const& out);

/// Refuses, before anything is computed, a file that could not be written: throws DataError unless
/// it is absent or a regular file, in a folder that is present.
void require_writable(std::filesystem::path const& file);

/// The same for one that would take the place of a file in a model's `folder`, or of `input`, a
/// file that is read. Throws ConfigError.
void require_no_input(std::filesystem::path const& file, std::filesystem::path const& folder,
                      std::filesystem::path const& input = {});

/// The weights of a run's newest checkpoint. Throws DataError when there is none.
std::filesystem::path newest_weights(std::filesystem::path const& folder);

}  // namespace moenda::runner
