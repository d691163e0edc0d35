// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace moenda {

/// The only place that states the version; the build system reads this line.
inline constexpr char version[] = "0.1.0";

}  // namespace moenda
