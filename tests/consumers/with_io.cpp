// SPDX-License-Identifier: Apache-2.0
// A consumer of moenda::io.
#include <toml++/toml.h>
#include <moenda/version.hpp>
#include <nlohmann/json.hpp>

int main() {
  auto const table = toml::parse("top_k = 2");
  auto const json = nlohmann::json::parse("[2]");
  return table["top_k"].value<int>() == json[0].get<int>() ? 0 : 1;
}
