// SPDX-License-Identifier: Apache-2.0
#pragma once
// state.json of a checkpoint.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>

#include "moenda/core/error.hpp"
#include "moenda/files/content_hash.hpp"
#include "moenda/files/own_files.hpp"

namespace moenda {

/// What training has cost so far.
struct Spent {
  double seconds = 0, joules = 0;
};

/// What a run remembers beside weights and moments.
struct RunState {
  std::int64_t step = 0;            ///< steps taken, those skipped included
  std::int64_t optimizer_step = 0;  ///< steps applied
  Spent spent{};
  std::uint64_t checksum = 0;  ///< of weights and moments, as they lie in memory
  /// The level of the kernels that computed them, whose last digits are their own. Empty where a
  /// backend has none, and in checkpoints of earlier versions.
  std::string kernels{};
  /// What the caller can tell its logs of the steps so far by, such as hashes. Without quotes.
  std::string logs{};
  /// The checksum that the file of the weights names. Empty in checkpoints of earlier versions.
  std::string weights{};
};

/// Written by hand: nlohmann's values allocate in their destructors, which ends the program when
/// memory runs out. The last line is a hash of all lines before it.
[[nodiscard]] inline std::string state_text(RunState const& state) {
  auto const shortest = [](double value) {
    std::array<char, 64> text{};
    auto const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return std::string(text.data(), end);
  };
  auto const text = "{\n  \"checksum\": " + std::to_string(state.checksum) +
                    ",\n  \"joules\": " + shortest(state.spent.joules) +
                    (state.kernels.empty() ? "" : ",\n  \"kernels\": \"" + state.kernels + '"') +
                    (state.logs.empty() ? "" : ",\n  \"logs\": \"" + state.logs + '"') +
                    ",\n  \"optimizer_step\": " + std::to_string(state.optimizer_step) +
                    ",\n  \"seconds\": " + shortest(state.spent.seconds) +
                    ",\n  \"step\": " + std::to_string(state.step) +
                    (state.weights.empty() ? "" : ",\n  \"weights\": \"" + state.weights + '"');
  auto const hash = data::ContentHash().add(text).value();
  return text + ",\n  \"text_hash\": " + std::to_string(hash) + "\n}\n";
}
/// The number behind "`key`": in `text`. False when there is none, or one that does not fit.
template <class T>
[[nodiscard]] bool read_number(std::string const& text, std::string const& key, T& number) {
  auto const at = text.find('"' + key + "\": ");
  if (at == std::string::npos) return false;
  char const* const end = text.data() + text.size();
  auto const read = std::from_chars(text.data() + at + key.size() + 4, end, number);
  return read.ec == std::errc() && read.ptr != end && std::strchr(",\n}", *read.ptr) != nullptr;
}
/// The word behind "`key`":, or none.
[[nodiscard]] inline std::string read_word(std::string const& text, std::string const& key) {
  auto const begin = text.find('"' + key + "\": \"");
  if (begin == std::string::npos) return {};
  auto const word = begin + key.size() + 5, end = text.find('"', word);
  return end == std::string::npos ? std::string() : text.substr(word, end - word);
}
/// Throws DataError unless the text has the hash that its last line says. Checkpoints of earlier
/// versions have no such line, and no other than those that they need.
inline void check_state_hash(std::string const& text, std::filesystem::path const& path) {
  auto const lines = std::count(text.begin(), text.end(), '\n');
  auto const end = text.rfind(",\n  \"text_hash\": ");
  bool const has_kernels = text.find("\"kernels\": ") != std::string::npos;
  bool const is_earlier =
      text.find("text_hash") == std::string::npos && lines == (has_kernels ? 8 : 7);
  std::uint64_t hash = 0;
  if (is_earlier || (read_number(text, "text_hash", hash) &&
                     hash == data::ContentHash().add(text.substr(0, end)).value())) {
    return;
  }
  throw DataError(path.string() +
                  ": the file is damaged: it must have the hash that its last line says");
}
/// Throws DataError unless the file is what state_text writes.
[[nodiscard]] inline RunState read_state(std::filesystem::path const& path) {
  auto const file = io::open_own_file(path, O_RDONLY, "open for reading");
  constexpr std::uint64_t largest = 1 << 16;
  if (file.regular_file_size() > largest) {
    throw DataError(path.string() + ": the file must be at most 64 KB");
  }
  std::string text(std::size_t(file.regular_file_size()), '\0');
  text.resize(file.read_at(0, text.data(), text.size()));
  RunState state;
  if (!text.starts_with("{\n") || !text.ends_with("\n}\n") ||
      !read_number(text, "step", state.step) ||
      !read_number(text, "optimizer_step", state.optimizer_step) ||
      !read_number(text, "seconds", state.spent.seconds) ||
      !read_number(text, "joules", state.spent.joules) ||
      !read_number(text, "checksum", state.checksum)) {
    throw DataError(path.string() +
                    ": not a checkpoint's state: it must have checksum, joules, optimizer_step, "
                    "seconds and step");
  }
  state.kernels = read_word(text, "kernels");
  state.logs = read_word(text, "logs");
  state.weights = read_word(text, "weights");
  if (state.step < 0 || state.optimizer_step < 0 || !(state.spent.seconds >= 0) ||
      !(state.spent.joules >= 0)) {
    throw DataError(path.string() + ": steps, seconds and joules must not be negative");
  }
  if (state.optimizer_step > state.step) {
    throw DataError(path.string() + ": optimizer_step must be at most step, " +
                    std::to_string(state.step) + ", got " + std::to_string(state.optimizer_step));
  }
  if (!std::isfinite(state.spent.seconds) || !std::isfinite(state.spent.joules)) {
    throw DataError(path.string() + ": seconds and joules must be finite");
  }
  check_state_hash(text, path);
  return state;
}

}  // namespace moenda
