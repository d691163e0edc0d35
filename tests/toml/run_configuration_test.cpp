// SPDX-License-Identifier: Apache-2.0
#include "run_configuration.hpp"

#include <catch2/catch.hpp>
#include <type_traits>
#include <utility>
#include <variant>

#include "moenda/toml/read.hpp"
#include "moenda/toml/write.hpp"

namespace moenda::io::test {
namespace {

/// f(name, member) of a table, whose members may be groups side by side.
template <class C, class F>
void for_each_member(C const& config, F&& f) {
  if constexpr (SideBySideLike<C>) {
    std::size_t i = 0;
    hana::for_each(config.groups, [&](auto const& group) { f(C::names[i++], group); });
  } else {
    for_each_field(config, f);
  }
}
/// f(alternative, its name), each with its defaults.
template <class T, class F>
void for_each_alternative(T const&, F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::variant_alternative_t<I, decltype(T::choice)>{}, std::string(T::names[I])), ...);
  }
  (std::make_index_sequence<std::size(T::names)>{});
}

template <class T>
constexpr Kind kind_of() {
  if (std::is_same_v<T, bool>) return Kind::boolean;
  if (std::is_same_v<T, int>) return Kind::int32;
  if (std::is_integral_v<T>) return std::is_unsigned_v<T> ? Kind::uint64 : Kind::int64;
  if (std::is_floating_point_v<T>) return Kind::real;
  if (std::is_same_v<T, std::string>) return Kind::text;
  if (EnumLike<T>) return Kind::name;
  if (is_list<T>) return Kind::list;
  return OneOfConfigLike<T> ? Kind::choice : Kind::table;
}

template <class C>
void add_keys(std::vector<Key>& keys, C const& config, Place const& place) {
  std::vector<std::string> siblings;
  for_each_member(config, [&](char const* name, auto const&) { siblings.emplace_back(name); });
  for_each_member(config, [&]<class T>(char const* name, T const& member) {
    Key key{place, name, kind_of<T>(), "", {}, siblings};
    if constexpr (detail::is_value<T>) key.value = detail::value_text(member);
    if constexpr (EnumLike<T>) key.names = detail::words(enum_names(member));
    if constexpr (OneOfConfigLike<T>) key.names = detail::words(T::names);
    keys.push_back(key);
    auto const below = place.below(name);
    if constexpr (OneOfConfigLike<T>) {
      for_each_alternative(member, [&](auto const& alternative, std::string const& chosen) {
        add_keys(keys, alternative, below.choosing(chosen));
      });
    } else if constexpr (!detail::is_value<T>) {
      add_keys(keys, member, below);
    }
  });
}

class OtherValues {
 public:
  explicit OtherValues(std::size_t chosen) : chosen_(chosen) { add(RunConfig{}, Place{}); }
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  template <class C>
  void add(C const& config, Place const& place) {
    for_each_member(config, [&](char const* name, auto const& member) {
      add_member(member, place.below(name));
    });
  }
  template <class T>
  void add_member(T const& member, Place const& place) {
    if constexpr (OneOfConfigLike<T>) {
      auto const& name = T::names[chosen_++ % std::size(T::names)];
      text_ += place.table + ".type = \"" + name + "\"\n";
      for_each_alternative(member, [&](auto const& alternative, std::string const& one) {
        if (one == name) add(alternative, place);
      });
    } else if constexpr (detail::is_value<T>) {
      text_ += place.table + " = " + other(member) + "\n";
    } else {
      add(member, place);
    }
  }
  template <class T>
  [[nodiscard]] std::string other(T const& value) {
    ++count_;
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "false" : "true";
    } else if constexpr (std::is_integral_v<T>) {
      return std::to_string(1000 + count_);
    } else if constexpr (std::is_floating_point_v<T>) {
      return detail::number_text(double(count_) / 3);
    } else if constexpr (std::is_same_v<T, std::string>) {
      return detail::in_quotes("\"\\\n\t\x01\x7f é 🙂 " + std::to_string(count_));
    } else if constexpr (EnumLike<T>) {
      auto const names = enum_names(value);
      return detail::in_quotes(names[names.size() - 1]);
    } else if constexpr (std::is_integral_v<typename T::value_type>) {
      return "[" + std::to_string(1000 + count_) + ", 0]";
    } else if constexpr (std::is_class_v<typename T::value_type> &&
                         !std::is_same_v<typename T::value_type, std::string>) {
      std::string table;
      typename T::value_type const item{};
      for_each_field(item, [&](char const* name, auto const& member) {
        table += (table.empty() ? "" : ", ") + std::string(name) + " = " + other(member);
      });
      return "[{" + table + "}, {" + table + "}]";
    } else {
      return "[" + detail::in_quotes("a'b") + ", " + detail::in_quotes("") + "]";
    }
  }

  std::string text_;
  std::size_t chosen_;
  int count_ = 0;
};

}  // namespace

std::vector<Key> const& keys_of_a_run() {
  static std::vector<Key> const keys = [] {
    std::vector<Key> all;
    add_keys(all, RunConfig{}, Place{});
    return all;
  }();
  return keys;
}
RunConfig read(toml::table const& table) {
  RunConfig config;
  read_toml(table, config, "");
  return config;
}
RunConfig read(std::string const& text) { return read(parse_toml(text, "file.toml")); }
std::string written(RunConfig const& config) { return write_toml(config); }
std::string other_values(std::size_t chosen) { return OtherValues(chosen).text(); }

TEST_CASE("the list of keys has those of every table and every kind") {
  auto const& keys = keys_of_a_run();
  CHECK(keys.size() > 90);
  int kinds[10] = {};
  for (auto const& key : keys) ++kinds[int(key.kind)];
  for (int const count : kinds) CHECK(count > 0);
  auto const has = [&](char const* path) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](Key const& key) { return key.path() == path; });
  };
  CHECK(has("train.optimizer.learning_rate"));
  CHECK(has("model.block.ffn.router.top_k"));
  CHECK(has("compute.precision"));
}

}  // namespace moenda::io::test
