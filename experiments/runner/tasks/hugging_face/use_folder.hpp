// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one does with a folder that transformers saved.
#include <filesystem>

#include "runner/commands.hpp"

namespace moenda::runner {

/// Whether `path` is such a folder: it has a config.json, which no run has.
bool is_hugging_face(std::filesystem::path const& path);

/// Said on stderr where F16 is kept as bf16.
inline constexpr char const* bits_are_lost =
    "moenda: the weights are F16; as bf16 they lose 3 of their 11 bits\n";

/// Logits of lists of ids.
int logits_of_folder(LogitsOptions const& options);
/// Continues a prompt. The keys [generate], [compute] and evaluate.weights may be given.
int generate_from_folder(Options const& options, GenerateOptions const& how);
/// Family, configuration, tensors and sizes.
int describe_folder(std::filesystem::path const& folder);

}  // namespace moenda::runner
