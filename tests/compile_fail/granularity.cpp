// SPDX-License-Identifier: Apache-2.0
// An expert that needs whole sequences refuses single tokens.
// says: Mixture: the expert needs whole sequences (or table rows) in order, so the router must
// says: route that unit; wrap it in router::PerSequence<...>
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Model<router::TopK, Recurrent>::Config config;
#else
Model<WholeSequences, Recurrent>::Config config;
#endif
