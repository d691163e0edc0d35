// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/text.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::hugging_face {

/// A value of a JSON file that knows where it stands, so that whoever misses something can say it:
/// "tokenizer.json: model.merges[3] must be ..., got ...". It must not outlive the document.
class JsonPart {
 public:
  JsonPart(nlohmann::json const& value, std::string file, std::string key = "")
      : value_(&value), file_(std::move(file)), key_(std::move(key)) {}

  /// Throws DataError: file, key, what must hold, and what stands there.
  [[noreturn]] void refuse(std::string const& what) const {
    throw DataError(file_ + ": " + (key_.empty() ? "the document" : key_) + " " + what + ", got " +
                    shown());
  }
  /// The same, where what is wrong is not this value alone.
  [[noreturn]] void fail(std::string const& sentence) const {
    throw DataError(file_ + ": " + (key_.empty() ? "" : key_ + ": ") + sentence);
  }

  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  [[nodiscard]] bool is_string() const { return value_->is_string(); }
  [[nodiscard]] bool is_object() const { return value_->is_object(); }
  [[nodiscard]] std::string const& key() const { return key_; }
  [[nodiscard]] nlohmann::json const& value() const { return *value_; }

  /// A member that must be there.
  [[nodiscard]] JsonPart at(char const* name) const {
    auto found = find(name);
    if (!found) fail("must have '" + std::string(name) + "', which is missing");
    return *found;
  }
  /// A member; nothing where it is absent or null.
  [[nodiscard]] std::optional<JsonPart> find(char const* name) const {
    if (!value_->is_object()) refuse("must be an object");
    auto const found = value_->find(name);
    if (found == value_->end() || found->is_null()) return std::nullopt;
    return JsonPart(*found, file_, key_.empty() ? name : key_ + "." + name);
  }
  [[nodiscard]] std::size_t size() const {
    if (!value_->is_array()) refuse("must be a list");
    return value_->size();
  }
  /// Of a list of steps that are taken one after the other.
  [[nodiscard]] std::size_t count_of_steps() const {
    constexpr std::size_t most = 1000;
    if (size() > most) {
      fail("must have at most " + std::to_string(most) + " entries, got " + std::to_string(size()));
    }
    return size();
  }
  /// Element `i` < size().
  [[nodiscard]] JsonPart operator[](std::size_t i) const {
    return {(*value_)[i], file_, key_ + "[" + std::to_string(i) + "]"};
  }

  [[nodiscard]] std::string const& string() const {
    if (!value_->is_string()) refuse("must be a string");
    return value_->get_ref<std::string const&>();
  }
  [[nodiscard]] bool boolean() const {
    if (!value_->is_boolean()) refuse("must be true or false");
    return value_->get<bool>();
  }
  /// A whole number in 0..largest.
  [[nodiscard]] int whole(int largest) const {
    bool const fits =
        value_->is_number_unsigned() && value_->get<std::uint64_t>() <= std::uint64_t(largest);
    if (!fits) refuse("must be a whole number in 0.." + std::to_string(largest));
    return value_->get<int>();
  }
  /// One code point.
  [[nodiscard]] std::string const& character() const {
    auto const& text = string();
    if (text.empty() || io::utf8_sequence_length(text) != text.size())
      refuse("must be one character");
    return text;
  }
  [[nodiscard]] bool boolean_or(char const* name, bool otherwise) const {
    auto const member = find(name);
    return member ? member->boolean() : otherwise;
  }
  /// The member's place in `allowed`; the refusal lists them.
  [[nodiscard]] std::size_t choice(std::vector<std::string> const& allowed) const {
    auto const& got = string();
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      if (allowed[i] == got) return i;
    }
    throw DataError(file_ + ": " + key_ + " is " + io::quote(got) + ", which is not read" +
                    did_you_mean(got, allowed) + "; these are: " + join(allowed));
  }

 private:
  [[nodiscard]] std::string shown() const {
    switch (value_->type()) {
      case nlohmann::json::value_t::string:
        return io::quote(value_->get_ref<std::string const&>());
      case nlohmann::json::value_t::object:
        return "an object";
      case nlohmann::json::value_t::array:
        return "a list";
      default:
        return value_->dump();
    }
  }
  nlohmann::json const* value_;
  std::string file_, key_;
};

}  // namespace moenda::hugging_face
