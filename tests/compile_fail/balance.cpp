// SPDX-License-Identifier: Apache-2.0
// A balancing loss has nothing to do where the router is balanced anyway.
// says: Mixture: a load-balancing loss needs a router with parameters to train that is not balanced
// says: by construction; remove loss::LoadBalancing, or in a file set its weight to 0
#include "models.hpp"
using namespace compile_fail;

Model<Balanced, expert::Ffn, loss::RouterZ>::Config other_losses_are_fine;
#ifdef MOENDA_MUST_FAIL
Model<Balanced, expert::Ffn, loss::LoadBalancing>::Config config;
#else
Model<router::TopK, expert::Ffn, loss::LoadBalancing>::Config config;
#endif
