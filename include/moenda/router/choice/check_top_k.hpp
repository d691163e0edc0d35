// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "moenda/module/rules.hpp"

namespace moenda::router {

inline void check_top_k(int top_k, Setting const& setting, Problems& problems) {
  problems.expect(top_k >= 1 && top_k <= setting.num_experts, "top_k",
                  "in 1.." + std::to_string(setting.num_experts) + ", the number of experts",
                  top_k);
}

}  // namespace moenda::router
