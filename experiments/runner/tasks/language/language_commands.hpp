// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one does with a trained language model beside evaluating it.
#include <filesystem>

#include "runner/commands.hpp"

namespace moenda::runner {

/// Continues a prompt.
int generate_text(Options const& options, GenerateOptions const& how);
/// Where the tokens of validation text go, as a file.
int trace_text(Options const& options, std::filesystem::path const& file);
/// What each token of validation text would have lost with another expert.
int counterfactual_of_text(Options const& options, CounterfactualOptions const& how);
/// Text to ids and back.
int tokenize_text(Options const& options, TokenizeOptions const& what);

}  // namespace moenda::runner
