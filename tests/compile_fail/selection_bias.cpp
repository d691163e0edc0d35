// SPDX-License-Identifier: Apache-2.0
// A balancing bias needs a router that selects by scores to which it can be added.
// says: BiasBalanced: the router inside must let its selection be biased; its forward() must take
// says: one more argument, Weight<B> const* selection_bias, as router::TopK, router::Switch,
// says: router::GShard and router::NoisyTopK do
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Model<router::BiasBalanced<router::Random>, expert::Ffn>::Config config;
#else
Model<router::BiasBalanced<router::TopK>, expert::Ffn>::Config config;
#endif
