// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "runner/run/task.hpp"

namespace moenda::runner {

/// A model of sequences or table rows learns to predict a number.
Task regression_task();

}  // namespace moenda::runner
