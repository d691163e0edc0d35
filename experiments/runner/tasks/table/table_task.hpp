// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "runner/run/task.hpp"

namespace moenda::runner {

/// A router and functional experts learn to answer questions about tables.
Task table_task();

}  // namespace moenda::runner
