// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a configuration file of table questions can say, and the run that it describes.
#include <filesystem>
#include <string>

#include "moenda/router/noisy_top_k.hpp"
#include "moenda/router/switch.hpp"
#include "moenda/router/top_k.hpp"
#include "moenda/table/answer_question.hpp"
#include "moenda/table/tab_moe.hpp"
#include "runner/run/config.hpp"
#include "runner/run/folder.hpp"
#include "runner/tasks/table/data.hpp"

namespace moenda::runner {

using AnyTableRouter = OneOf<router::Switch, router::TopK, router::NoisyTopK>;
using AnyTabMoe = TabMoe<AnyTableRouter>;

struct TableEvaluateConfig {
  std::int64_t every = 0;  ///< steps between validations; 0: only at the end
  AnswerFrom answer_from = AnswerFrom::router;
  Format weights = Format::fp32;  ///< how eval and ask keep the trained weights
  MOENDA_FIELDS(TableEvaluateConfig, every, answer_from, weights);

  [[nodiscard]] Formats formats() const { return weights; }
};

struct TableRunConfig {
  TaskKind task = TaskKind::table_questions;
  std::string name = "run";
  std::string title;
  /// The TOML file of another run, a run's name/id, or a .safetensors file; empty: drawn at random.
  std::string start_from;
  TableDataConfig data{};
  /// vocab_size 0: that of the training questions; context_length 0: what the layout needs.
  AnyTabMoe::Config model{};
  TrainConfig train{};
  TableEvaluateConfig evaluate{};
  LogConfig log{};
  ComputeConfig compute{};
  MOENDA_FIELDS(TableRunConfig, task, name, title, start_from, data, model, train, evaluate, log,
                compute);
};

/// Reads what `path` holds after overrides. Throws ConfigError with every problem and its line.
TableRunConfig read_table_config(toml::table& table, std::filesystem::path const& path);

/// The words that a run knows, in its folder.
std::filesystem::path vocabulary_file(std::filesystem::path const& run);

}  // namespace moenda::runner
