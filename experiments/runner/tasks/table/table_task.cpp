// SPDX-License-Identifier: Apache-2.0
#include "runner/tasks/table/table_task.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "moenda/files/content_hash.hpp"
#include "moenda/probe/measures.hpp"
#include "moenda/table/batches.hpp"
#include "moenda/table/cells/reader.hpp"
#include "moenda/toml/schema.hpp"
#include "moenda/weights/stored.hpp"
#include "runner/run/cost.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/task_run.hpp"
#include "runner/run/training_run.hpp"
#include "runner/tasks/table/run.hpp"
#include "runner/tasks/table/shown.hpp"

namespace moenda::runner {

namespace {

using TableNetwork = Network<AnyTabMoe, Backend>;

using TableRun = TaskRun<TableRunConfig, TableSplits>;

std::string name_of(int operation) {
  return enum_names(expert::tab::Operation{})[std::size_t(operation)];
}
/// The sizes that the file leaves open (0).
AnyTabMoe::Config with_sizes(AnyTabMoe::Config model, int vocab_size) {
  if (model.vocab_size == 0) model.vocab_size = vocab_size;
  if (model.context_length == 0) model.context_length = model.layout.tokens();
  return model;
}

/// A word more or less moves the ids of all that follow, and every answer would be a guess.
std::string hash_of(std::vector<std::string> const& words) {
  data::ContentHash hash;
  for (auto const& word : words) hash.add(word);
  return hash.hex();
}
/// The words that a run has kept. Throws DataError when they are absent or damaged.
data::TableVocabulary read_vocabulary(std::filesystem::path const& file) {
  nlohmann::json known = nlohmann::json::object();
  try {
    known = io::read_json_file(file);
  } catch (DataError const&) {  // said below
  }
  auto const words = known.value("words", nlohmann::json());
  if (!words.is_array() ||
      !std::all_of(words.begin(), words.end(), [](auto const& word) { return word.is_string(); })) {
    throw DataError(file.string() +
                    ": there must be a list of words; train the run first, "
                    "with --force if it has been trained");
  }
  auto list = words.get<std::vector<std::string>>();
  auto const hash = hash_of(list);
  if (known.value("hash", nlohmann::json()) != hash) {
    throw DataError(file.string() + ": the file is damaged: its words have the hash " + hash +
                    ", not the one beside them");
  }
  return data::TableVocabulary::of_words(list);
}

/// How a set of questions was answered.
struct Answered {
  double right = 0, refused = 0;
  std::array<double, expert::tab::num_operations> right_of{}, of{};  // by true operation
  std::vector<double> routes;  // [operation, expert] counts, where the operation is known
};
Answered answer_all(TableNetwork& network, QuestionSet const& set, AnswerFrom from) {
  constexpr auto experts = std::size_t(expert::tab::num_operations);
  Answered all;
  all.routes.resize(experts * experts);
  for (auto const& question : set.questions) {
    end_if_interrupted();
    auto const answer = answer_question(network, question, from);
    bool const known = question.operation >= 0;
    // Without an answer to compare with, the operation itself is what is asked for.
    bool const right = question.answer.empty() && known
                           ? int(answer.operation) == question.operation
                           : expert::tab::Gold(question.answer).is(answer.outcome);
    all.right += right;
    all.refused += !answer.outcome.answered();
    if (!known) continue;
    auto const operation = std::size_t(question.operation);
    all.right_of[operation] += right;
    all.of[operation] += 1;
    all.routes[operation * experts + std::size_t(answer.operation)] += 1;
  }
  return all;
}
/// Normalised mutual information of true and chosen operation, and purity: the share of questions
/// whose operation is the most frequent one of their expert.
void add_route_measures(io::NamedMeasures& measures, std::string const& set,
                        std::vector<double> const& routes) {
  constexpr auto experts = std::size_t(expert::tab::num_operations);
  std::vector<double> x(experts), y(experts);
  double most = 0, all = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    double largest = 0;
    for (std::size_t o = 0; o < experts; ++o) {
      double const count = routes[o * experts + e];
      x[o] += count;
      y[e] += count;
      largest = std::max(largest, count);
    }
    most += largest;
    all += y[e];
  }
  if (all == 0) return;
  using View = std::span<double const>;
  measures.add(set + "_route_information",
               probe::mutual_information(View(routes), View(x), View(y)));
  measures.add(set + "_route_purity", most / all);
}

struct TableTask {
  using Model = AnyTabMoe;
  using Run = TableRun;
  static constexpr char const* name = "table_questions";

