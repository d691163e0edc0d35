// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reflection. A struct has plain members with defaults and one line that lists them:
//
//   struct Config {
//     int hidden = 0;
//     MOENDA_FIELDS(Config, hidden);
//   };
//
// Boost.Hana then sees an ordinary Struct: TOML, JSON Schema, names and counts are derived from it.
// BOOST_HANA_DEFINE_STRUCT has no default values and BOOST_HANA_ADAPT_STRUCT cannot name a type
// that is nested in a template, hence our own macro.
#include <algorithm>
#include <boost/hana/accessors.hpp>
#include <boost/hana/at.hpp>
#include <boost/hana/define_struct.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/fuse.hpp>
#include <boost/hana/integral_constant.hpp>
#include <boost/hana/pair.hpp>
#include <boost/hana/size.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>
#include <cstddef>

namespace moenda {
namespace hana = boost::hana;

/// A string as a template argument.
template <std::size_t N>
struct FixedString {
  char text[N]{};
  consteval FixedString(char const (&s)[N]) { std::copy_n(s, N, text); }
};
/// The name of a listed member.
template <FixedString S>
struct Field {
  static constexpr char const* c_str() { return S.text; }
};

/// Calls f(name, member) for every listed member of `object`, in order.
template <class T, class F>
constexpr void for_each_field(T& object, F&& f) {
  using Plain = std::remove_const_t<T>;
  hana::for_each(hana::accessors<Plain>(),
                 hana::fuse([&](auto name, auto get) { f(name.c_str(), get(object)); }));
}

/// Converts to anything: counts how many initialisers an aggregate takes.
struct AnyField {
  template <class T>
  constexpr operator T() const;
};
template <class T, class... Fields>
consteval std::size_t arity() {
  if constexpr (requires { T{Fields{}..., AnyField{}}; }) {
    return arity<T, Fields..., AnyField>();
  } else {
    return sizeof...(Fields);
  }
}
/// False when a member was declared but not listed.
template <class T>
inline constexpr bool lists_all_fields = decltype(hana::size(hana::accessors<T>()))::value ==
                                         arity<T>();

}  // namespace moenda

// MOENDA_FIELDS expands where a user writes it, so its parts below stay defined with it. They are
// nobody else's: MOENDA_PARENS, MOENDA_EXPAND*, MOENDA_EACH*.
#define MOENDA_PARENS ()
#define MOENDA_EXPAND(...) MOENDA_EXPAND1(MOENDA_EXPAND1(MOENDA_EXPAND1(__VA_ARGS__)))
#define MOENDA_EXPAND1(...) MOENDA_EXPAND2(MOENDA_EXPAND2(MOENDA_EXPAND2(__VA_ARGS__)))
#define MOENDA_EXPAND2(...) MOENDA_EXPAND3(MOENDA_EXPAND3(MOENDA_EXPAND3(__VA_ARGS__)))
#define MOENDA_EXPAND3(...) __VA_ARGS__  // 40 members
#define MOENDA_EACH(T, member, ...)                                                 \
  ::boost::hana::make_pair(                                                         \
      ::moenda::Field<#member>{},                                                   \
      ::boost::hana::struct_detail::member_ptr<decltype(&T::member), &T::member>{}) \
      __VA_OPT__(, MOENDA_EACH_AGAIN MOENDA_PARENS(T, __VA_ARGS__))
#define MOENDA_EACH_AGAIN() MOENDA_EACH
/// Lists the members of T, inside T. Follow it with a semicolon.
#define MOENDA_FIELDS(T, ...)                                                                   \
  struct hana_accessors_impl {                                                                  \
    static constexpr auto apply() {                                                             \
      return ::boost::hana::make_tuple(__VA_OPT__(MOENDA_EXPAND(MOENDA_EACH(T, __VA_ARGS__)))); \
    }                                                                                           \
  }
