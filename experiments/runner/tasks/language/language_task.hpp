// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "runner/run/task.hpp"

namespace moenda::runner {

/// A language model learns to predict the next token of a text.
Task language_task();

}  // namespace moenda::runner
