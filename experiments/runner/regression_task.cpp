// SPDX-License-Identifier: Apache-2.0
#include "regression_task.hpp"

#include "labelled_task.hpp"

namespace moenda::runner {

Task regression_task() { return LabelledTask<output::Value>::task(); }

}  // namespace moenda::runner
