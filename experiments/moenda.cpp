// SPDX-License-Identifier: Apache-2.0
// The runner: moenda
// train|sweep|eval|generate|describe|report|trace|counterfactual|ask|tokenize|logits|export|list|
// schema.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/report/terminal/printable_stream.hpp"
#include "moenda/version.hpp"
#include "runner/commands.hpp"

namespace {

namespace runner = moenda::runner;

constexpr char const* model_or_folder =
    "a TOML file, the folder of a run, or a folder that transformers saved";

constexpr char const* not_enough_memory =
    "moenda: there is not enough memory; try a smaller model or batch_size\n";

/// With next to no memory not even an exception can be made, and the library calls this instead of
/// throwing one; so it does where bad_alloc leaves a function that must not throw (the destructor
/// of a JSON value allocates).
[[noreturn]] void end_without_memory() {
  try {
    if (auto const exception = std::current_exception()) std::rethrow_exception(exception);
  } catch (std::bad_alloc const&) {
  } catch (...) {
    std::abort();
  }
  (void)!::write(STDERR_FILENO, not_enough_memory,
                 std::char_traits<char>::length(not_enough_memory));
  ::_exit(3);
}

/// Before the objects of CLI11 that are made before main.
[[gnu::constructor(101)]] void expect_little_memory() { std::set_terminate(end_without_memory); }

/// What the caller has closed of stdin, stdout and stderr must not become one of our files: what is
/// printed would be written into it.
void open_standard_streams() {
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) == -1) (void)::open("/dev/null", O_RDWR);
  }
}
/// What was asked for and is not on stdout is lost: that is no success.
int with_output(int code) {
  if (std::cout.flush() || code != 0) return code;
  throw moenda::DataError("stdout cannot be written");
}

/// What is left on the command line must be `--a.b=value`.
std::vector<std::string> overrides_of(CLI::App const& command) {
  std::vector<std::string> overrides;
  for (auto const& word : command.remaining()) {
    if (!word.starts_with("--") || word.find('=') == std::string::npos) {
      throw moenda::ConfigError("command line: '" + word +
                                "' must be an option of this command or --a.b=value");
    }
    overrides.push_back(word.substr(2));
  }
  return overrides;
}

struct Commands {
  CLI::App app{"Moenda: mixtures of experts, from TOML to a trained model"};
  runner::Options options;
  std::string prompt, format = "none";
  runner::AskOptions asked;
  runner::TokenizeOptions tokenized;
  int max_tokens = -1, jobs = 1;
  bool dry_run = false, machine = false;
  std::vector<std::filesystem::path> runs;
  std::filesystem::path file = "report.html";
  runner::EvaluateOptions evaluated;
  runner::TraceOptions traced;
  runner::CounterfactualOptions counterfactual;
  runner::LogitsOptions logits;
  runner::ConvertOptions converted;
  std::filesystem::path folder;

