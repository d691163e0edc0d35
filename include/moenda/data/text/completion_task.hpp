// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

namespace moenda::data {

/// A context and endings, of which one is the true one: what a network scores. Apart from how tasks
/// are made, which needs tokenizers.
struct CompletionTask {
  std::vector<int> context;
  std::vector<std::vector<int>> endings;
  int answer = 0;  ///< index of the true ending
};

}  // namespace moenda::data
