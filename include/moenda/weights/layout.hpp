// SPDX-License-Identifier: Apache-2.0
#pragma once
// In which format every weight is kept, and where it lies.
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "moenda/core/fields.hpp"
#include "moenda/core/pattern.hpp"
#include "moenda/core/quantised.hpp"
#include "moenda/core/walk.hpp"

namespace moenda {

/// Whether weights of this kind can be kept in another format than plain values: those that
/// products read, and embeddings. Routers decide by small differences, gains, biases and tables are
/// small, and state is written to.
[[nodiscard]] constexpr bool can_be_stored(WeightKind kind) {
  return kind == WeightKind::matrix || kind == WeightKind::residual ||
         kind == WeightKind::embedding;
}

/// A format for a part of a model.
struct PartFormat {
  std::string names = "*";  ///< of weights: a pattern, in which a star stands for any characters
  Format format = Format::fp32;
  MOENDA_FIELDS(PartFormat, names, format);
};

/// The format of every weight that can be stored: that of the last part whose pattern its name
/// matches, else `rest`.
struct Formats {
  Format rest = Format::fp32;
  std::vector<PartFormat> parts{};

  Formats() = default;
  Formats(Format all, std::vector<PartFormat> others = {}) : rest(all), parts(std::move(others)) {}

  template <class W>
  [[nodiscard]] Format operator()(Path const& path, W const& weight) const {
    if (weight.size() == 0 || !can_be_stored(weight.kind)) return Format::fp32;
    if (parts.empty()) return rest;
    auto const name = path.str();
    auto const part = std::find_if(parts.rbegin(), parts.rend(),
                                   [&](PartFormat const& p) { return matches(p.names, name); });
    return part == parts.rend() ? rest : part->format;
  }
  /// Whether all weights are plain values.
  [[nodiscard]] bool are_plain() const {
    return rest == Format::fp32 && std::all_of(parts.begin(), parts.end(), [](auto const& part) {
             return part.format == Format::fp32;
           });
  }
  /// Throws ConfigError when a pattern matches no weight that can be stored. `who` begins it.
  template <class Params>
  void require_used(Params const& params, char const* who) const {
    for (auto const& part : parts) {
      bool used = false;
      walk(params, [&](Path const& path, auto const& weight) {
        used = used ||
               (weight.size() > 0 && can_be_stored(weight.kind) && matches(part.names, path.str()));
      });
      if (used) continue;
      throw ConfigError(std::string(who) + ": a name of a matrix or an embedding must match '" +
                        part.names + "', but none does");
    }
  }
};

namespace detail {

/// A weight's codes begin on a cache line, and so do its scales.
[[nodiscard]] constexpr std::size_t whole_lines(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace detail

/// How much memory weights take.
struct Room {
  std::size_t values = 0;  ///< plain scalars
  std::size_t bytes = 0;   ///< of codes and scales, in whole cache lines

  template <class Scalar>
  [[nodiscard]] constexpr std::size_t size() const {
    return values * sizeof(Scalar) + bytes;
  }
};

template <class W>
[[nodiscard]] constexpr Room room_of(W const& weight, Format format) {
  if (format == Format::fp32) return {std::size_t(weight.size()), 0};
  auto const size = stored_bytes(format, weight.rows, weight.cols);
  return {0, detail::whole_lines(size.codes) + detail::whole_lines(size.scales)};
}
/// Of all weights. `format_of(path, weight)` is the Format of a weight, as Formats says it.
template <class Params, class FormatOf>
[[nodiscard]] constexpr Room room_of_all(Params const& params, FormatOf const& format_of) {
  Room room;
  walk(params, [&](Path const& path, auto const& weight) {
    auto const one = room_of(weight, format_of(path, weight));
    room.values += one.values, room.bytes += one.bytes;
  });
  return room;
}

/// Gives weights their places, one after the other: plain values in one array, codes and scales in
/// the other.
template <class T>
class Layout {
 public:
  Layout(T* values, std::byte* stored) : values_(values), stored_(stored) {}

  template <class W>
  void place(W& weight, Format format) {
    weight.data = nullptr;
    weight.stored = {.format = format};
    auto const room = room_of(weight, format);
    if (format == Format::fp32) {
      weight.data = values_;
    } else {
      auto const size = stored_bytes(format, weight.rows, weight.cols);
      weight.stored.data = stored_;
      if (size.scales > 0) weight.stored.scales = stored_ + detail::whole_lines(size.codes);
    }
    values_ += room.values, stored_ += room.bytes;
  }

 private:
  T* values_;
  std::byte* stored_;
};

}  // namespace moenda