  CLI::App* add(char const* name, char const* what, bool takes_config = true) {
    auto* command = app.add_subcommand(name, what);
    if (!takes_config) return command;
    command->allow_extras();
    command->footer(
        "Any key of the configuration can be given behind, as --a.b=value: --train.steps=100");
    command->add_option("config", options.config, "TOML file, or the folder of a run")->required();
    command->add_option("--out", options.out, "parent of the run folders")->capture_default_str();
    command->add_option("--threads", options.threads, "0: every processor")
        ->check(CLI::Range(0, 1024));
    return command;
  }
  Commands() {
    app.require_subcommand(1);
    app.failure_message([](CLI::App const*, CLI::Error const& error) {
      return "moenda: " + std::string(error.what()) + "\nmoenda --help lists the commands\n";
    });
    app.footer(
        "Commands that take a configuration also take its keys, as --a.b=value. `moenda COMMAND "
        "--help` says the rest.");
    app.set_version_flag("--version", std::string("moenda ") + moenda::version);
    add("train", "train, or continue, the run that CONFIG describes")
        ->add_flag("--force", options.force, "train again from the beginning");
    auto* sweep = add("sweep", "train every arm of a [sweep] and compare them");
    sweep->add_option("-j,--jobs", jobs, "runs at a time")->check(CLI::Range(1, 1024));
    sweep->add_flag("--dry-run", dry_run, "print the arms, their sizes and costs; train nothing");
    sweep->add_flag("--force", options.force, "train again from the beginning");
    auto* eval = add("eval", "loss of a trained run on validation and test text, or on a text");
    eval->get_option("config")->description(model_or_folder);
    eval->add_option("--file", evaluated.file, "a text, instead of the run's own");
    eval->add_option("--seq_len", evaluated.seq_len,
                     "tokens of a window of it; default: the model's context_length, at most 2048")
        ->check(CLI::Range(1, 1'000'000));
    auto* generate = add("generate", "continue a prompt with a trained run");
    generate->get_option("config")->description(model_or_folder);
    generate->add_option("--prompt", prompt, "instead of the configured one");
    generate->add_option("--max_tokens", max_tokens, "instead of the configured number")
        ->check(CLI::Range(0, 1'000'000));
    add_format(generate);
    auto* describe = add("describe", "check a configuration; print it whole, with every tensor");
    auto* of_machine =
        describe->add_flag("--machine", machine, "the processor, and the kernels that run on it");
    describe->get_option("config")->required(false)->excludes(of_machine);
    auto* report = add("report", "one HTML page that compares runs, or of a sweep", false);
    report->add_option("runs", runs, "run folders or TOML files, or one sweep")->required();
    report->add_option("--file", file, "the page to write")->capture_default_str();
    report->add_option("--out", options.out, "parent of the run folders")->capture_default_str();
    add_routing();
    auto* ask = add("ask", "answer a question about a table, with the evidence");
    ask->add_option("question", asked.question, "in words")->required();
    ask->add_option("--table", asked.table, "CSV file whose first line names the columns")
        ->required();
    add_tokenize();
    add_folders();
    add("list", "the modules that TOML can name", false);
    add("schema", "JSON Schema of configuration files, for editors", false);
  }
  CLI::Option* add_format(CLI::App* command) {
    return command
        ->add_option("--format", format,
                     "how a model that was taught conversations reads what its user says: none, "
                     "gemma, openchat, mistral, chatml or llama3")
        ->capture_default_str();
  }
  void add_tokenize() {
    auto* command = add("tokenize", "text to token ids, or ids to text, as JSON");
    command->get_option("config")->description(
        "a folder with a tokenizer.json, the folder of a run, or a TOML file");
    command->add_option("text", tokenized.text, "what to turn into ids");
    command->add_option("--file", tokenized.file, "instead: a file of text");
    auto* ids = command->add_option("--ids", tokenized.ids,
                                    "instead: a JSON list of ids, to turn into text");
    auto* plain =
        command->add_flag("--plain", tokenized.plain, "without special tokens around the text");
    auto* literal = command->add_flag("--literal", tokenized.literal,
                                      "text that looks like a special token is text");
    add_format(command)->excludes(ids)->excludes(plain)->excludes(literal);
  }
  void add_routing() {
    auto* trace =
        add("trace", "where the tokens of validation text, or of a prompt, go, as a file");
    trace->get_option("config")->description(model_or_folder);
    trace->add_option("--prompt", prompt, "the text to look at, instead of validation text");
    trace->add_option("--file", traced.file, "the safetensors file to write")
        ->capture_default_str();
    auto* other = add("counterfactual", "what each token would have lost with another expert");
    other->add_option("--windows", counterfactual.windows, "how many stretches of validation text")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    other->add_option("--seq_len", counterfactual.seq_len, "tokens of each")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    other->add_option("--file", counterfactual.file, "the CSV file to write")
        ->capture_default_str();
  }
  void add_folders() {
    auto* of_ids = add("logits", "what a model says of lists of ids, as a file", false);
    of_ids->allow_extras();
    of_ids->footer("Keys can be given behind, as --a.b=value: --evaluate.weights=nf4");
    of_ids->add_option("model", logits.model.config, "a run, or a folder that transformers saved")
        ->required();
    of_ids->add_option("--ids", logits.ids, "JSON file: a list of lists of ids")->required();
    of_ids->add_option("--out", logits.file, "the safetensors file to write")->required();
    of_ids->add_flag("--cached", logits.cached, "id by id, remembering, as decoding does");
    of_ids->add_option("--threads", logits.model.threads, "0: every processor")
        ->check(CLI::Range(0, 1024));
    auto* convert =
        add("convert", "write a folder that transformers saved with smaller weights", false);
    convert->add_option("from", converted.from, "the folder to read")->required();
    convert->add_option("to", converted.to, "the folder to write")->required();
    convert
        ->add_option("--weights", converted.weights,
                     "fp32, bf16, int8, int4, nf4 or nf4_double; NAMES=FORMAT for a part, as in "
                     "'*.attention.*=bf16'; may be given again")
        ->allow_extra_args(false);
    convert->add_option("--threads", converted.threads, "0: every processor")
        ->check(CLI::Range(0, 1024));
    add("export", "write a run as a folder that transformers loads")
        ->add_option("folder", folder, "the folder to write")
        ->required();
  }
  /// True, with a sentence on stderr, when `word` stands where a command must and is none.
  bool refuses(std::string const& word) const {
    std::vector<std::string> known;
    for (auto const* command : app.get_subcommands({})) known.push_back(command->get_name());
    bool const fine =
        word.starts_with('-') || std::find(known.begin(), known.end(), word) != known.end();
    if (!fine) {
      std::cerr << "moenda: there is no command '" << word << "'"
                << moenda::did_you_mean(word, known) << "; there are: " << moenda::join(known)
                << '\n';
    }
    return !fine;
  }
  int run() {
    auto const& command = *app.get_subcommands().front();
    auto const& name = command.get_name();
    if (name == "list") return runner::list();
    if (name == "schema") return runner::schema();
    if (name == "report") return runner::report(runs, options, file);
    if (name == "convert") return runner::convert(converted);
    runner::GenerateOptions how;
    options.overrides = logits.model.overrides = overrides_of(command);
    if (name == "logits") return runner::logits(logits);
    if (name == "export") return runner::export_run(options, folder);
    if (name == "train") return runner::train(options);
    if (name == "sweep") return runner::sweep(options, jobs, dry_run);
    if (name == "trace") {
      if (command.count("--prompt") > 0) traced.prompt = prompt;
      return runner::trace(options, traced);
    }
    if (name == "counterfactual") return runner::counterfactual(options, counterfactual);
    if (name == "eval") return runner::evaluate(options, evaluated);
    if (name == "describe" && machine) return runner::describe_machine();
    if (name == "describe" && options.config.empty()) {
      throw moenda::ConfigError(
          "describe: a TOML file, the folder of a run, or --machine is needed");
    }
    if (name == "describe") return runner::describe(options);
    how.format = tokenized.format = format;
    if (name == "tokenize") return runner::tokenize(options, tokenized);
    if (name == "ask") return runner::ask(options, asked);
    if (command.count("--prompt") > 0) how.prompt = prompt;
    if (max_tokens >= 0) how.max_tokens = max_tokens;
    return runner::generate(options, how);
  }
};

