// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decimal numbers as tables write them. A double cannot hold 0.1; these are whole numbers of a
// power of ten, so that sums and comparisons of cells are exact to the last digit.
#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace moenda::data {

/// units / 10^places.
struct Decimal {
  static constexpr int max_places = 9;  ///< digits after the point
  static constexpr int max_digits = 18;

  std::int64_t units = 0;
  int places = 0;

  [[nodiscard]] double to_double() const;
  /// Shortest form: "1234.5", never "1234.50".
  [[nodiscard]] std::string str() const;
};

/// Room for the sum of 10^9 decimals at any scale.
__extension__ typedef __int128 WideInteger;

[[nodiscard]] constexpr WideInteger power_of_ten(int exponent) {
  WideInteger power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}
/// The units of `x` at another, finer scale.
[[nodiscard]] constexpr WideInteger units_at(Decimal x, int places) {
  return x.units * power_of_ten(places - x.places);
}
/// The decimal, without zeros at its end; nothing when it does not fit.
[[nodiscard]] constexpr std::optional<Decimal> to_decimal(WideInteger units, int places) {
  for (; places > 0 && units % 10 == 0; --places) units /= 10;
  using Limits = std::numeric_limits<std::int64_t>;
  if (units > Limits::max() || units < -WideInteger(Limits::max())) return std::nullopt;
  return Decimal{static_cast<std::int64_t>(units), places};
}

[[nodiscard]] constexpr std::strong_ordering operator<=>(Decimal a, Decimal b) {
  int const places = std::max(a.places, b.places);
  auto const left = units_at(a, places), right = units_at(b, places);
  return left < right   ? std::strong_ordering::less
         : left > right ? std::strong_ordering::greater
                        : std::strong_ordering::equal;
}
[[nodiscard]] constexpr bool operator==(Decimal a, Decimal b) { return (a <=> b) == 0; }

/// Adds decimals without rounding.
class ExactSum {
 public:
  constexpr void add(Decimal x) {
    if (x.places > places_) {
      units_ *= power_of_ten(x.places - places_);
      places_ = x.places;
    }
    units_ += units_at(x, places_);
    ++count_;
  }
  [[nodiscard]] constexpr std::int64_t count() const { return count_; }
  /// Nothing when it does not fit a Decimal.
  [[nodiscard]] constexpr std::optional<Decimal> sum() const { return to_decimal(units_, places_); }
  /// sum / count: the exact quotient, rounded once, to max_places digits (halves away from zero).
  [[nodiscard]] constexpr std::optional<Decimal> mean() const {
    if (count_ == 0) return std::nullopt;
    auto const scaled = units_ * power_of_ten(Decimal::max_places - places_);
    auto const half = scaled < 0 ? -WideInteger(count_) : WideInteger(count_);
    return to_decimal((2 * scaled + half) / (2 * WideInteger(count_)), Decimal::max_places);
  }

 private:
  WideInteger units_ = 0;
  int places_ = 0;
  std::int64_t count_ = 0;
};

/// "-1,234.50", "1234.5", ".5": a sign, digits (in groups of three after a first group, or in one
/// piece), a point and more digits. Nothing for anything else: a decimal comma ("3,5") is not
/// guessed at, and neither is a number of more than 18 digits.
[[nodiscard]] inline std::optional<Decimal> parse_decimal(std::string_view text) {
  constexpr std::string_view minus_sign = "\xE2\x88\x92";  // U+2212
  bool negative = false;
  if (text.starts_with(minus_sign)) {
    negative = true;
    text.remove_prefix(minus_sign.size());
  } else if (text.starts_with('-') || text.starts_with('+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  Decimal x;
  int digits = 0, in_group = 0;
  bool grouped = false, point = false;
  for (char const c : text) {
    if (c >= '0' && c <= '9') {
      if (++digits > Decimal::max_digits || (point && ++x.places > Decimal::max_places)) return {};
      x.units = x.units * 10 + (c - '0');
      ++in_group;
    } else if (c == ',' && !point && (grouped ? in_group == 3 : in_group >= 1 && in_group <= 3)) {
      grouped = true;
      in_group = 0;
    } else if (c == '.' && !point && (!grouped || in_group == 3)) {
      point = true;
    } else {
      return {};
    }
  }
  if (digits == 0 || text.back() == '.' || (grouped && !point && in_group != 3)) return {};
  if (negative) x.units = -x.units;
  return to_decimal(x.units, x.places);
}

inline double Decimal::to_double() const {
  return static_cast<double>(static_cast<long double>(units) /
                             static_cast<long double>(power_of_ten(places)));
}

inline std::string Decimal::str() const {
  auto digits = std::to_string(units < 0 ? -units : units);
  if (places > 0) {
    auto const least = static_cast<std::size_t>(places) + 1;
    if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
    digits.insert(digits.size() - least + 1, ".");
  }
  return (units < 0 ? "-" : "") + digits;
}

}  // namespace moenda::data
