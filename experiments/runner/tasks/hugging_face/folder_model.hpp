// SPDX-License-Identifier: Apache-2.0
#pragma once
// The model of a folder, for the commands that use it. Whoever calls something of FamilyNetwork
// compiles it, so these commands stand in one folder, which is compiled as one file.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "moenda/import/hugging_face/config.hpp"
#include "moenda/model/network.hpp"
#include "runner/run/compute.hpp"
#include "runner/run/config.hpp"

namespace moenda::runner {

using FamilyNetwork = Network<hugging_face::Model, Backend>;

/// What the command line may say of a folder, in the words of a run's file.
struct FolderConfig {
  struct Evaluate {
    int test_stride = 0;
    Format weights = Format::fp32;
    std::vector<PartFormat> weights_of{};
    MOENDA_FIELDS(Evaluate, test_stride, weights, weights_of);

    [[nodiscard]] Formats formats() const { return {weights, weights_of}; }
  };
  Evaluate evaluate{};
  GenerateConfig generate{.prompt = ""};
  ComputeConfig compute{};
  MOENDA_FIELDS(FolderConfig, evaluate, generate, compute);
};
/// Throws ConfigError with every problem.
FolderConfig read_folder_config(std::vector<std::string> const& overrides);

/// Throws DataError for what is not read.
hugging_face::Description read_description(std::filesystem::path const& folder);

/// Calls f(network) with the model of a folder, its weights kept as asked.
void with_folder_model(Options const& options, FolderConfig const& config,
                       hugging_face::Description const& d,
                       std::function<void(FamilyNetwork&)> const& f);

}  // namespace moenda::runner
