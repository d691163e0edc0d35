// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the lists of a [sweep] table mean: the axes that it spans.
#include <toml++/toml.h>

#include <functional>
#include <list>
#include <string>
#include <utility>
#include <vector>

namespace moenda::runner {

/// One key set to one value; `label` is what a title calls it.
struct Setting {
  std::string key;
  toml::node const* value;
};
/// Settings that move together: a value of a parameter, an entry of a zip, an arm.
struct Option {
  std::string label;
  std::vector<Setting> settings;
};
/// One of these is chosen for every point.
using Axis = std::vector<Option>;

/// `2`, `hash`, `top_k (top_k = 1)`
std::string shown(toml::node const& value);
/// Dotted keys and what their values show as.
using Leaves = std::list<std::pair<std::string, std::string>>;
/// Of nested tables, below `key`: {a = {b = 2}} is a.b = 2, as is {"a.b" = 2}.
Leaves leaves_of(std::string const& key, toml::node const& value);
/// Calls f(dotted key, node) for every entry of nested tables down to lists.
void for_each_list(toml::table const& table, std::string const& path,
                   std::function<void(std::string const&, toml::array const&)> const& f);
Axis axis_of_parameter(std::string const& key, toml::array const& values);
/// Lists that move together; a list under the key `title` names the entries.
Axis axis_of_zip(toml::table const& zip);
/// Tables with a title; all their other keys are laid on the configuration.
Axis axis_of_arms(toml::array const& arms);
/// A TOML string.
std::string quoted(std::string const& text);
/// {a = {b = {c = value}}} for the key a.b.c.
toml::table nested(Setting const& setting);

}  // namespace moenda::runner
