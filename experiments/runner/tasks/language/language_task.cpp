// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/language/language_task.hpp"

#include "moenda/infer/generate.hpp"
#include "moenda/report/terminal/table.hpp"
#include "moenda/toml/schema.hpp"
#include "moenda/train/future_leak.hpp"
#include "runner/run/cost.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/training_run.hpp"
#include "runner/tasks/hugging_face/start_from_folder.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"
#include "runner/tasks/language/completions.hpp"
#include "runner/tasks/language/language_commands.hpp"
#include "runner/tasks/language/measured_loss.hpp"
#include "runner/tasks/language/old_text.hpp"
#include "runner/tasks/language/routing_analysis.hpp"

namespace moenda::runner {

namespace {

template <class... Ms>
std::string chosen_name(OneOf<Ms...>, typename OneOf<Ms...>::Config const& config) {
  return OneOf<Ms...>::names[config.choice.index()];
}
/// "rms norm, grouped_query attention, rope positions, mixture"
std::string model_summary(AnyModel::Config const& model) {
  auto const& block = model.block;
  return chosen_name(AnyNorm{}, block.norm) + " norm, " +
         chosen_name(AnyAttention{}, block.attention) + " attention, " +
         std::visit(
             [](auto const& attention) { return chosen_name(AnyPosition{}, attention.position); },
             block.attention.choice) +
         " positions, " + chosen_name(AnyFeedForward{}, block.ffn);
}

/// The text of a run, split and in windows.
class LanguageData {
 public:
  LanguageData(Run const& run, ThreadPool& pool)
      : length_(run.config.model.context_length),
        train_(run.config.train),
        splits_(make_splits(run.config, run.tokenizer, run.cache, pool)) {
    require_text("valid", splits_.valid, run.config.data.valid_fraction);
    require_text("test", splits_.test, run.config.data.test_fraction);
    (void)completion_tasks(run, splits_);  // refused now, not after hours of training
    take_fixed();
  }
  [[nodiscard]] data::TextBatches training() const {
    return {splits_.train, train_.batch_size, length_, train_.stride, train_.seed};
  }
  [[nodiscard]] std::string fingerprint() const { return fingerprint_of(splits_); }
  [[nodiscard]] bool can_validate() const { return splits_.valid.size() > 0; }
  double validation_loss(Run const& run, AnyNetwork& network) const {
    return moenda::evaluate(network, windows(splits_.valid), train_.batch_size,
                            run.config.evaluate.batches)
        .loss;
  }
  bool show_fixed(AnyNetwork& network, RoutingHook<Backend>& probe) const {
    if (fixed_inputs_.empty()) return false;
    network.evaluate({fixed_inputs_.data(), int(fixed_inputs_.size()) / length_, length_},
                     fixed_targets_, {}, &probe);
    return true;
  }
  [[nodiscard]] data::Windows windows(data::TokenStream const& tokens) const {
    return {tokens, length_, length_};
  }
  [[nodiscard]] data::Splits const& splits() const { return splits_; }

 private:
  /// A loss over no text would read as perfect.
  void require_text(std::string const& name, data::TokenStream const& tokens,
                    double fraction) const {
    if (fraction == 0 || windows(tokens).count() > 0) return;
    throw DataError("data: the " + name + " text must hold at least " +
                    std::to_string(length_ + 1) + " tokens (context_length + 1), but it has " +
                    std::to_string(tokens.size()) + "; give more text, or set data." + name +
                    "_fraction = 0");
  }
  /// Validation text on which churn is measured, before and after a logged step.
  void take_fixed() {
    constexpr int fixed_tokens = 512;
    auto const text = windows(splits_.valid);
    auto const count = std::min<std::int64_t>(std::max(1, fixed_tokens / length_), text.count());
    auto const length = std::size_t(length_);
    fixed_inputs_.resize(std::size_t(count) * length);
    fixed_targets_.resize(fixed_inputs_.size());
    for (std::int64_t w = 0; w < count; ++w) {
      auto const begin = std::size_t(w) * length;
      text.fill(w, std::span(fixed_inputs_).subspan(begin, length),
                std::span(fixed_targets_).subspan(begin, length));
    }
  }

