// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>

namespace moenda::io::test {

/// How often `word` stands in `text`.
inline std::size_t count(std::string const& text, std::string const& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}
inline bool has(std::string const& text, std::string const& word) { return count(text, word) > 0; }

}  // namespace moenda::io::test
