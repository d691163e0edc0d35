// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/suggest.hpp"
#include "moenda/files/unicode.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::hugging_face {

/// How a model that was taught conversations wants to read them.
enum class PromptFormat { none, gemma, openchat, mistral, chatml, llama3 };
constexpr auto enum_names(PromptFormat) {
  return std::array{"none", "gemma", "openchat", "mistral", "chatml", "llama3"};
}

/// What somebody says. Roles are system, user, assistant; not every format has a system.
struct Message {
  std::string role, content;
};

/// The format of a name. Throws ConfigError with the nearest match.
[[nodiscard]] inline PromptFormat prompt_format(std::string_view name) {
  std::vector<std::string> known;
  for (auto const* one : enum_names(PromptFormat::none)) known.emplace_back(one);
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == name) return static_cast<PromptFormat>(i);
  }
  throw ConfigError("there is no prompt format " + io::quote(name) + did_you_mean(name, known) +
                    "; there are: " + join(known));
}

/// Writes conversations as the chat templates of the models do (tests/golden/generate_tokenizers.py
/// has them).
class PromptWriter {
 public:
  explicit PromptWriter(PromptFormat format) : format_(format) {}

  /// The text that the model goes on with as the assistant. It has its special tokens spelled out:
  /// encode it with add_special = false. `none` joins what is said. Throws ConfigError for a role
  /// that the format does not have, or has not there.
  [[nodiscard]] std::string operator()(std::span<Message const> messages) const {
    std::string text = format_ == PromptFormat::gemma      ? "<bos>"
                       : format_ == PromptFormat::openchat ? "<s>"
                       : format_ == PromptFormat::mistral  ? "<s>"
                       : format_ == PromptFormat::llama3   ? "<|begin_of_text|>"
                                                           : "";
    bool const alternates = format_ == PromptFormat::gemma || format_ == PromptFormat::mistral;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      auto const& role = messages[i].role;
      if (role != "user" && role != "assistant" && role != "system")
        refuse("a role must be one of system, user, assistant", role);
      if (alternates && role != (i % 2 == 0 ? "user" : "assistant"))
        refuse("roles must be user, assistant, user, ...", role);
      text += said(messages[i]);
    }
    return text + ending();
  }

 private:
  [[noreturn]] void refuse(char const* what, std::string const& role) const {
    throw ConfigError("prompt format " + std::string(name()) + ": " + what + ", got " +
                      io::quote(role));
  }
  [[nodiscard]] char const* name() const {
    return enum_names(format_)[static_cast<std::size_t>(format_)];
  }
  [[nodiscard]] std::string said(Message const& message) const {
    auto const& [role, content] = message;
    bool const user = role == "user";
    switch (format_) {
      case PromptFormat::none:
        return content;
      case PromptFormat::gemma:
        return "<start_of_turn>" + std::string(user ? "user" : "model") + "\n" + trimmed(content) +
               "<end_of_turn>\n";
      case PromptFormat::openchat:
        return "GPT4 Correct " +
               std::string(user               ? "User"
                           : role == "system" ? "System"
                                              : "Assistant") +
               ": " + content + "<|end_of_turn|>";
      case PromptFormat::mistral:
        return user ? "[INST] " + content + " [/INST]" : content + "</s>";
      case PromptFormat::chatml:
        return "<|im_start|>" + role + "\n" + content + "<|im_end|>\n";
      case PromptFormat::llama3:
        return "<|start_header_id|>" + role + "<|end_header_id|>\n\n" + trimmed(content) +
               "<|eot_id|>";
    }
    return content;
  }
  [[nodiscard]] char const* ending() const {
    switch (format_) {
      case PromptFormat::gemma:
        return "<start_of_turn>model\n";
      case PromptFormat::openchat:
        return "GPT4 Correct Assistant:";
      case PromptFormat::chatml:
        return "<|im_start|>assistant\n";
      case PromptFormat::llama3:
        return "<|start_header_id|>assistant<|end_header_id|>\n\n";
      default:
        return "";
    }
  }
  /// Without space at either end; what space is says Python.
  static std::string trimmed(std::string_view text) {
    auto const& classes = data::char_classes();
    std::size_t begin = text.size(), end = 0;
    for (std::size_t i = 0; i < text.size();) {
      auto const character = classes.at(text, i);
      bool const separator = text[i] >= 0x1C && text[i] <= 0x1F;
      if (character.kind != data::CharClass::space && !separator) {
        begin = std::min(begin, i);
        end = i + character.length;
      }
      i += character.length;
    }
    return begin < end ? std::string(text.substr(begin, end - begin)) : "";
  }
  PromptFormat format_;
};

}  // namespace moenda::hugging_face
