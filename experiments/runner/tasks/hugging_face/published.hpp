// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "moenda/import/hugging_face/config.hpp"
#include "runner/model.hpp"

namespace moenda::runner {

/// The published family whose models compute what a model of ours computes, and its config there.
/// Throws ConfigError with the key for what no such family has.
hugging_face::Description published(AnyModel::Config const& model);

}  // namespace moenda::runner
