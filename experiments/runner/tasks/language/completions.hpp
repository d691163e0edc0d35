// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "moenda/data/text/completion_tasks.hpp"
#include "moenda/infer/score_completions.hpp"
#include "moenda/record/named_measures.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "runner/run/run.hpp"

namespace moenda::runner {

/// `count` tasks of HellaSwag, evenly spread over the file; 0: all.
inline std::vector<data::CompletionTask> hellaswag_tasks(CompletionConfig const& config,
                                                         data::Tokenizer const& tokenizer) {
  auto const texts = data::read_hellaswag(find_data(config.file).front());
  auto const all = std::int64_t(texts.size());
  auto const count = config.tasks == 0 ? all : std::min(all, config.tasks);
  data::Tokenizer::Encoder encoder(tokenizer);
  std::vector<data::CompletionTask> tasks;
  for (std::int64_t i = 0; i < count; ++i) {
    auto text = texts[std::size_t(i * all / count)];
    if (!config.label) text.context = data::without_label(text.context);
    tasks.push_back(data::encode_completion(encoder, text));
  }
  return tasks;
}

inline std::vector<data::CompletionTask> completion_tasks(Run const& run,
                                                          data::Splits const& splits) {
  auto const& config = run.config.evaluate.completions;
  switch (config.kind) {
    case CompletionKind::none:
      return {};
    case CompletionKind::hellaswag:
      return hellaswag_tasks(config, run.tokenizer);
    case CompletionKind::held_out:
      return data::cut_completions(splits.test, {.tasks = config.tasks,
                                                 .context_tokens = config.context_tokens,
                                                 .ending_tokens = config.ending_tokens,
                                                 .seed = config.seed});
  }
  return {};
}

/// How well the network completes texts, for results.json; nothing where the configuration does not
/// ask. `between` is called between two batches and may throw to end it.
template <class AnyLanguageNetwork>
io::NamedMeasures completion_measures(Run const& run, AnyLanguageNetwork& network,
                                      data::Splits const& splits,
                                      std::function<void()> const& between = {}) {
  auto const tasks = completion_tasks(run, splits);
  io::NamedMeasures measures;
  if (tasks.empty()) return measures;
  std::optional<io::Progress> progress;
  auto const score = score_completions(network, tasks, run.config.train.batch_size,
                                       [&](std::int64_t done, std::int64_t all) {
                                         if (between) between();
                                         if (!progress) {
                                           progress.emplace("completions", std::uint64_t(all));
                                         }
                                         progress->update(std::uint64_t(done));
                                         if (done == all) progress->finish();
                                       });
  auto const kind = run.config.evaluate.completions.kind;
  measures.add("completion_kind", enum_names(kind)[std::size_t(kind)]);
  measures.add("completion_tasks", score.tasks);
  measures.add("completion_accuracy", score.accuracy());
  measures.add("completion_standard_error", score.standard_error());
  measures.add("completion_accuracy_by_sum", score.accuracy_by_sum());
  measures.add("completion_chance", score.chance);
  return measures;
}

}  // namespace moenda::runner
