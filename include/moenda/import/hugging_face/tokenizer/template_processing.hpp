// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "moenda/import/hugging_face/tokenizer/bpe_vocabulary.hpp"
#include "moenda/import/hugging_face/tokenizer/json_part.hpp"

namespace moenda::hugging_face {

/// The special tokens that are put before and behind a text.
class TemplateProcessing {
 public:
  TemplateProcessing() = default;
  /// The `post_processor` of a file. Throws DataError, with the key, for what is not read.
  explicit TemplateProcessing(std::optional<JsonPart> const& part) {
    if (part) add(*part);
  }
  [[nodiscard]] std::vector<int> const& before() const { return before_; }
  [[nodiscard]] std::vector<int> const& behind() const { return behind_; }

 private:
  void add(JsonPart const& part) {
    switch (part.at("type").choice({"TemplateProcessing", "ByteLevel", "Sequence"})) {
      case 0:
        return add_template(part);
      case 1:  // moves places in the text only
        return;
      default:
        auto const all = part.at("processors");
        for (std::size_t i = 0; i < all.count_of_steps(); ++i) add(all[i]);
    }
  }
  void add_template(JsonPart const& part) {
    if (is_there_) part.fail("must not be a second template");
    is_there_ = true;
    auto const pieces = part.at("single");
    bool text = false;
    for (std::size_t i = 0; i < pieces.count_of_steps(); ++i) {
      if (auto const special = pieces[i].find("SpecialToken")) {
        auto& side = text ? behind_ : before_;
        auto const ids = ids_of(part, *special);
        side.insert(side.end(), ids.begin(), ids.end());
      } else {
        auto const sequence = pieces[i].at("Sequence").at("id");
        if (sequence.string() != "A" || text)
          sequence.refuse(text ? "must stand once" : "must be 'A'");
        text = true;
      }
    }
    if (!text) pieces.fail("must have the text itself, {\"Sequence\": {\"id\": \"A\"}}");
  }
  static std::vector<int> ids_of(JsonPart const& part, JsonPart const& special) {
    auto const id = special.at("id");
    auto const known = part.at("special_tokens").find(id.string().c_str());
    if (!known) id.refuse("must be one of special_tokens");
    auto const list = known->at("ids");
    std::vector<int> ids;
    for (std::size_t i = 0; i < list.size(); ++i)
      ids.push_back(list[i].whole(BpeVocabulary::largest_id));
    return ids;
  }
  std::vector<int> before_, behind_;
  bool is_there_ = false;
};

}  // namespace moenda::hugging_face
