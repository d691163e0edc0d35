// SPDX-License-Identifier: Apache-2.0
// Router and expert in the wrong order.
// says: RouterLike
#include "models.hpp"
using namespace compile_fail;

#ifdef MOENDA_MUST_FAIL
Model<expert::Ffn, router::TopK>::Config config;
#else
Model<router::TopK, expert::Ffn>::Config config;
#endif
