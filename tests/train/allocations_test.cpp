// SPDX-License-Identifier: Apache-2.0
// This program needs the counting operator new as well; it is checked by the same test.
#include "laws/allocations_test.cpp"
