// SPDX-License-Identifier: Apache-2.0
// The feed-forward of a block must be a layer, not a router.
// says: TransformerBlock: the feed-forward must be a layer: a Mixture<...>, or an expert
// says: such as expert::Ffn or expert::SwiGlu
#include "models.hpp"
using namespace compile_fail;

using Attention = attention::GroupedQuery<position::Rope>;
#ifdef MOENDA_MUST_FAIL
TransformerBlock<norm::Rms, Attention, router::TopK>::Config config;
#else
TransformerBlock<norm::Rms, Attention, expert::SwiGlu>::Config config;
#endif
