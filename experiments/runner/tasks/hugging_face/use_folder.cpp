// SPDX-License-Identifier: Apache-2.0
// The one place that compiles the model of all families.
#include "runner/tasks/hugging_face/use_folder.hpp"

#include <cstring>
#include <iostream>
#include <system_error>

#include "moenda/import/hugging_face/load.hpp"
#include "moenda/infer/generate.hpp"
#include "moenda/infer/logits_of_ids.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "moenda/toml/file.hpp"
#include "moenda/toml/read.hpp"
#include "moenda/toml/write.hpp"
#include "moenda/weights/stored.hpp"
#include "runner/run/compute.hpp"
#include "runner/run/config.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/folder.hpp"
#include "runner/tasks/hugging_face/folder_tokenizer.hpp"
#include "runner/tasks/hugging_face/id_lists.hpp"

namespace moenda::runner {

namespace {

namespace hf = hugging_face;
namespace fs = std::filesystem;
using FamilyNetwork = Network<hf::Model, Backend>;

hf::Description read_description(fs::path const& folder) {
  return hf::read_config(hf::JsonObject(folder / "config.json"));
}

/// Gives the network the weights of the folder, kept as asked.
void load_folder(hf::Checkpoint const& checkpoint, hf::Description const& d, Format format,
                 FamilyNetwork& network) {
  io::Progress progress("load", checkpoint.size());
  hf::load(checkpoint, d, network,
           [&](std::size_t done, std::size_t) { progress.update(std::uint64_t(done)); });
  progress.finish();
  store(network, format);
}

/// What the command line may say of a folder, in the words of a run's file.
struct FolderConfig {
  struct Evaluate {
    Format weights = Format::fp32;
    MOENDA_FIELDS(Evaluate, weights);
  };
  Evaluate evaluate{};
  GenerateConfig generate{.prompt = ""};
  ComputeConfig compute{};
  MOENDA_FIELDS(FolderConfig, evaluate, generate, compute);
};

FolderConfig read_folder_config(std::vector<std::string> const& overrides) {
  toml::table table;
  for (auto const& assignment : overrides) io::override_toml(table, assignment);
  FolderConfig config;
  io::read_toml(table, config, "");
  Problems problems;
  problems.in("generate", [&] {
    problems.in("sampler", [&] { Sampler::check(config.generate.sampler, problems); });
  });
  if (!problems.empty()) throw ConfigError(problems.str());
  return config;
}

}  // namespace

bool is_hugging_face(fs::path const& path) {
  std::error_code error;  // what cannot be examined is refused by whoever reads it
  return fs::exists(path / "config.json", error);
}

int logits_of_folder(LogitsOptions const& options) {
  auto const config = read_folder_config(options.model.overrides);
  require_writable(options.file);
  auto const lists = read_id_lists(options.ids);
  auto const d = read_description(options.model.config);
  hf::Checkpoint const checkpoint(options.model.config);
  hf::require_agreement(checkpoint, d);
  with_backend(options.model, config.compute, [&](Backend& backend) {
    FamilyNetwork network(backend, d.model, unfilled);
    load_folder(checkpoint, d, config.evaluate.weights, network);
    write_logits(options.file, lists, d.model.vocab_size, [&](std::span<int const> ids) {
      return logits_of_ids(network, ids, options.cached);
    });
  });
  return 0;
}

int generate_from_folder(Options const& options, GenerateOptions const& how) {
  auto const config = read_folder_config(options.overrides);
  auto const text = how.prompt.value_or(config.generate.prompt);
  auto const tokenizer = read_folder_tokenizer(options.config);
  auto const ids = tokenizer.encode(text);
  if (text.empty() || ids.empty()) {
    throw ConfigError("generate: the prompt must not be empty: --prompt TEXT");
  }
  auto const d = read_description(options.config);
  hf::Checkpoint const checkpoint(options.config);
  hf::require_agreement(checkpoint, d);
  with_backend(options, config.compute, [&](Backend& backend) {
    FamilyNetwork network(backend, d.model, unfilled);
    load_folder(checkpoint, d, config.evaluate.weights, network);
    std::cout << text << std::flush;
    (void)moenda::generate(
        network, ids, how.max_tokens.value_or(config.generate.max_tokens), config.generate.sampler,
        tokenizer.end_of_text, [&](int id) { std::cout << tokenizer.next(id) << std::flush; },
        tokenizer.vocab_size);
  });
  std::cout << tokenizer.rest() << std::endl;
  return 0;
}

int describe_folder(fs::path const& folder) {
  auto const d = read_description(folder);
  hf::Checkpoint const checkpoint(folder);
  hf::require_agreement(checkpoint, d);
  std::cout << "# a " << hf::name_of(d.family) << " of " << checkpoint.files().size()
            << (checkpoint.files().size() == 1 ? " file" : " files") << "\n[model]\n"
            << io::write_toml(d.model) << '\n';
  describe_parameters<hf::Model>(d.model, d.model);
  std::cout << "\nparameters         " << grouped(hf::Model::parameter_count(d.model))
            << "\nactive parameters  " << grouped(hf::Model::active_parameter_count(d.model))
            << '\n';
  auto const params = hf::Model::params<Shapes>(d.model);
  auto const names = enum_names(Format{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto const format = static_cast<Format>(i);
    std::cout << "memory of weights, " << names[i] << std::string(11 - std::strlen(names[i]), ' ')
              << grouped(std::int64_t(stored_size<float>(params, format))) << " bytes\n";
  }
  return 0;
}

}  // namespace moenda::runner
