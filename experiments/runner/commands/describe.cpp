// SPDX-License-Identifier: Apache-2.0
// The commands that a task answers for itself: train, eval, describe, list, schema, which every
// task has, and generate, trace, counterfactual, ask, tokenize, which
// some have.
#include <iostream>

#include "moenda/core/suggest.hpp"
#include "runner/run/task.hpp"
#include "runner/sweep/results.hpp"
#include "runner/tasks/hugging_face/folder_tokenizer.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"

namespace moenda::runner {

namespace {

/// The command of the configuration's task. Throws ConfigError where the task has none.
template <class Command>
Command command_of(Options const& options, char const* name, Command Task::*command) {
  auto const& task = task_of(load_given(options).table);
  if (task.*command != nullptr) return task.*command;
  std::vector<std::string> others;
  for (auto const& other : tasks()) {
    if (other.*command != nullptr) others.emplace_back(other.name());
  }
  throw ConfigError(options.config.string() + ": task = \"" + task.name() + "\" has no command '" +
                    name + "'; the task must be one of: " + join(others));
}

/// A run was taught no conversations.
void refuse_format(char const* name, std::string const& format) {
  if (format == "none") return;
  throw ConfigError(std::string(name) + ": --format=" + format +
                    " needs a folder with a tokenizer.json");
}

}  // namespace

int train(Options const& options) { return task_of(load_given(options).table).train(options); }

int evaluate(Options const& options, EvaluateOptions const& what) {
  if (is_hugging_face(options.config)) return evaluate_folder(options, what);
  if (!what.file.empty()) {
    return command_of(options, "eval --file", &Task::evaluate_text)(options, what);
  }
  if (what.seq_len != 0) throw ConfigError("eval: --seq_len speaks of the text of --file");
  return task_of(load_given(options).table).evaluate(options);
}

int describe(Options const& options) {
  if (is_sweep(options.config)) {
    std::cout << plan_text(plan_sweep(options.config, options.overrides));
    return 0;
  }
  if (is_hugging_face(options.config)) {
    if (!options.overrides.empty()) {
      throw ConfigError(options.config.string() +
                        ": its config.json says what it is, so no key may "
                        "be given: --" +
                        options.overrides.front());
    }
    return describe_folder(options.config);
  }
  auto given = load_given(options);
  task_of(given.table).describe(given.table, given.path);
  return 0;
}

int generate(Options const& options, GenerateOptions const& how) {
  if (is_hugging_face(options.config)) return generate_from_folder(options, how);
  refuse_format("generate", how.format);
  return command_of(options, "generate", &Task::generate)(options, how);
}

int trace(Options const& options, TraceOptions const& what) {
  if (is_hugging_face(options.config)) return trace_folder(options, what);
  return command_of(options, "trace", &Task::trace)(options, what);
}

int counterfactual(Options const& options, CounterfactualOptions const& how) {
  return command_of(options, "counterfactual", &Task::counterfactual)(options, how);
}

int ask(Options const& options, AskOptions const& what) {
  return command_of(options, "ask", &Task::ask)(options, what);
}

int tokenize(Options const& options, TokenizeOptions const& what) {
  if (has_hugging_face_tokenizer(options.config)) return tokenize_with_folder(options, what);
  refuse_format("tokenize", what.format);
  return command_of(options, "tokenize", &Task::tokenize)(options, what);
}

int list() {
  for (auto const& task : tasks()) {
    if (&task != &tasks().front()) std::cout << '\n';
    std::cout << "task = \"" << task.name() << "\"\n";
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
