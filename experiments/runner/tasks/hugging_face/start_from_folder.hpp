// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>

#include "runner/run/run.hpp"

namespace moenda::runner {

/// Gives a run's model the weights of a folder that transformers saved, all of them. Throws
/// ConfigError where the model is not the folder's, DataError where the folder is damaged, or its
/// weights are not numbers that can be trained.
void start_from_folder(AnyNetwork& network, std::filesystem::path const& folder);

}  // namespace moenda::runner
