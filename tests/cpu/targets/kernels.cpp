// SPDX-License-Identifier: Apache-2.0
// Every kernel on rows, columns or single numbers against a plain loop in double, at every width
// that its vector code may meet. Compiled for several targets; prints what is wrong.
#include "elementwise.hpp"
#include "gates.hpp"
#include "moves.hpp"
#include "routing.hpp"
#include "rows.hpp"

namespace targets {

void all() {
  for (int const width : widths()) {
    for (auto const family : {activations, arithmetic, optimizer, squared_errors, draws}) {
      family(width);
    }
    for (auto const family : {softmax, select, choices, one_column, norms, unit_rows}) {
      family(width);
    }
    for (auto const family : {pooling, padding, rotation, windows, dispatch}) {
      family(width);
    }
    for (auto const family : {losses_of_probs, importance, top_any, balancing_bias, presence,
                              derivations, expectation}) {
      family(width);
    }
  }
  for (int const width : some_widths()) {
    for (auto const family : {keys_to_hash, plans, smooth_load, gate_rows, sinkhorn, assignment}) {
      family(width);
    }
  }
}

}  // namespace targets

int main() { return targets::run(targets::all); }
