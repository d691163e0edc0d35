// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where runs live, whatever they learn.
#include <filesystem>
#include <string>

#include "runner/run/compute.hpp"
#include "runner/run/task.hpp"

namespace moenda::runner {

/// 12 letters and digits of the configuration of what is trained, as TOML: names the run folder.
std::string id_of(std::string const& trained_part);

/// The folder of a run: the one given, or runs/NAME/ID. `trained_part` of the given configuration
/// and `original`, that of the folder's own file, must agree; throws ConfigError.
std::filesystem::path folder_of(GivenConfig const& given, Options const& options,
                                std::string const& name, std::string const& trained_part,
                                std::string const& original);

/// The weights that a run begins with: a file of the run that `start_from` names, or that file
/// itself. Throws DataError when that run has not been trained.
std::filesystem::path starting_weights(std::string const& start_from,
                                       std::filesystem::path const& out);

/// The weights of a run's newest checkpoint. Throws DataError when there is none.
std::filesystem::path newest_weights(std::filesystem::path const& folder);

}  // namespace moenda::runner
