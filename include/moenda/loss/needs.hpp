// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/core/gates.hpp"
#include "moenda/module/rules.hpp"

namespace moenda::loss {

/// Throws ConfigError unless the router gave `table`, which the loss cannot do without. A table
/// without columns is absent; one without items is present.
template <class B>
void require_table(Tensor<B> table, char const* name, char const* loss) {
  if (table.cols > 0) return;
  throw ConfigError(std::string(loss) + ": the router must give " + name +
                    ", which this one does not have; set the weight of the loss to 0 in a file, or "
                    "leave it out of the type");
}

/// A weight is a finite number, 0 (off, which costs nothing) or above.
inline void check_weight(double weight, Problems& problems) {
  problems.expect(std::isfinite(weight) && weight >= 0, "weight", "at least 0 and finite", weight);
}

}  // namespace moenda::loss
