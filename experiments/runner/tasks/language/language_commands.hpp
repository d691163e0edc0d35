// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one does with a trained language model beside evaluating it.
#include <filesystem>

#include "runner/commands.hpp"

namespace moenda::runner {

/// Continues a prompt.
int generate_text(Options const& options, GenerateOptions const& how);
/// How well it predicts a text that is not the run's.
int evaluate_text(Options const& options, EvaluateOptions const& what);
/// Where the tokens of validation text, or of a prompt, go, as a file.
int trace_text(Options const& options, TraceOptions const& what);
/// What each token of validation text would have lost with another expert.
int counterfactual_of_text(Options const& options, CounterfactualOptions const& how);
/// Text to ids and back.
int tokenize_text(Options const& options, TokenizeOptions const& what);

}  // namespace moenda::runner