/// Does what the words ask for, and returns the exit code.
int answer(int argc, char** argv) {
  Commands commands;
  if (argc > 1 && commands.refuses(argv[1])) return 2;
  try {
    commands.app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return commands.app.exit(error) == 0 ? 0 : 2;
  }
  return with_output(commands.run());
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its largest is a sentence, not an end
  open_standard_streams();
  moenda::io::PrintableStream const output(std::cout), errors(std::cerr);
  try {
    return answer(argc, argv);
  } catch (moenda::ConfigError const& error) {
    std::cerr << "moenda: " << error.what() << '\n';
    return 2;
  } catch (moenda::DataError const& error) {
    std::cerr << "moenda: " << error.what() << '\n';
    return 3;
  } catch (moenda::NumericError const& error) {
    std::cerr << "moenda: " << error.what() << '\n';
    return 4;
  } catch (std::bad_alloc const&) {
    std::cerr << not_enough_memory;
    return 3;
  } catch (std::length_error const&) {  // more than a container can ever hold
    std::cerr << not_enough_memory;
    return 3;
  } catch (std::filesystem::filesystem_error const& error) {
    std::cerr << "moenda: " << error.path1().string() << ": cannot examine ("
              << error.code().message() << ")\n";
    return 3;
  } catch (std::exception const& error) {
    std::cerr << "moenda: " << error.what() << '\n';
    return 3;
  }
}
