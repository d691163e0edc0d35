// SPDX-License-Identifier: Apache-2.0
#pragma once
// Classification and regression of sequences and table rows: what TrainingRun and the commands ask
// of them. Instantiated in classification_task.cpp and regression_task.cpp.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "moenda/data/sequence/labelled_batches.hpp"
#include "moenda/data/tabular/encoder_file.hpp"
#include "moenda/toml/schema.hpp"
#include "moenda/weights/stored.hpp"
#include "runner/run/cost.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/task_run.hpp"
#include "runner/run/training_run.hpp"
#include "runner/tasks/labelled/config.hpp"
#include "runner/tasks/labelled/measures.hpp"

namespace moenda::runner {

template <class Output>
struct LabelledTask {
  using Target = typename Output::Target;
  using Model = LabelledModel<Output>;
  using Config = LabelledRunConfig<Output>;
  using Run = TaskRun<Config, LabelledSplits>;
  using TaskNetwork = Network<Model, Backend>;
  static constexpr bool classifies = std::is_same_v<Target, int>;
  static constexpr char const* name = classifies ? "classification" : "regression";

  class Data {
   public:
    Data(Run const& run, ThreadPool&)
        : splits_(run.splits),
          train_(run.config.train),
          context_length_(run.config.model.context_length) {}
    [[nodiscard]] data::LabelledBatches<Target> training() const {
      return {splits_.train, train_.batch_size, context_length_, train_.seed};
    }
    [[nodiscard]] std::string fingerprint() const { return splits_.fingerprint; }
    [[nodiscard]] bool can_validate() const { return splits_.valid->count() > 0; }
    double validation_loss(Run const&, TaskNetwork& network) const {
      return mean_loss(network, batches(splits_.valid));
    }
    bool show_fixed(TaskNetwork& network, RoutingHook<Backend>& probe) const {
      if (!can_validate()) return false;
      auto fixed = batches(splits_.valid);
      fixed.load(0);
      network.evaluate(fixed.batch(), fixed.targets(), {}, &probe);
      return true;
    }
    [[nodiscard]] data::LabelledBatches<Target> batches(SharedSequences const& sequences) const {
      return data::LabelledBatches<Target>::in_file_order(sequences, train_.batch_size,
                                                          context_length_);
    }
    [[nodiscard]] LabelledSplits const& splits() const { return splits_; }

   private:
    LabelledSplits const& splits_;
    TrainConfig train_;
    int context_length_;
  };

  static std::string summary(typename Model::Config const& model) {
    return std::string(AnyInput::names[model.input.choice.index()]) + ", " +
           std::to_string(model.num_layers) + " blocks, " +
           AnyLabelledFeedForward::names[model.ffn.choice.index()];
  }
  static ModelCost cost(typename Model::Config const& model) {
    return cost_of<Model>(
        model, double(looked_up(model)),
        attention_products(model.block.attention, model.num_layers, model.context_length));
  }
  /// How a table's rows became features, for whoever uses the weights.
  static void keep(Run const& run) {
    if (run.splits.encoder)
      data::save_encoder(run.folder / io::run_files::encoder, *run.splits.encoder);
  }

  /// Measures of the test split; a temperature is fitted to the validation split.
  static io::NamedMeasures measure(Run const& run, TaskNetwork& network, Data const& data) {
    auto const& splits = data.splits();
    io::NamedMeasures measures;
    if (splits.test->count() == 0) {
      measures.add("test_loss", nullptr);
      return measures;
    }
    auto const test = predictions(network, data.batches(splits.test), end_if_interrupted);
    if constexpr (classifies) {
      measures = measures_of_classes(test, *splits.test);
      if (run.config.evaluate.calibrate && data.can_validate()) {
        auto const valid = predictions(network, data.batches(splits.valid), end_if_interrupted);
        add_calibration(measures, test, *splits.test, valid, *splits.valid);
      }
    } else {
      measures = measures_of_numbers(test, *splits.test, splits.standard);
    }
    add_route_measures(measures, test.experts, splits.test->types);
    return measures;
  }
  static void finish(Run const&, TaskNetwork&, Data const&, bool, nlohmann::ordered_json&) {}

  static Config read(toml::table& table, std::filesystem::path const& path) {
    Config config;
    read_task_config(table, path, config, [&](Problems& problems) {
      problems.in("data", [&] { check_labelled_data(config.data, problems); });
      add_model_problems(problems, Model::check(smaller(config.model)));
    });
    return config;
  }
  static Run open(Options const& options, Purpose purpose) {
    auto [config, folder] = open_config(options, purpose, read);
    auto splits = load_labelled(config.data, classifies, options.out / "cache");
    config.model = with_sizes(config.model, splits.train->channels, splits.vocab_size,
                              int(splits.train->class_names.size()));
    require_fit(config.model, splits);
    return {std::move(config), std::move(splits), std::move(folder), options.out};
  }

