// SPDX-License-Identifier: Apache-2.0
// A causal model refuses experts that choose among all tokens of a batch or of a sequence.
// says: LanguageModel: the router chooses by looking at later tokens, so a causal model would see
// says: the future; wrap it in router::AllowFutureLeak<...> to accept that
#include "models.hpp"
using namespace compile_fail;

Mixture<router::ExpertChoice, expert::Ffn>::Config encoder;  // by itself it is fine
Model<router::ExpertChoiceAtPosition, expert::Ffn>::Config at_position;
#ifdef MOENDA_MUST_FAIL
Model<router::ExpertChoice, expert::Ffn>::Config config;
#else
Model<router::AllowFutureLeak<router::ExpertChoice>, expert::Ffn>::Config config;
#endif