  int length_;
  TrainConfig train_;
  data::Splits splits_;
  std::vector<int> fixed_inputs_, fixed_targets_;  // [windows * context_length]
};

/// What TrainingRun asks of a task.
struct LanguageTask {
  using Model = AnyModel;
  using Run = runner::Run;
  using Data = LanguageData;
  static constexpr char const* name = "language_modeling";

  static std::string summary(AnyModel::Config const& model) { return model_summary(model); }
  static ModelCost cost(AnyModel::Config const& model) {
    auto const looked_up = double(model.vocab_size) * model.d_model * (model.tied_head ? 0 : 1);
    return cost_of<AnyModel>(
        model, looked_up,
        attention_products(model.block.attention, model.num_layers, model.context_length));
  }
  /// With the weights of a folder that transformers saved.
  static bool begin(Run const& run, AnyNetwork& network) {
    auto const& from = run.config.start_from;
    if (!is_hugging_face(from)) return false;
    start_from_folder(network, from);
    std::cerr << run.title() << ": begins with all weights of " << from << '\n';
    return true;
  }
  /// The tokenizer, as a folder that is there whole or not at all.
  static void keep(Run const& run) {
    if (run.config.tokenizer.kind == TokenizerKind::byte) return;
    auto const folder = run.folder / io::run_files::tokenizer;
    if (io::is_there(folder)) {
      if (newest_checkpoint(run.checkpoints())) return;  // the run goes on with this one
      io::discard_folder(folder);
    }
    auto const temporary = io::start_folder(folder);
    run.tokenizer.save(temporary);
    io::commit_folder(temporary, folder);
  }
  static io::NamedMeasures measure(Run const& run, AnyNetwork& network, Data const& data) {
    io::NamedMeasures measures;
    auto const& test = data.splits().test;
    auto const& config = run.config.evaluate;
    auto const result = measured_loss(run, network, "test", test, 0, end_if_interrupted);
    bool const measured = result.tokens > 0;
    measures.add("test_loss", measured ? nlohmann::ordered_json(result.loss) : nullptr);
    measures.add("perplexity", measured ? nlohmann::ordered_json(result.perplexity()) : nullptr);
    if (!measured) return measures;
    measures.add("test_tokens", result.tokens);
    if (config.test_stride > 0) {
      auto const overlapping = measured_loss(run, network, "test, overlapping", test,
                                             config.test_stride, end_if_interrupted);
      measures.add("test_loss_stride", overlapping.loss);
      measures.add("perplexity_stride", overlapping.perplexity());
    }
    if (config.leak_windows > 0) {
      auto const leak = future_leak(network, data.windows(test), config.leak_windows);
      measures.add("test_loss_by_prefix", leak.loss_of_prefixes);
      measures.add("future_leak", leak.nats());
    }
    measures.add(old_text_measures(run, network, end_if_interrupted));
    measures.add(completion_measures(run, network, data.splits(), end_if_interrupted));
    return measures;
  }
  /// routing.json, and a text that the model writes.
  static void finish(Run const& run, AnyNetwork& network, Data const& data, bool is_sparse,
                     nlohmann::ordered_json& results) {
    if (is_sparse && data.can_validate()) {
      io::write_file_atomically(
          run.folder / io::run_files::analysis,
          routing_analysis(run, network, "valid", data.windows(data.splits().valid)));
    }
    results["samples"] = {{{"prompt", run.config.generate.prompt}, {"text", sample(run, network)}}};
  }

