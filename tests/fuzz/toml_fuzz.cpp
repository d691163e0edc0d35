// SPDX-License-Identifier: Apache-2.0
// Any bytes as the configuration of a run: a ConfigError or a DataError, or a configuration that is
// checked without an accident and comes back from what is written of it. An override is laid on it
// where the input holds a second part.
#include <string>
#include <string_view>

#include "input.hpp"
#include "moenda/toml/write.hpp"
#include "runner/run/config.hpp"

namespace {

using moenda::runner::RunConfig;

RunConfig read(toml::table const& table) {
  RunConfig config;
  moenda::io::read_toml(table, config, "");
  return config;
}

void read_all(std::string const& path, std::string_view assignment) {
  auto table = moenda::io::load_toml(path);
  if (!assignment.empty()) moenda::io::override_toml(table, assignment);
  auto const config = read(table);
  auto model = config.model;
  model.vocab_size = 256;
  (void)moenda::runner::AnyModel::check(model);
  moenda::Problems problems;
  moenda::TrainConfig::check(config.train, problems);
  auto const text = moenda::io::write_toml(config);
  check(moenda::io::write_toml(read(moenda::io::parse_toml(text, "written"))) == text,
        "a written configuration must come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Scratch const scratch;
  auto rest = as_text(data, size);
  scratch.write(take_part(rest));
  try {
    read_all(scratch.path, take_part(rest));
  } catch (moenda::DataError const&) {
  } catch (moenda::ConfigError const&) {
  }
  return 0;
}
