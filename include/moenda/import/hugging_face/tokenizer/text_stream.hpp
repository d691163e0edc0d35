// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

namespace moenda::hugging_face {

/// The text of ids that come one by one. A character whose bytes come as several tokens is held
/// until it is whole.
class TextStream {
 public:
  /// `tokenizer` must outlive this.
  explicit TextStream(Tokenizer const& tokenizer, bool skip_special = true)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  /// What the text gains by `id`; "" where something is held.
  [[nodiscard]] std::string next(int id) {
    ids_.push_back(id);
    auto const text = tokenizer_.decode(ids_, skip_special_);
    bool const held = text.ends_with("\xEF\xBF\xBD") && ids_.size() - told_ < most_held;
    return held ? "" : tell(text);
  }
  /// What is still held, when no more ids come.
  [[nodiscard]] std::string rest() {
    return ids_.size() == told_ ? "" : tell(tokenizer_.decode(ids_, skip_special_));
  }

 private:
  static constexpr std::size_t most_held = 16;

  /// Keeps the ids of this part, before which the next one is decoded: what a decoder does at the
  /// beginning of a text it does to them.
  std::string tell(std::string const& text) {
    auto gain = text.size() > known_.size() ? text.substr(known_.size()) : "";
    if (gain.empty()) {  // such as a special token: it changes nothing
      told_ = ids_.size();
      return gain;
    }
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(told_));
    told_ = ids_.size();
    known_ = tokenizer_.decode(ids_, skip_special_);
    return gain;
  }
  Tokenizer const& tokenizer_;
  bool skip_special_;
  std::vector<int> ids_;  // the last part told, then what is held
  std::size_t told_ = 0;
  std::string known_;  // the text of the part that is told
};

}  // namespace moenda::hugging_face
