// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"

namespace moenda::data {

/// One token per byte: nothing to train or to load, and any text is covered.
class ByteTokenizer {
 public:
  class Encoder {
   public:
    explicit Encoder(ByteTokenizer const&) {}
    void append(std::string_view text, std::vector<int>& ids) {
      for (char const c : text) ids.push_back(static_cast<unsigned char>(c));
    }
  };

  /// The byte of `id`. Throws DataError unless 0 <= id < 256.
  [[nodiscard]] std::string_view token(int id) const {
    if (id < 0 || id >= vocab_size())
      throw DataError("ByteTokenizer: a token id must lie in 0..255 (vocabulary of 256), got " +
                      std::to_string(id));
    static constexpr auto bytes = [] {
      struct {
        char byte[256]{};
      } table;
      for (int i = 0; i < 256; ++i) table.byte[i] = static_cast<char>(i);
      return table;
    }();
    return {bytes.byte + id, 1};
  }

  [[nodiscard]] int vocab_size() const { return 256; }
  [[nodiscard]] std::optional<int> end_of_text() const { return std::nullopt; }
  [[nodiscard]] std::string fingerprint() const { return "bytes-256"; }
};

}  // namespace moenda::data