  class Data {
   public:
    Data(Run const& run, ThreadPool&) : splits_(run.splits), train_(run.config.train) {}
    [[nodiscard]] data::TableBatches training() const {
      return {splits_.train, train_.batch_size, train_.seed};
    }
    [[nodiscard]] std::string fingerprint() const { return splits_.fingerprint; }
    [[nodiscard]] bool can_validate() const {
      return splits_.valid.size() >= std::size_t(train_.batch_size);
    }
    /// Whole batches only.
    double validation_loss(Run const&, TableNetwork& network) const {
      data::TableBatches batches(splits_.valid, train_.batch_size, 0);
      double sum = 0;
      for (std::int64_t b = 0; b < batches.batches(); ++b) {
        batches.load(b);
        sum += network.evaluate(batches.batch(), batches.targets()).mean;
      }
      return sum / double(batches.batches());
    }
    bool show_fixed(TableNetwork& network, RoutingHook<Backend>& probe) const {
      if (!can_validate()) return false;
      data::TableBatches batches(splits_.valid, train_.batch_size, 0);
      batches.load(0);
      network.evaluate(batches.batch(), batches.targets(), {}, &probe);
      return true;
    }

   private:
    TableSplits const& splits_;
    TrainConfig train_;
  };

  static std::string summary(AnyTabMoe::Config const& model) {
    return std::string(AnyTableRouter::names[model.router.choice.index()]) + " router, " +
           (model.shared_selector ? "one selector for all operations" : "a selector per operation");
  }
  static ModelCost cost(AnyTabMoe::Config const& model) {
    return cost_of<AnyTabMoe>(model, double(model.vocab_size) * model.d_word, 0);
  }
  static void keep(Run const& run) {
    auto const& words = run.splits.vocabulary.words();
    nlohmann::ordered_json const known{{"words", words}, {"hash", hash_of(words)}};
    io::write_file_atomically(vocabulary_file(run.folder), known.dump() + "\n");
  }
  static io::NamedMeasures measure(Run const& run, TableNetwork& network, Data const&) {
    io::NamedMeasures measures;
    measures.add("test_loss", nullptr);
    for (auto const& set : run.splits.tests) {
      auto const answered = answer_all(network, set, run.config.evaluate.answer_from);
      double const count = double(set.questions.size());
      if (count == 0) continue;
      measures.add(set.name + "_accuracy", answered.right / count);
      measures.add(set.name + "_refused", answered.refused / count);
      measures.add(set.name + "_mixture_accuracy",
                   answer_all(network, set, AnswerFrom::mixture).right / count);
      measures.add(set.name + "_covered", set.covered());
      for (std::size_t o = 0; o < answered.of.size(); ++o) {
        if (answered.of[o] == 0) continue;
        measures.add(set.name + "_accuracy_" + name_of(int(o)),
                     answered.right_of[o] / answered.of[o]);
      }
      add_route_measures(measures, set.name, answered.routes);
    }
    return measures;
  }
  static void finish(Run const& run, TableNetwork& network, Data const&, bool,
                     nlohmann::ordered_json& results) {
    results["questions"] =
        shown_questions(network, run.splits.tests, run.config.evaluate.answer_from);
  }
};

struct TableCommands {
  static TableRun open(Options const& options, Purpose purpose) {
    auto [config, folder] = open_config(options, purpose, read_table_config);
    auto splits = load_tables(config.data, config.model.layout);
    config.model = with_sizes(config.model, splits.vocabulary.size());
    if (config.model.vocab_size < splits.vocabulary.size()) {
      throw ConfigError("model.vocab_size must be at least that of the questions, " +
                        std::to_string(splits.vocabulary.size()) + ", got " +
                        std::to_string(config.model.vocab_size));
    }
    return {std::move(config), std::move(splits), std::move(folder), options.out};
  }
  static RunFacts facts(toml::table& table, std::filesystem::path const& path) {
    auto const config = read_table_config(table, path);
    return facts_of(config, with_sizes(config.model, 1), with_sizes(config.model, 2),
                    TableTask::cost);
  }
  static int train(Options const& options) {
    return train_run<TableTask>(open(options, Purpose::train), options);
  }
  static int evaluate(Options const& options) {
    auto const run = open(options, Purpose::use);
    auto const weights = newest_weights(run.folder);
    refuse_other_data(run.folder, run.splits.fingerprint);
    return with_backend(options, run.config.compute, [&](Backend& backend) {
      TableNetwork network(backend, run.config.model, unfilled);
      load_model(network, weights);
      store(network, run.config.evaluate.formats());
      print_measures(TableTask::measure(run, network, TableTask::Data(run, backend.pool)));
      return 0;
    });
  }
  static int ask(Options const& options, AskOptions const& what) {
    if (data::words_of(what.question).empty()) {
      throw ConfigError("ask: the question must have a word or a number, got " +
                        io::quote(what.question));
    }
    auto const opened = open_config(options, Purpose::use, read_table_config);
    auto const& config = opened.first;
    auto const& folder = opened.second;
    auto const vocabulary = read_vocabulary(vocabulary_file(folder));
    auto const model = with_sizes(config.model, vocabulary.size());
    if (model.vocab_size < vocabulary.size()) {
      throw DataError(vocabulary_file(folder).string() + ": must hold at most the " +
                      std::to_string(model.vocab_size) + " words and marks of the model, got " +
                      std::to_string(vocabulary.size()));
    }
    auto const asked = data::read_question(
        what.question, std::make_shared<data::Table const>(data::read_csv_table(what.table)),
        vocabulary, model.layout);
    auto const answer = with_backend(options, config.compute, [&](Backend& backend) {
      TableNetwork network(backend, model, unfilled);
      load_model(network, newest_weights(folder));
      store(network, config.evaluate.formats());
      return answer_question(network, asked, config.evaluate.answer_from);
    });
    std::cout << "answer      " << say(answer.outcome) << "\noperation   "
              << name_of(int(answer.operation)) << "\nevidence    " << answer.evidence
              << "\nconfidence  " << io::format_fixed(answer.confidence, 3) << '\n';
    return 0;
  }
  static void describe(toml::table& table, std::filesystem::path const& path) {
    auto const config = read_table_config(table, path);
    describe_run<AnyTabMoe>(config, with_sizes(config.model, 1), with_sizes(config.model, 2));
  }
  static void list() {
    io::Table table({"role", "key", "names"});
    add_row(table, "router", "model.router.type", AnyTableRouter{});
    std::vector<std::string> experts;
    for (int o = 0; o < expert::tab::num_operations; ++o) experts.push_back(name_of(o));
    table.add_row({"expert", "(all of them)", join(experts)});
    add_enum_row(table, "weights", "evaluate.weights", Format::fp32);
    std::cout << table.text();
  }
};

}  // namespace

TableRunConfig read_table_config(toml::table& table, std::filesystem::path const& path) {
  TableRunConfig config;
  read_task_config(table, path, config, [&](Problems& problems) {
    problems.in("data", [&] { check_table_data(config.data, problems); });
    add_model_problems(problems, AnyTabMoe::check(with_sizes(config.model, 1)));
  });
  return config;
}

std::filesystem::path vocabulary_file(std::filesystem::path const& run) {
  return run / io::run_files::vocabulary;
}

Task table_task() {
  using C = TableCommands;
  return {.kind = TaskKind::table_questions,
          .facts = C::facts,
          .train = C::train,
          .evaluate = C::evaluate,
          .describe = C::describe,
          .list = C::list,
          .schema = []() -> nlohmann::ordered_json {
            return io::schema_document<TableRunConfig>("Moenda run of table questions");
          },
          .ask = C::ask};
}

}  // namespace moenda::runner
