// SPDX-License-Identifier: Apache-2.0
// The one main function of all test programs; compiling it takes longer than most test files.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
