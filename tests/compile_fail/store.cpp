// SPDX-License-Identifier: Apache-2.0
// What trains keeps plain values.
// says: store: a model in training keeps plain values; store those of a Network
#include "models.hpp"
#include "moenda/weights/stored.hpp"
using namespace compile_fail;

using Stored = Model<router::TopK, expert::Ffn>;
using Backend = cpu::Backend<float>;
#ifdef MOENDA_MUST_FAIL
void store_it(Training<Stored, Backend>& model) { store(model, Format::bf16); }
#else
void store_it(Network<Stored, Backend>& model) { store(model, Format::bf16); }
#endif
