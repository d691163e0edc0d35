// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/data/shuffled_order.hpp"
#include "moenda/files/utf8.hpp"

namespace moenda::data {

/// Sequences of tokens or of real-valued channels, each with a class or a value.
struct LabelledSequences {
  std::vector<int> tokens;               // [offsets.back()], or empty
  std::vector<float> features;           // [offsets.back(), channels], or empty
  int channels = 0;                      // 0: tokens
  std::vector<std::int64_t> offsets{0};  // [count + 1] first row of every sequence
  std::vector<int> labels;               // [count] classes, or empty
  std::vector<float> values;             // [count] of a regression, or empty
  std::vector<int> types;                // [count] the hidden kind, where it is known; or empty
  std::vector<std::string> class_names;  // of the labels

  [[nodiscard]] std::int64_t count() const { return std::int64_t(offsets.size()) - 1; }
  [[nodiscard]] std::int64_t length(std::int64_t i) const {
    return offsets[std::size_t(i) + 1] - offsets[std::size_t(i)];
  }
  [[nodiscard]] std::int64_t longest() const {
    std::int64_t most = 0;
    for (std::int64_t i = 0; i < count(); ++i) most = std::max(most, length(i));
    return most;
  }
  /// Labels or values.
  template <class Target>
  [[nodiscard]] std::vector<Target> const& targets() const {
    if constexpr (std::is_same_v<Target, int>) {
      return labels;
    } else {
      return values;
    }
  }
  /// What was appended to tokens or features is a sequence.
  void end_sequence() {
    offsets.push_back(channels == 0 ? std::int64_t(tokens.size())
                                    : std::int64_t(features.size()) / channels);
  }
};

/// The sequences at `chosen`, in that order. Throws ConfigError for one that does not exist.
[[nodiscard]] inline LabelledSequences select(LabelledSequences const& from,
                                              std::span<std::int64_t const> chosen) {
  LabelledSequences to;
  to.channels = from.channels;
  to.class_names = from.class_names;
  auto const copy_rows = [](auto const& source, auto& target, std::int64_t begin,
                            std::int64_t end) {
    target.insert(target.end(), source.begin() + begin, source.begin() + end);
  };
  for (auto const i : chosen) {
    require(i >= 0 && i < from.count(), "LabelledSequences: a sequence must lie in 0..count-1", i,
            from.count());
    auto const at = std::size_t(i);
    auto const begin = from.offsets[at], end = from.offsets[at + 1];
    if (from.channels == 0) copy_rows(from.tokens, to.tokens, begin, end);
    copy_rows(from.features, to.features, begin * from.channels, end * from.channels);
    to.end_sequence();
    if (!from.labels.empty()) to.labels.push_back(from.labels[at]);
    if (!from.values.empty()) to.values.push_back(from.values[at]);
    if (!from.types.empty()) to.types.push_back(from.types[at]);
  }
  return to;
}

/// Cuts off floor(fraction * count) sequences, drawn at random; the rest comes first. For sets that
/// bring no validation or test part of their own. Throws ConfigError unless 0 <= fraction < 1.
[[nodiscard]] inline std::pair<LabelledSequences, LabelledSequences> split_off(
    LabelledSequences const& all, double fraction, std::uint64_t seed) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw ConfigError(
        "LabelledSequences: the fraction to split off must be at least 0 and below "
        "1, got " +
        std::to_string(fraction));
  }
  auto const cut = std::int64_t(std::floor(fraction * double(all.count())));
  ShuffledOrder const order(all.count(), seed, 0);
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < all.count(); ++i) (i < cut ? second : first).push_back(order(i));
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  return {select(all, first), select(all, second)};
}

/// Turns labels as they are written into classes: numbers in their order, words in theirs. `known`:
/// the classes of another part of the data set, to which the labels must belong. Throws DataError
/// naming the first line whose label does not.
inline void name_classes(LabelledSequences& sequences, std::vector<std::string> const& written,
                         std::vector<std::string> const& known, std::string const& source,
                         std::vector<std::size_t> const& lines) {
  constexpr std::size_t most = 10'000;
  auto& names = sequences.class_names = known;
  auto const number_of = [](std::string const& name, long long& number) {
    auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && end == name.data() + name.size();
  };
  auto const before = [&](std::string const& a, std::string const& b) {
    long long left = 0, right = 0;
    bool const numbers = number_of(a, left), others = number_of(b, right);
    if (numbers != others) return numbers;
    return numbers && left != right ? left < right : a < b;
  };
  if (known.empty()) {
    names = written;
    std::sort(names.begin(), names.end(), before);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.size() > most) {
      throw DataError(source + ": there must be at most " + std::to_string(most) +
                      " different labels, got " + std::to_string(names.size()));
    }
  }
  std::unordered_map<std::string, int> numbers;
  for (auto const& name : names) numbers.emplace(name, int(numbers.size()));
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto const found = numbers.find(written[i]);
    if (found == numbers.end()) {
      throw DataError(source + ":" + std::to_string(lines[i]) + ": the label " +
                      io::quote(written[i]) + " is none of the " + std::to_string(names.size()) +
                      " known classes");
    }
    sequences.labels.push_back(found->second);
  }
}

/// The parts between the delimiters, at least one.
[[nodiscard]] inline std::vector<std::string_view> parts_of(std::string_view text, char delimiter) {
  std::vector<std::string_view> parts;
  while (true) {
    auto const end = text.find(delimiter);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}
/// The finite number that all of `text` says. Throws DataError "`where`: ... ".
[[nodiscard]] inline float parse_value(std::string_view text, std::string const& where) {
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto const number = static_cast<float>(value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    throw DataError(where + ": must be a finite number, got " + io::quote(text));
  }
  return number;
}

}  // namespace moenda::data
