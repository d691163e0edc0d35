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

/// The special tokens of a format. The last one ends what the model says.
[[nodiscard]] inline std::vector<std::string> marks_of(PromptFormat format) {
  switch (format) {
    case PromptFormat::none:
      return {};
    case PromptFormat::gemma:
      return {"<bos>", "<start_of_turn>", "<end_of_turn>"};
    case PromptFormat::openchat:
      return {"<s>", "<|end_of_turn|>"};
    case PromptFormat::mistral:
      return {"<s>", "</s>"};
    case PromptFormat::chatml:
      return {"<|im_start|>", "<|im_end|>"};
    case PromptFormat::llama3:
      return {"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
  }
  return {};
}

/// A conversation as one text, which the model goes on with as the assistant. Its special tokens
/// are spelled out: encode it with add_special = false.
struct Prompt {
  std::string text;
  /// From, to: what somebody said. Text in it that looks like a special token is text.
  std::vector<std::pair<std::size_t, std::size_t>> said;
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

  /// `none` joins what is said. Throws ConfigError for a role that the format does not have, or has
  /// not there.
  [[nodiscard]] Prompt operator()(std::span<Message const> messages) const {
    Prompt prompt;
    bool const begins = format_ != PromptFormat::none && format_ != PromptFormat::chatml;
    if (begins) prompt.text = marks_of(format_).front();
    bool const alternates = format_ == PromptFormat::gemma || format_ == PromptFormat::mistral;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      auto const& role = messages[i].role;
      if (role != "user" && role != "assistant" && role != "system")
        refuse("a role must be one of system, user, assistant", role);
      if (alternates && role != (i % 2 == 0 ? "user" : "assistant"))
        refuse("roles must be user, assistant, user, ...", role);
      auto const [before, content, behind] = said(messages[i]);
      auto const begin = prompt.text.size() + before.size();
      prompt.text += before + content + behind;
      prompt.said.emplace_back(begin, begin + content.size());
    }
    prompt.text += ending();
    return prompt;
  }

 private:
  [[noreturn]] void refuse(char const* what, std::string const& role) const {
    throw ConfigError("prompt format " + std::string(name()) + ": " + what + ", got " +
                      io::quote(role));
  }
  [[nodiscard]] char const* name() const {
    return enum_names(format_)[static_cast<std::size_t>(format_)];
  }
  /// What stands before a message, the message, what stands behind it.
  [[nodiscard]] std::array<std::string, 3> said(Message const& message) const {
    auto const& [role, content] = message;
    bool const user = role == "user";
    switch (format_) {
      case PromptFormat::none:
        break;
      case PromptFormat::gemma:
        return {"<start_of_turn>" + std::string(user ? "user" : "model") + "\n", trimmed(content),
                "<end_of_turn>\n"};
      case PromptFormat::openchat:
        return {"GPT4 Correct " +
                    std::string(user               ? "User"
                                : role == "system" ? "System"
                                                   : "Assistant") +
                    ": ",
                content, "<|end_of_turn|>"};
      case PromptFormat::mistral:
        return {user ? "[INST] " : "", content, user ? " [/INST]" : "</s>"};
      case PromptFormat::chatml:
        return {"<|im_start|>" + role + "\n", content, "<|im_end|>\n"};
      case PromptFormat::llama3:
        return {"<|start_header_id|>" + role + "<|end_header_id|>\n\n", trimmed(content),
                "<|eot_id|>"};
    }
    return {"", content, ""};
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
