// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/labelled/regression_task.hpp"

#include "runner/tasks/labelled/labelled_task.hpp"

namespace moenda::runner {

Task regression_task() { return LabelledTask<output::Value>::task(); }

}  // namespace moenda::runner
