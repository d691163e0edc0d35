// SPDX-License-Identifier: Apache-2.0
// The one place that compiles the model of all families.
#include "runner/tasks/hugging_face/use_folder.hpp"

#include <array>
#include <iostream>
#include <string>
#include <system_error>

#include "moenda/import/hugging_face/converted.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/infer/logits_of_ids.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/toml/read.hpp"
#include "moenda/toml/write.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/folder.hpp"
#include "runner/tasks/hugging_face/folder_model.hpp"
#include "runner/tasks/hugging_face/folder_tokenizer.hpp"
#include "runner/tasks/hugging_face/id_lists.hpp"

namespace moenda::runner {

namespace hf = hugging_face;
namespace fs = std::filesystem;

hf::Description read_description(fs::path const& folder) {
  return hf::read_config(hf::JsonObject(folder / "config.json"));
}

FolderConfig read_folder_config(std::vector<std::string> const& overrides) {
  toml::table table;
  for (auto const& assignment : overrides) io::override_toml(table, assignment);
  FolderConfig config;
  io::read_toml(table, config, "");
  Problems problems;
  problems.in("evaluate", [&] {
    problems.expect(config.evaluate.test_stride >= 0, "test_stride", "at least 0",
                    config.evaluate.test_stride);
  });
  problems.in("generate", [&] {
    problems.in("sampler", [&] { Sampler::check(config.generate.sampler, problems); });
  });
  if (!problems.empty()) throw ConfigError(problems.str());
  return config;
}

void with_folder_model(Options const& options, FolderConfig const& config, hf::Description const& d,
                       std::function<void(FamilyNetwork&)> const& f) {
  auto const wished = config.evaluate.formats();
  auto const use = [&](auto const& formats, std::uint64_t size, auto const& load) {
    with_backend(options, config.compute, [&](Backend& backend) {
      FamilyNetwork network(backend, d.model, unfilled, formats);
      io::Progress progress("load", size);
      load(network, [&](auto done, auto) { progress.update(std::uint64_t(done)); });
      progress.finish();
      f(network);
    });
  };
  auto const params = hf::Model::params<Shapes>(d.model);
  if (hf::is_converted(options.config)) {
    if (wished.rest != Format::fp32 || !wished.parts.empty()) {
      throw ConfigError(
          "evaluate.weights: a converted folder keeps its weights in the formats "
          "that `moenda convert` was given");
    }
    StoredFile const file(options.config / hf::converted_weights, params,
                          hf::hash_of_config(options.config));
    use(file.formats(), file.bytes(),
        [&](auto& network, auto const& progress) { file.load(network, progress); });
  } else {
    hf::Checkpoint const checkpoint(options.config);
    hf::Plan const plan(checkpoint, d);
    auto const formats = plan.formats(wished, params, "evaluate.weights_of");
    if (plan.loses_bits(formats, params)) std::cerr << bits_are_lost;
    use(formats, std::uint64_t(count(params)),
        [&](auto& network, auto const& progress) { hf::load(plan, network, progress); });
  }
}

bool is_hugging_face(fs::path const& path) {
  std::error_code error;  // what cannot be examined is refused by whoever reads it
  return fs::exists(path / "config.json", error);
}

int logits_of_folder(LogitsOptions const& options) {
  auto const config = read_folder_config(options.model.overrides);
  require_writable(options.file);
  require_no_input(options.file, options.model.config, options.ids);
  auto const lists = read_id_lists(options.ids);
  auto const d = read_description(options.model.config);
  with_folder_model(options.model, config, d, [&](FamilyNetwork& network) {
    write_logits(options.file, lists, d.model.vocab_size, [&](std::span<int const> ids) {
      return logits_of_ids(network, ids, options.cached);
    });
  });
  return 0;
}

int generate_from_folder(Options const& options, GenerateOptions const& how) {
  auto const config = read_folder_config(options.overrides);
  auto const format = hf::prompt_format(how.format);
  bool const is_chat = format != hf::PromptFormat::none;
  auto const text = how.prompt.value_or(config.generate.prompt);
  auto const tokenizer = read_folder_tokenizer(options.config);
  if (text.empty()) throw ConfigError("generate: the prompt must not be empty: --prompt TEXT");
  auto const prompt = is_chat
                          ? tokenizer.chat(text, format)
                          : FolderTokenizer::Chat{tokenizer.encode(text), tokenizer.end_of_text};
  if (prompt.ids.empty()) {
    throw ConfigError("generate: the tokenizer has no id for anything in the prompt");
  }
  auto const d = read_description(options.config);
  if (prompt.ids.size() > std::size_t(d.model.context_length)) {
    std::cerr << "generate: the prompt has " << prompt.ids.size()
              << " ids; the model sees the last " << d.model.context_length << " of them\n";
  }
  with_folder_model(options, config, d, [&](FamilyNetwork& network) {
    if (!is_chat) std::cout << text << std::flush;
    (void)moenda::generate(
        network, prompt.ids, how.max_tokens.value_or(config.generate.max_tokens),
        config.generate.sampler, prompt.end,
        [&](int id) { std::cout << tokenizer.next(id) << std::flush; }, tokenizer.vocab_size);
  });
  std::cout << tokenizer.rest() << std::endl;
  return 0;
}

int describe_folder(fs::path const& folder) {
  auto const d = read_description(folder);
  auto const params = hf::Model::params<Shapes>(d.model);
  auto const head = [&](std::string const& how, std::size_t files) {
    std::cout << "# a " << hf::name_of(d.family) << how << " of " << files
              << (files == 1 ? " file" : " files") << "\n[model]\n"
              << io::write_toml(d.model) << '\n';
    describe_parameters<hf::Model>(d.model, d.model);
    std::cout << "\nparameters         " << grouped(hf::Model::parameter_count(d.model))
              << "\nactive parameters  " << grouped(hf::Model::active_parameter_count(d.model))
              << '\n';
  };
  auto const line = [](std::string name, std::size_t bytes) {
    name.resize(11, ' ');
    std::cout << "memory of weights, " << name << grouped(std::int64_t(bytes)) << " bytes\n";
  };
  constexpr auto names = enum_names(Format{});
  if (hf::is_converted(folder)) {
    StoredFile const file(folder / hf::converted_weights, params, hf::hash_of_config(folder));
    auto const formats = file.formats();
    std::array<std::size_t, names.size()> bytes{};
    walk(params, [&](Path const& path, auto const& weight) {
      auto const format = formats(path, weight);
      bytes[std::size_t(format)] += room_of(weight, format).template size<float>();
    });
    head(", converted,", 1);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (bytes[i] > 0) line(names[i], bytes[i]);
    }
    return 0;
  }
  hf::Checkpoint const checkpoint(folder);
  hf::Plan const plan(checkpoint, d);
  head("", checkpoint.files().size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto const formats = plan.formats(static_cast<Format>(i), params, "describe");
    line(names[i], room_of_all(params, formats).template size<float>());
  }
  return 0;
}

}  // namespace moenda::runner
