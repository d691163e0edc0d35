// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace moenda::runner {

/// Logs of steps before a checkpoint whose rows are not those that were logged. Such a run goes on,
/// for its weights are whole, but says so whenever it is continued; hashes.json says it once it has
/// ended.
class ChangedLogs {
 public:
  /// Names of files, and a hash of the rows of each so far.
  using Logs = std::vector<std::pair<std::string, std::string>>;

  /// What the checkpoint has of them (RunState::logs), in the same order; one of an earlier version
  /// has nothing.
  void expect(std::string const& hashes) { expected_ = hashes; }
  /// Compares, and tells on stderr what has changed.
  void find(std::string const& title, Logs const& logs) {
    std::istringstream expected(expected_);
    std::string hash;
    for (std::size_t i = 0; i < logs.size() && expected >> hash; ++i) {
      if (logs[i].second == hash) continue;
      names_.push_back(logs[i].first);
      std::cerr << title << ": " << logs[i].first
                << ": the rows of the steps before have changed since they were logged; numbers "
                   "from there may be wrong\n";
    }
  }
  /// What a checkpoint has of the logs: of one that has changed a word that is no hash, so that it
  /// is told again.
  [[nodiscard]] std::string hashes(Logs const& logs) const {
    std::string all;
    for (auto const& [name, hash] : logs) {
      bool const changed = std::find(names_.begin(), names_.end(), name) != names_.end();
      all += (all.empty() ? "" : " ") + (changed ? "changed" : hash);
    }
    return all;
  }
  [[nodiscard]] std::vector<std::string> const& names() const { return names_; }

 private:
  std::string expected_;
  std::vector<std::string> names_;
};

}  // namespace moenda::runner
