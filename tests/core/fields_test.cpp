// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/fields.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace {

using namespace moenda;

struct Sizes {
  int hidden = 3;
  double factor = 0.5;
  std::string label = "x";
  MOENDA_FIELDS(Sizes, hidden, factor, label);
};
struct Nothing {
  MOENDA_FIELDS(Nothing);
};
struct Forgotten {
  int listed = 0;
  int missing = 0;
  MOENDA_FIELDS(Forgotten, listed);
};
template <class T>
struct Outer {
  struct Nested {
    T value{};
    MOENDA_FIELDS(Nested, value);
  };
};
struct Forty {
  int a0 = 0, a1 = 1, a2 = 2, a3 = 3, a4 = 4, a5 = 5, a6 = 6, a7 = 7, a8 = 8, a9 = 9, b0 = 10,
      b1 = 11, b2 = 12, b3 = 13, b4 = 14, b5 = 15, b6 = 16, b7 = 17, b8 = 18, b9 = 19, c0 = 20,
      c1 = 21, c2 = 22, c3 = 23, c4 = 24, c5 = 25, c6 = 26, c7 = 27, c8 = 28, c9 = 29, d0 = 30,
      d1 = 31, d2 = 32, d3 = 33, d4 = 34, d5 = 35, d6 = 36, d7 = 37, d8 = 38, d9 = 39;
  MOENDA_FIELDS(Forty, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8,
                b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9);
};
static_assert(lists_all_fields<Sizes> && lists_all_fields<Nothing> &&
              lists_all_fields<Outer<int>::Nested> && lists_all_fields<Forty>);
static_assert(!lists_all_fields<Forgotten>);
static_assert(hana::Struct<Sizes>::value);

template <class T>
std::vector<std::string> names_of(T const& object) {
  std::vector<std::string> names;
  for_each_field(object, [&](char const* name, auto const&) { names.push_back(name); });
  return names;
}

TEST_CASE("listed members are visited in order, by name, and can be changed", "[fields]") {
  Sizes sizes;
  CHECK(names_of(sizes) == std::vector<std::string>{"hidden", "factor", "label"});
  CHECK(names_of(Nothing{}).empty());
  CHECK(names_of(Outer<double>::Nested{}) == std::vector<std::string>{"value"});
  for_each_field(sizes, [](char const* name, auto& member) {
    if constexpr (std::is_same_v<std::decay_t<decltype(member)>, int>) {
      member = 7;
    } else if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::string>) {
      member = name;
    }
  });
  CHECK(sizes.hidden == 7);
  CHECK(sizes.label == "label");
}

TEST_CASE("forty members work, at compile time too", "[fields]") {
  constexpr int sum = [] {
    Forty const all;
    int n = 0;
    for_each_field(all, [&](char const*, int member) { n += member; });
    return n;
  }();
  static_assert(sum == 39 * 40 / 2);
  CHECK(names_of(Forty{}).back() == "d9");
}

}  // namespace
