// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a weight is kept. Products, grouped products, embedding rows and the head read every format,
// and unpack a panel or a row on the way; everything else asks for plain values.
#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

#include "moenda/core/error.hpp"

namespace moenda {

/// In which numbers. fp32: plain values, the backend's own scalars. bf16: 16 bits each, row-major,
/// rounded to nearest even. The others have a scale for every block of numbers: core/quantised.hpp.
enum class Format { fp32, bf16, int8, int4, nf4, nf4_double };
constexpr auto enum_names(Format) {
  return std::array{"fp32", "bf16", "int8", "int4", "nf4", "nf4_double"};
}

/// Where. Only what is in memory can be computed with.
enum class Place { memory, file, absent };
constexpr auto enum_names(Place) { return std::array{"memory", "file", "absent"}; }

namespace detail {

/// Throws "`needs`, but the weight is kept as bf16", or "... is absent".
[[noreturn]] inline void refuse_storage(std::string const& needs, Format format, Place place) {
  std::string const kept = std::string("kept as ") + enum_names(format)[std::size_t(format)];
  throw ConfigError(needs + ", but the weight is " +
                    (place == Place::memory ? kept
                     : place == Place::file ? "in a file"
                                            : "absent"));
}
[[noreturn]] inline void refuse_not_plain(char const* who, Format format, Place place) {
  refuse_storage(std::string(who) + " needs plain values", format, place);
}

}  // namespace detail

/// How a weight is kept: by default as plain values. `data` and `scales` are in the backend's
/// space.
struct Storage {
  Format format = Format::fp32;
  Place place = Place::memory;
  void const* data = nullptr;    ///< the codes; null for plain values
  void const* scales = nullptr;  ///< of formats that have them

  [[nodiscard]] constexpr bool is_plain() const {
    return format == Format::fp32 && place == Place::memory;
  }
};

/// A weight as a kernel reads it, row-major: plain values, or codes and scales of another format. A
/// pointer to plain values is one.
template <class T>
struct WeightView {
  T const* values = nullptr;  // null unless plain
  Format format = Format::fp32;
  void const* codes = nullptr;
  void const* scales = nullptr;

  constexpr WeightView() = default;
  constexpr WeightView(T const* plain) : values(plain) {}
  constexpr WeightView(Format how, void const* data, void const* their_scales)
      : format(how), codes(data), scales(their_scales) {}

  [[nodiscard]] constexpr bool is_plain() const { return format == Format::fp32; }
  /// Throws ConfigError "`who` needs plain values, but ..." for another format.
  [[nodiscard]] constexpr T const* plain(char const* who) const {
    if (!is_plain()) detail::refuse_not_plain(who, format, Place::memory);
    return values;
  }
};

/// The weights of a group, all of one format, as a kernel reads them: an array of each kind of
/// pointer, in the backend's space.
template <class T>
struct WeightViews {
  T const* const* values = nullptr;  // [groups], null unless plain
  Format format = Format::fp32;
  void const* const* codes = nullptr;   // [groups]
  void const* const* scales = nullptr;  // [groups]

  constexpr WeightViews() = default;
  constexpr WeightViews(T const* const* plain) : values(plain) {}
  constexpr WeightViews(Format how, void const* const* data, void const* const* their_scales)
      : format(how), codes(data), scales(their_scales) {}

  [[nodiscard]] constexpr bool is_plain() const { return format == Format::fp32; }
  [[nodiscard]] constexpr WeightView<T> operator[](std::ptrdiff_t group) const {
    if (is_plain()) return values[group];
    return {format, codes[group], scales[group]};
  }
};

/// The same as parameters of a kernel, where T is known from the others.
template <class T>
using Kept = std::type_identity_t<WeightView<T>>;
template <class T>
using KeptGroups = std::type_identity_t<WeightViews<T>>;

}  // namespace moenda
