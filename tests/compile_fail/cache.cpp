// SPDX-License-Identifier: Apache-2.0
// What lives on the arena is never destroyed.
// says: Context::make: caches live on the arena and are never destroyed, so they must be trivially
// says: destructible
#include <moenda/core/context.hpp>

struct Cache {
#ifdef MOENDA_MUST_FAIL
  std::vector<int> rows;
#else
  std::span<int> rows;
#endif
};
void make(moenda::Context<moenda::Shapes>& ctx) { (void)ctx.make<Cache>(1); }
