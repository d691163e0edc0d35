// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/labelled/classification_task.hpp"

#include "runner/tasks/labelled/labelled_task.hpp"

namespace moenda::runner {

Task classification_task() { return LabelledTask<output::Classes>::task(); }

}  // namespace moenda::runner
