// SPDX-License-Identifier: Apache-2.0
// One expert among several is enough to refuse single tokens.
// says: Mixture: the expert needs whole sequences (or table rows) in order, so the router must
// says: route that unit; wrap it in router::PerSequence<...>
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Mixture<router::TopK, Experts<expert::SwiGlu, expert::Gru>>::Config config;
#else
Mixture<WholeSequences, Experts<expert::SwiGlu, expert::Gru>>::Config config;
#endif
