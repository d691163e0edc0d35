// SPDX-License-Identifier: Apache-2.0
#pragma once
// Labelled sequences of real-valued channels.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/data/sequence/labelled_sequences.hpp"
#include "moenda/files/read_file.hpp"

namespace moenda::data {

namespace detail {

/// Calls f(line, number, where) for every line of a file that is not empty, from 1.
template <class F>
void for_each_line(std::filesystem::path const& path, F&& f) {
  auto const bytes = read_file(path);
  std::string_view text(bytes);
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto const end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) f(line, number, path.string() + ":" + std::to_string(number));
  }
}
/// The first sequence decides how many channels there are.
inline void require_channels(LabelledSequences& sequences, std::size_t channels,
                             std::string const& where) {
  constexpr std::size_t most = 1 << 20;
  if (sequences.channels == 0 && channels >= 1 && channels <= most) {
    sequences.channels = int(channels);
  }
  if (channels >= 1 && channels == std::size_t(sequences.channels)) return;
  throw DataError(where + ": must have " +
                  (sequences.channels == 0 ? "1.." + std::to_string(most)
                                           : std::to_string(sequences.channels)) +
                  " channels, got " + std::to_string(channels));
}

/// Appends the channels of one line, each "1,2,3", as rows.
inline void append_channels(LabelledSequences& sequences,
                            std::vector<std::string_view> const& channels,
                            std::string const& where) {
  require_channels(sequences, channels.size(), where);
  std::size_t const width = channels.size(), first = sequences.features.size();
  auto const count_of = [](std::string_view channel) {
    return 1 + std::size_t(std::count(channel.begin(), channel.end(), ','));
  };
  auto const length = count_of(channels[0]);
  auto const here = [&](std::size_t c) { return where + ", channel " + std::to_string(c + 1); };
  for (std::size_t c = 0; c < width; ++c) {  // all of them, before memory is taken for them
    if (count_of(channels[c]) == length) continue;
    throw DataError(here(c) + ": must have " + std::to_string(length) +
                    " numbers as the first, got " + std::to_string(count_of(channels[c])));
  }
  sequences.features.resize(first + length * width);
  for (std::size_t c = 0; c < width; ++c) {
    auto const numbers = parts_of(channels[c], ',');
    for (std::size_t t = 0; t < length; ++t) {
      sequences.features[first + t * width + c] = parse_value(numbers[t], here(c));
    }
  }
  sequences.end_sequence();
}
/// Appends the rows of "x"; returns the label.
inline std::string append_object(LabelledSequences& sequences, nlohmann::json const& object,
                                 std::string const& where) {
  using Handler = nlohmann::json::error_handler_t;
  if (!object.is_object()) throw DataError(where + ": must be a JSON object");
  auto const label = object.find("label"), x = object.find("x");
  if (label == object.end() || !(label->is_string() || label->is_number_integer())) {
    throw DataError(where + ": must have a \"label\" that is a word or a whole number");
  }
  if (x == object.end() || !x->is_array() || x->empty()) {
    throw DataError(where + ": must have an \"x\" that is a list of rows");
  }
  for (auto const& row : *x) {
    if (!row.is_array()) throw DataError(where + ": a row of \"x\" must be a list of numbers");
    require_channels(sequences, row.size(), where);
    for (auto const& value : row) {
      if (!value.is_number() || !std::isfinite(value.get<float>())) {
        // Lists are not spelled out: they may be nested deeper than a stack can follow.
        auto const got = value.is_structured() ? std::string("an ") + value.type_name()
                                               : value.dump(-1, ' ', false, Handler::replace);
        throw DataError(where + ": \"x\" must hold finite numbers, got " + got.substr(0, 40));
      }
      sequences.features.push_back(value.get<float>());
    }
  }
  sequences.end_sequence();
  return label->is_string() ? label->get<std::string>() : label->dump();
}

}  // namespace detail

/// Reads the .ts format of the UEA archive (Bagnall et al. 2018, arXiv 1811.00075): lines of #
/// comments and @ keys up to @data, then one line per sequence, its channels separated by colons,
/// numbers by commas, the class last. `known`: the classes of the training part. Missing values
/// ("?") are refused. Throws DataError with file, line and reason.
[[nodiscard]] inline LabelledSequences read_ts(std::filesystem::path const& path,
                                               std::vector<std::string> const& known = {}) {
  LabelledSequences sequences;
  std::vector<std::string> written;
  std::vector<std::size_t> lines;
  bool data = false;
  detail::for_each_line(
      path, [&](std::string_view line, std::size_t number, std::string const& where) {
        if (line.starts_with('#')) return;
        if (!data) {
          if (!line.starts_with('@')) {
            throw DataError(where + ": must be a # comment or an @ key before @data");
          }
          data = line.starts_with("@data");
          return;
        }
        auto channels = parts_of(line, ':');
        if (channels.back().empty()) throw DataError(where + ": must end in a class");
        written.emplace_back(channels.back());
        lines.push_back(number);
        channels.pop_back();
        detail::append_channels(sequences, channels, where);
      });
  if (sequences.count() == 0) throw DataError(path.string() + ": must hold sequences after @data");
  name_classes(sequences, written, known, path.string(), lines);
  return sequences;
}

/// Reads lines of JSON objects with "x", rows of channels, and "label", a number or a word; other
/// keys are passed over. Throws DataError with file, line and reason.
[[nodiscard]] inline LabelledSequences read_sequence_lines(
    std::filesystem::path const& path, std::vector<std::string> const& known = {}) {
  LabelledSequences sequences;
  std::vector<std::string> written;
  std::vector<std::size_t> lines;
  detail::for_each_line(path,
                        [&](std::string_view line, std::size_t number, std::string const& where) {
                          auto const object = nlohmann::json::parse(line, nullptr, false);
                          written.push_back(detail::append_object(sequences, object, where));
                          lines.push_back(number);
                        });
  if (sequences.count() == 0) throw DataError(path.string() + ": must hold at least one sequence");
  name_classes(sequences, written, known, path.string(), lines);
  return sequences;
}

}  // namespace moenda::data
