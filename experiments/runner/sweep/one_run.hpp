// SPDX-License-Identifier: Apache-2.0
#pragma once
// Arms that would be one and the same run.
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/suggest.hpp"
#include "moenda/toml/file.hpp"
#include "runner/sweep/axes.hpp"
#include "runner/sweep/plan.hpp"

namespace moenda::runner {

/// The keys in which two runs differ, their titles aside.
[[nodiscard]] inline std::vector<std::string> differing_keys(RunFacts const& a, RunFacts const& b) {
  auto const values_of = [](RunFacts const& run) {
    auto const leaves = leaves_of("", io::parse_toml(run.toml, run.id));
    std::map<std::string, std::string> values(leaves.begin(), leaves.end());
    values.erase("title");
    return values;
  };
  auto const of_a = values_of(a), of_b = values_of(b);
  std::vector<std::string> keys;
  for (auto const* mine : {&of_a, &of_b}) {
    auto const& other = mine == &of_a ? of_b : of_a;
    for (auto const& [key, value] : *mine) {
      auto const found = other.find(key);
      bool const same = found != other.end() && found->second == value;
      if (!same && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

/// What is measured and logged names no run: arms that differ in nothing else would be one run,
/// measured once and compared with itself. Throws ConfigError; arms that differ in nothing at all
/// may be one.
inline void refuse_arms_of_one_run(SweepPlan const& plan, std::filesystem::path const& path) {
  std::map<std::string, std::pair<Arm const*, RunFacts const*>> known;
  for (auto const& arm : plan.arms) {
    for (auto const& run : arm.runs) {
      auto const [first, added] = known.try_emplace(run.name + "/" + run.id, &arm, &run);
      if (added) continue;
      auto const keys = differing_keys(*first->second.second, run);
      if (keys.empty()) continue;
      throw ConfigError(path.string() + ": the arms '" + first->second.first->title + "' and '" +
                        arm.title + "' are one run, " + run.name + "/" + run.id +
                        ": they differ in nothing that decides what is trained, only in " +
                        join(keys) + "; set these keys for all arms, or in a file of their own");
    }
  }
}

}  // namespace moenda::runner
