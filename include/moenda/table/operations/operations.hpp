// SPDX-License-Identifier: Apache-2.0
#pragma once
// All functional experts, in the order of Operation.
#include "moenda/table/operations/average.hpp"
#include "moenda/table/operations/comparison.hpp"
#include "moenda/table/operations/count.hpp"
#include "moenda/table/operations/extremum.hpp"
#include "moenda/table/operations/lookup.hpp"
#include "moenda/table/operations/sum.hpp"

namespace moenda::expert::tab {

/// A functional expert, without its type.
struct OperationFacts {
  Parts parts;
  Outcome (*execute)(data::Table const&, Selection const&, std::vector<int> const& rows);
};
template <class... Ops>
[[nodiscard]] constexpr std::array<OperationFacts, sizeof...(Ops)> facts_of() {
  return {OperationFacts{Ops::parts, &Ops::execute}...};
}
inline constexpr auto operations = facts_of<Lookup, Count, Sum, Average, Extremum, Comparison>();
static_assert(operations.size() == num_operations);

/// Computes: exactly, and the same on every machine.
[[nodiscard]] inline Outcome execute(data::Table const& table, Operation operation,
                                     Selection const& chosen) {
  return operations[std::size_t(operation)].execute(table, chosen,
                                                    data::rows_where(table, chosen.condition));
}

}  // namespace moenda::expert::tab
