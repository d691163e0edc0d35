// SPDX-License-Identifier: Apache-2.0
#include "classification_task.hpp"

#include "labelled_task.hpp"

namespace moenda::runner {

Task classification_task() { return LabelledTask<output::Classes>::task(); }

}  // namespace moenda::runner
