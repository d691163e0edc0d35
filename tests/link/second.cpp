// SPDX-License-Identifier: Apache-2.0
#include "everything.hpp"
#include "shared.hpp"

void const* second_address() { return &moenda::version; }
