// SPDX-License-Identifier: Apache-2.0
#include "everything.hpp"
#include "shared.hpp"

int main() { return first_address() == second_address() ? 0 : 1; }

void const* first_address() { return &moenda::version; }
