// SPDX-License-Identifier: Apache-2.0
// moenda convert: a folder that transformers saved, with its weights in the formats asked for.
#include <csignal>
#include <iostream>

#include "moenda/import/hugging_face/converted.hpp"
#include "moenda/report/terminal/progress.hpp"
#include "runner/run/describe_run.hpp"
#include "runner/run/interrupt.hpp"
#include "runner/tasks/hugging_face/use_folder.hpp"

namespace moenda::runner {

namespace {

namespace hf = hugging_face;

Format format_of(std::string const& word) {
  auto const names = enum_names(Format{});
  auto const found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<Format>(found - names.begin());
  std::vector<std::string> const known(names.begin(), names.end());
  throw ConfigError("--weights: a format must be one of: " + join(known) + ", got '" + word + "'" +
                    did_you_mean(word, known));
}

/// Of words such as "nf4" and "*.attention.*=bf16".
Formats formats_of(std::vector<std::string> const& words) {
  Formats formats;
  for (auto const& word : words) {
    auto const equals = word.rfind('=');
    if (equals == std::string::npos) {
      formats.rest = format_of(word);
    } else {
      formats.parts.push_back({word.substr(0, equals), format_of(word.substr(equals + 1))});
    }
  }
  return formats;
}

}  // namespace

int convert(ConvertOptions const& options) {
  auto const formats = formats_of(options.weights);
  if (!is_hugging_face(options.from)) {
    throw ConfigError("convert: " + options.from.string() +
                      ": must be a folder that transformers saved, with a config.json");
  }
  if (hf::is_converted(options.from)) {
    throw ConfigError("convert: " + options.from.string() +
                      ": is converted already; take the folder that transformers saved");
  }
  auto const d = hf::read_config(hf::JsonObject(options.from / "config.json"));
  hf::Checkpoint const checkpoint(options.from);
  hf::Plan const plan(checkpoint, d);
  auto const params = hf::Model::params<Shapes>(d.model);
  if (plan.loses_bits(plan.formats(formats, params, "convert"), params)) std::cerr << bits_are_lost;
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  ThreadPool pool(options.threads);
  io::Progress progress("convert", std::uint64_t(hf::Model::parameter_count(d.model)));
  try {
    hf::convert(checkpoint, d, plan, formats, options.to, pool,
                [&](std::int64_t done, std::int64_t) {
                  end_if_interrupted();
                  progress.update(std::uint64_t(done));
                });
  } catch (Interrupted const&) {
    std::cerr << "moenda: interrupted; nothing was written\n";
    return 130;
  }
  progress.finish();
  auto const bytes = std::filesystem::file_size(options.to / hf::converted_weights);
  std::cout << options.to.string() << ": a " << hf::name_of(d.family) << ", "
            << grouped(std::int64_t(bytes)) << " bytes of weights\n";
  return 0;
}

}  // namespace moenda::runner
