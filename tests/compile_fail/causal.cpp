// SPDX-License-Identifier: Apache-2.0
// A causal model refuses a router that looks at later tokens.
// says: LanguageModel: the router chooses by looking at later tokens, so a causal model would see
// says: the future; wrap it in router::AllowFutureLeak<...> to accept that
#include "models.hpp"
using namespace compile_fail;

Mixture<LookingAhead, expert::Ffn>::Config mixture;  // by itself it is fine
#ifdef MOENDA_MUST_FAIL
Model<LookingAhead, expert::Ffn>::Config config;
#else
Model<router::TopK, expert::Ffn>::Config config;
#endif