  static RunFacts facts(toml::table& table, std::filesystem::path const& path) {
    auto const config = read(table, path);
    return facts_of(config, smaller(config.model), larger(config.model), cost);
  }
  static int train(Options const& options) {
    return train_run<LabelledTask>(open(options, Purpose::train), options);
  }
  static int evaluate(Options const& options) {
    auto const run = open(options, Purpose::use);
    auto const weights = newest_weights(run.folder);
    refuse_other_data(run.folder, run.splits.fingerprint);
    return with_backend(options, run.config.compute, [&](Backend& backend) {
      TaskNetwork network(backend, run.config.model, unfilled);
      load_model(network, weights);
      store(network, run.config.evaluate.formats());
      print_measures(measure(run, network, Data(run, backend.pool)));
      return 0;
    });
  }
  static void describe(toml::table& table, std::filesystem::path const& path) {
    auto const config = read(table, path);
    describe_run<Model>(config, smaller(config.model), larger(config.model));
  }
  static void list() {
    io::Table table({"role", "key", "names"});
    add_row(table, "input", "model.input.type", AnyInput{});
    add_row(table, "feed-forward", "model.ffn.type", AnyLabelledFeedForward{});
    add_row(table, "router", "model.ffn.router.type", AnyLabelledRouter{});
    table.add_row({"expert", "model.ffn.experts.NAME.count", join(expert_names())});
    add_loss_row(table, "model.ffn.loss.NAME.weight", LabelledMixture{});
    add_enum_row(table, "weights", "evaluate.weights", Format::fp32);
    std::cout << table.text();
  }
  static Task task() {
    return {.kind = classifies ? TaskKind::classification : TaskKind::regression,
            .facts = facts,
            .train = train,
            .evaluate = evaluate,
            .describe = describe,
            .list = list,
            .schema = []() -> nlohmann::ordered_json {
              return io::schema_document<Config>("Moenda run of " + std::string(name));
            }};
  }

 private:
  static std::vector<std::string> expert_names() {
    auto const& names = LabelledMixture::Set::Config::names;
    return {names.begin(), names.end()};
  }
  /// Two choices of the sizes that the data decide: what differs between them is not known yet.
  static typename Model::Config smaller(typename Model::Config const& model) {
    return with_sizes(model, 1, 1, 2);
  }
  static typename Model::Config larger(typename Model::Config const& model) {
    return with_sizes(model, 2, 2, 3);
  }
  /// The sizes that the data decide, where the file leaves them open (0).
  static typename Model::Config with_sizes(typename Model::Config model, int channels,
                                           int vocab_size, int num_classes) {
    std::visit(
        [&](auto& input) {
          if constexpr (requires { input.channels; }) {
            if (input.channels == 0) input.channels = channels;
          } else {
            if (input.vocab_size == 0) input.vocab_size = vocab_size;
          }
        },
        model.input.choice);
    if constexpr (classifies) {
      if (model.output.num_classes == 0) model.output.num_classes = num_classes;
    }
    return model;
  }
  /// Weights that are looked up, not multiplied.
  static std::int64_t looked_up(typename Model::Config const& model) {
    return std::visit(
        [&](auto const& input) -> std::int64_t {
          if constexpr (requires { input.vocab_size; }) {
            return std::int64_t(input.vocab_size) * model.d_model;
          } else {
            return 0;
          }
        },
        model.input.choice);
  }
  static void require_fit(typename Model::Config const& model, LabelledSplits const& splits) {
    auto const refuse = [](std::string const& key, std::int64_t got, std::int64_t needed) {
      throw ConfigError("model." + key + " must be that of the data, " + std::to_string(needed) +
                        " (or 0 to take it from there), got " + std::to_string(got));
    };
    std::visit(
        [&](auto const& input) {
          if constexpr (requires { input.channels; }) {
            if (splits.train->channels == 0)
              throw ConfigError("model.input must be tokens: the data are texts");
            if (input.channels != splits.train->channels)
              refuse("input.channels", input.channels, splits.train->channels);
          } else {
            if (splits.train->channels > 0)
              throw ConfigError("model.input must be features: the data are numbers");
            if (input.vocab_size < splits.vocab_size)
              refuse("input.vocab_size", input.vocab_size, splits.vocab_size);
          }
        },
        model.input.choice);
    if constexpr (classifies) {
      auto const classes = std::int64_t(splits.train->class_names.size());
      if (model.output.num_classes != classes)
        refuse("output.num_classes", model.output.num_classes, classes);
    }
  }
};

}  // namespace moenda::runner