 private:
  static std::string sample(Run const& run, AnyNetwork& network) {
    auto const& config = run.config.generate;
    auto const prompt = run.tokenizer.encode(config.prompt);
    if (prompt.empty()) return "";
    auto const ids = moenda::generate(
        network, prompt, config.max_tokens, config.sampler,
        run.tokenizer.end_of_text().value_or(-1), [](int) { end_if_interrupted(); },
        run.tokenizer.vocab_size());
    return run.tokenizer.decode(ids);
  }
};

/// The commands.
struct LanguageCommands {
  /// With the vocabulary size that the tokenizer will have.
  static RunConfig with_vocab_size(RunConfig config) {
    if (config.model.vocab_size == 0)
      config.model.vocab_size = expected_vocab_size(config.tokenizer);
    return config;
  }
  static RunFacts facts(toml::table& table, std::filesystem::path const& path) {
    auto const as_given = read_run_config(table, path);
    auto const config = with_vocab_size(as_given);
    return {config.name,
            config.title,
            run_id(config),
            io::write_toml(as_given),
            config.train.seed,
            evaluation_hash(config.evaluate),
            LanguageTask::cost(config.model)};
  }
  static int train(Options const& options) {
    return train_run<LanguageTask>(open_run(options, Purpose::train), options);
  }
  static int evaluate(Options const& options) {
    auto const run = open_run(options, Purpose::use);
    return with_backend(options, run.config.compute, [&](Backend& backend) {
      auto const splits = splits_of_trained(run, backend.pool);
      AnyNetwork network(backend, run.config.model, unfilled);
      load_weights(run, network);
      io::Table table({"text", "stride", "tokens", "loss", "perplexity"});
      auto const row = [&](std::string const& name, data::TokenStream const& tokens, int stride) {
        int const length = run.config.model.context_length;
        auto const result = measured_loss(run, network, name, tokens, stride);
        if (result.tokens == 0) return;  // a loss over no text would read as perfect
        table.add_row({name, std::to_string(stride > 0 ? stride : length),
                       std::to_string(result.tokens), io::format_fixed(result.loss, 4),
                       io::format_fixed(result.perplexity(), 2)});
      };
      row("valid", splits.valid, 0);
      row("test", splits.test, 0);
      if (run.config.evaluate.test_stride > 0) {
        row("test", splits.test, run.config.evaluate.test_stride);
      }
      std::cout << table.text();
      return 0;
    });
  }
  static void describe(toml::table& table, std::filesystem::path const& path) {
    auto const config = with_vocab_size(read_run_config(table, path));
    describe_run<AnyModel>(config, config.model, config.model);
  }
  static void list() {
    io::Table table({"role", "key", "names"});
    add_row(table, "norm", "model.block.norm.type", AnyNorm{});
    add_row(table, "attention", "model.block.attention.type", AnyAttention{});
    add_row(table, "position", "model.block.attention.position.type", AnyPosition{});
    add_row(table, "head norm", "model.block.attention.head_norm.type", AnyHeadNorm{});
    add_row(table, "feed-forward", "model.block.ffn.type", AnyFeedForward{});
    add_row(table, "router", "model.block.ffn.router.type", AnyRouter{});
    add_row(table, "expert", "model.block.ffn.experts.each.type", AnyExpert{});
    add_loss_row(table, "model.block.ffn.loss.NAME.weight", AnyFeedForward::Nth<0>{});
    add_enum_row(table, "balance over", "model.block.ffn.loss.load_balancing.over",
                 loss::Over::micro_batch);
    add_enum_row(table, "gradient", "model.block.ffn.router.gradient", Gradient::none);
    add_enum_row(table, "drop policy", "model.block.ffn.drop", Drop::position);
    add_enum_row(table, "weights", "evaluate.weights", Format::fp32);
    table.add_row({"frozen", "train.freeze", "names of tensors, with * for any letters"});
    table.add_row(
        {"first weights", "start_from",
         "a run or a .safetensors file, also of a dense model; a folder of transformers"});
    std::cout << table.text();
  }
};

}  // namespace

Task language_task() {
  using C = LanguageCommands;
  return {.kind = TaskKind::language_modeling,
          .facts = C::facts,
          .train = C::train,
          .evaluate = C::evaluate,
          .describe = C::describe,
          .list = C::list,
          .schema = []() -> nlohmann::ordered_json {
            return io::schema_document<RunConfig>("Moenda run of a language model");
          },
          .generate = generate_text,
          .evaluate_text = evaluate_text,
          .trace = trace_text,
          .counterfactual = counterfactual_of_text,
          .tokenize = tokenize_text};
}

}  // namespace moenda::runner
