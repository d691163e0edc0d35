// SPDX-License-Identifier: Apache-2.0
// A balancing loss has nothing to train where the router has no parameters.
// says: Mixture: a load-balancing loss needs a router with parameters to train that is not balanced
// says: by construction; remove loss::LoadBalancing, or in a file set its weight to 0
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Mixture<Fixed, expert::Ffn, loss::LoadBalancing>::Config config;
#else
Mixture<Fixed, expert::Ffn>::Config config;
#endif
