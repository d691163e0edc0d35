// SPDX-License-Identifier: Apache-2.0
#pragma once
// Both files must see the same object: an `inline` that was forgotten shows here or in the linker.
void const* first_address();
void const* second_address();
