// SPDX-License-Identifier: Apache-2.0
// Any bytes as a config.json: a DataError, or a model that can be made; and what is written of it
// reads back as the same.
#include <string>

#include "input.hpp"
#include "moenda/import/hugging_face/write_config.hpp"

namespace hf = moenda::hugging_face;

namespace {

void read_all(std::string const& path) {
  auto const d = hf::read_config(hf::JsonObject(path));
  check(hf::Model::check(d.model).empty(), "the model must be one that can be made");
  std::string text;
  try {
    text = hf::config_json(d).dump();
  } catch (moenda::ConfigError const&) {  // a family that is only read
    return;
  }
  static Scratch const again;
  again.write(text);
  check(hf::config_json(hf::read_config(hf::JsonObject(again.path))).dump() == text,
        "a config must come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  return read_input(
      data, size, [](std::string text) { return text; }, read_all);
}
