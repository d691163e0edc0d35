// SPDX-License-Identifier: Apache-2.0
// The commands that every task answers for itself: train, eval, describe, list, schema.
#include <iostream>

#include "sweep_results.hpp"
#include "task.hpp"

namespace moenda::runner {

int train(Options const& options) { return task_of(load_given(options).table).train(options); }

int evaluate(Options const& options) {
  return task_of(load_given(options).table).evaluate(options);
}

int describe(Options const& options) {
  if (is_sweep(options.config)) {
    std::cout << plan_text(plan_sweep(options.config, options.overrides));
    return 0;
  }
  auto given = load_given(options);
  task_of(given.table).describe(given.table, given.path);
  return 0;
}

int list() {
  for (auto const& task : tasks()) {
    auto const* name = enum_names(task.kind)[std::size_t(task.kind)];
    if (&task != &tasks().front()) std::cout << '\n';
    std::cout << "task = \"" << name << "\"\n";
    task.list();
  }
  return 0;
}

/// One document: a file must be what one of the tasks takes.
int schema() {
  nlohmann::ordered_json document{{"title", "Moenda run"}};
  for (auto const& task : tasks()) {
    auto part = task.schema();
    document["$schema"] = part["$schema"];
    part.erase("$schema");
    document["anyOf"].push_back(std::move(part));
  }
  std::cout << document.dump(2) << std::endl;
  return 0;
}

}  // namespace moenda::runner
