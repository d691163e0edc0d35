// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "runner/run/task.hpp"

namespace moenda::runner {

/// A model of sequences or table rows learns to predict one of some classes.
Task classification_task();

}  // namespace moenda::runner
