// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a configuration file of classification or regression can say.
#include <string>

#include "runner/run/config.hpp"
#include "runner/tasks/labelled/data.hpp"
#include "runner/tasks/labelled/model.hpp"

namespace moenda::runner {

struct LabelledEvaluateConfig {
  std::int64_t every = 0;         ///< steps between validations; 0: only at the end
  bool calibrate = true;          ///< fit a temperature to the validation split (classification)
  Format weights = Format::fp32;  ///< how eval keeps the trained weights
  MOENDA_FIELDS(LabelledEvaluateConfig, every, calibrate, weights);

  [[nodiscard]] Formats formats() const { return weights; }
};

template <class Output>
struct LabelledRunConfig {
  TaskKind task = std::is_same_v<typename Output::Target, int> ? TaskKind::classification
                                                               : TaskKind::regression;
  std::string name = "run";
  std::string title;
  /// The TOML file of another run, a run's name/id, or a .safetensors file; empty: drawn at random.
  std::string start_from;
  LabelledDataConfig data{};
  /// input.channels, input.vocab_size, output.num_classes 0: those of the data.
  typename LabelledModel<Output>::Config model{};
  TrainConfig train{};
  LabelledEvaluateConfig evaluate{};
  LogConfig log{};
  ComputeConfig compute{};
  MOENDA_FIELDS(LabelledRunConfig, task, name, title, start_from, data, model, train, evaluate, log,
                compute);
};

}  // namespace moenda::runner
