// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "moenda/core/error.hpp"

namespace moenda::io {

/// What a task measured, in the order in which it was measured: an entry of results.json. A name is
/// given once, so that the numbers of two sets cannot overwrite each other.
class NamedMeasures {
 public:
  /// Throws ConfigError when `name` is taken.
  void add(std::string const& name, nlohmann::ordered_json value) {
    if (measures_.contains(name)) {
      throw ConfigError("results: two measures are named '" + name +
                        "'; every set of examples must have a name of its own");
    }
    measures_[name] = std::move(value);
  }
  /// All of them, in their order.
  void add(NamedMeasures const& more) {
    for (auto const& [name, value] : more.measures_.items()) add(name, value);
  }
  [[nodiscard]] nlohmann::ordered_json const& json() const { return measures_; }

 private:
  nlohmann::ordered_json measures_ = nlohmann::ordered_json::object();
};

}  // namespace moenda::io
