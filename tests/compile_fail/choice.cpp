// SPDX-License-Identifier: Apache-2.0
// Only what is offered can be chosen.
// says: OneOf::choose: M must be one of the alternatives
#include "models.hpp"
using namespace compile_fail;

using Either = OneOf<expert::Ffn, expert::SwiGlu>;
#ifdef MOENDA_MUST_FAIL
auto config = Either::choose<expert::Zero>();
#else
auto config = Either::choose<expert::SwiGlu>();
#endif
