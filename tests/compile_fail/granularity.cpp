// SPDX-License-Identifier: Apache-2.0
// A recurrent expert needs whole sequences and refuses single tokens.
// says: Mixture: the expert needs whole sequences (or table rows) in order, so the router must
// says: route that unit; wrap it in router::PerSequence<...>
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Model<router::TopK, expert::Gru>::Config config;
#else
Model<WholeSequences, expert::Gru>::Config config;
#endif
