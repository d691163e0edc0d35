// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tasks that a language model answers by what it finds likely: a context, and endings of which one
// is the true one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/core/random.hpp"
#include "moenda/data/text/completion_task.hpp"
#include "moenda/data/text/token_stream.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"
#include "moenda/files/read_file.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// A task as text.
struct CompletionText {
  std::string context;
  std::vector<std::string> endings;
  int answer = 0;  ///< index of the true ending
};

/// Reads HellaSwag (Zellers et al. 2019, arXiv 1905.07830) as a text of 6 lines a task: context,
/// the index of the true ending, four endings. Throws DataError with the line that is wrong.
[[nodiscard]] inline std::vector<CompletionText> read_hellaswag(std::filesystem::path const& path) {
  constexpr std::size_t num_endings = 4, lines_per_task = 2 + num_endings;
  auto const bytes = read_file(path);
  std::vector<CompletionText> tasks;
  std::size_t number = 0;  // of the line, from 1
  auto const refuse = [&](std::string const& what) {
    throw DataError(path.string() + ":" + std::to_string(number) + ": " + what);
  };
  for (std::size_t begin = 0; begin < bytes.size();) {
    auto const end = std::min(bytes.find('\n', begin), bytes.size());
    auto line = std::string_view(bytes).substr(begin, end - begin);
    begin = end + 1;
    std::size_t const place = number++ % lines_per_task;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) refuse("a context, answer or ending must not be empty");
    if (io::find_invalid_utf8(line) < line.size()) refuse("the text must be UTF-8");
    if (place == 0) {
      tasks.push_back({std::string(line), {}, 0});
    } else if (place == 1) {
      bool const is_index = line.size() == 1 && line[0] >= '0' && line[0] <= '3';
      if (!is_index) {
        refuse("the answer must be 0, 1, 2 or 3, got '" + std::string(line.substr(0, 40)) + "'");
      }
      tasks.back().answer = line[0] - '0';
    } else {
      tasks.back().endings.emplace_back(line);
    }
  }
  if (number % lines_per_task != 0 || number == 0) {
    refuse("the file must have 6 lines for every task, at least one, but it ends here");
  }
  return tasks;
}

/// The context without the name of its activity, which ends in ": " where there is one.
[[nodiscard]] inline std::string_view without_label(std::string_view context) {
  auto const end = context.find(": ");
  return end == std::string_view::npos || end + 2 == context.size() ? context
                                                                    : context.substr(end + 2);
}

/// Context and " " + ending are encoded apart, so that all endings follow the same tokens.
[[nodiscard]] inline CompletionTask encode_completion(Tokenizer::Encoder& encoder,
                                                      CompletionText const& text) {
  CompletionTask task{.context = {}, .endings = {}, .answer = text.answer};
  encoder.append(text.context, task.context);
  for (auto const& ending : text.endings) {
    encoder.append(" " + ending, task.endings.emplace_back());
  }
  return task;
}

/// How tasks are cut from a text.
struct HeldOutTasks {
  std::int64_t tasks = 200;
  int context_tokens = 48, ending_tokens = 12, num_endings = 4;
  std::uint64_t seed = 1;
};

/// Task number `index` of cut_completions.
[[nodiscard]] inline CompletionTask cut_completion(TokenStream const& text,
                                                   HeldOutTasks const& config,
                                                   std::uint64_t index) {
  constexpr int max_tries = 100;
  std::int64_t const context = config.context_tokens, ending = config.ending_tokens;
  Random const random(config.seed, stream_of("completion") ^ index);
  std::uint64_t drawn = 0;
  auto const below = [&](std::int64_t limit) {
    return std::int64_t(random.bits(drawn++) % std::uint64_t(limit));
  };
  auto const read = [&](std::int64_t begin, std::int64_t count) {
    std::vector<int> tokens(static_cast<std::size_t>(count));
    text.read(begin, tokens);
    return tokens;
  };
  auto const begin = below(text.size() - context - ending + 1);
  CompletionTask task{.context = read(begin, context), .endings = {}, .answer = 0};
  task.endings.push_back(read(begin + context, ending));
  for (int tries = 0; int(task.endings.size()) < config.num_endings; ++tries) {
    if (tries == max_tries) {
      throw DataError("cut_completions: the text must have endings of " + std::to_string(ending) +
                      " tokens that differ, but it repeats itself");
    }
    auto const from = below(text.size() - ending + 1);
    if (from > begin - ending && from < begin + context + ending) continue;  // this very place
    auto other = read(from, ending);
    auto const known = std::find(task.endings.begin(), task.endings.end(), other);
    if (known == task.endings.end()) task.endings.push_back(std::move(other));
  }
  task.answer = int(below(config.num_endings));
  std::swap(task.endings.front(), task.endings[std::size_t(task.answer)]);
  return task;
}

/// Cuts tasks from a text that the model has not seen: context_tokens of it, and how it really goes
/// on against pieces of ending_tokens from elsewhere in the same text. All endings are of one kind
/// and equally long, so nothing but the context tells them apart. A task depends on the text, the
/// seed and its own number alone. Throws ConfigError for sizes below 1, DataError for a text that
/// is too short or repeats itself.
[[nodiscard]] inline std::vector<CompletionTask> cut_completions(TokenStream const& text,
                                                                 HeldOutTasks const& config) {
  require(config.tasks >= 0, "cut_completions: tasks must not be negative", config.tasks, 0);
  require(config.context_tokens >= 1 && config.ending_tokens >= 1,
          "cut_completions: context_tokens and ending_tokens must be at least 1",
          config.context_tokens, config.ending_tokens);
  require(config.num_endings >= 2 && config.num_endings <= 100,
          "cut_completions: num_endings must be in 2..100", config.num_endings, 2);
  std::int64_t const needed = (std::int64_t{config.context_tokens} + config.ending_tokens) *
                              (std::int64_t{config.num_endings} + 1);
  if (text.size() < needed) {
    throw DataError("cut_completions: the text must hold at least " + std::to_string(needed) +
                    " tokens, but it has " + std::to_string(text.size()));
  }
  std::vector<CompletionTask> tasks;
  for (std::int64_t i = 0; i < config.tasks; ++i) {
    tasks.push_back(cut_completion(text, config, std::uint64_t(i)));
  }
  return tasks;
}

}  // namespace moenda::data
