// SPDX-License-Identifier: Apache-2.0
#include "moenda/io/toml_read.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "moenda/io/toml_write.hpp"
#include "run_configuration.hpp"
#include "temporary_folder.hpp"

using namespace moenda;
using namespace moenda::io::test;
using Catch::Contains;
using Catch::StartsWith;

namespace {

std::string refusal(std::string const& text) {
  return message_of<ConfigError>([&] { (void)read(text); });
}

/// Which of these values, of all kinds that TOML has, a key takes.
struct Kinds {
  bool boolean = false, whole = false, real = false, text = false, table = false, list = false;
};
template <class T>
Kinds kinds_of() {
  if constexpr (std::is_same_v<T, bool>) return {.boolean = true};
  if constexpr (std::is_integral_v<T>) return {.whole = true};
  if constexpr (std::is_floating_point_v<T>) return {.whole = true, .real = true};
  if constexpr (std::is_same_v<T, std::string> || io::EnumLike<T>) return {.text = true};
  if constexpr (io::is_list<T>) return {.list = true};
  if constexpr (io::OneOfConfigLike<T>) return {.text = true, .table = true};
  return {.table = true};
}

}  // namespace

TEST_CASE("reading: a misspelt key of every table is refused with place and nearest match") {
  int cases = 0;
  each_key_of_a_run([&](Place const& place, std::string const& name, auto const&,
                        std::vector<std::string> const& names) {
    auto const wrong = name + name.back();
    INFO(place.with(wrong, "1"));
    auto all = names;
    if (place.table.empty()) all.emplace_back("extends");
    auto const table = place.table.empty() ? "the top level" : "[" + place.table + "]";
    CHECK(refusal(place.with(wrong, "1")) == place.where(wrong) + ": unknown key '" + wrong +
                                                 "' in " + table + " (did you mean '" + name +
                                                 "'?); it has: " + join(all));
    ++cases;
  });
  CHECK(cases >= 90);
}

TEST_CASE("reading: every key refuses values of the wrong type") {
  int cases = 0;
  each_key_of_a_run([&]<class T>(Place const& place, std::string const& name, T const&,
                                 std::vector<std::string> const&) {
    auto const takes = kinds_of<T>();
    auto const refused = [&](char const* value) {
      INFO(place.with(name, value));
      auto const message = refusal(place.with(name, value));
      CHECK_THAT(message, StartsWith(place.where(name) + ": " + place.key(name) + " must be "));
      CHECK_THAT(message, Contains(", got "));
      ++cases;
    };
    if (!takes.boolean) refused("true");
    if (!takes.whole) refused("3");
    if (!takes.real) refused("1.5");
    if (!takes.text) refused("\"text\"");
    if (!takes.table) refused("{ x = 1 }");
    if (!takes.list) refused("[1, 2]");
    refused("1979-05-27");
    refused("07:32:00");
    refused("1979-05-27T07:32:00Z");
  });
  CHECK(cases >= 500);
}

TEST_CASE("reading: numbers that do not fit are refused") {
  each_key_of_a_run([&]<class T>(Place const& place, std::string const& name, T const&,
                                 std::vector<std::string> const&) {
    auto const refused = [&](char const* value, char const* what) {
      INFO(place.with(name, value));
      CHECK_THAT(refusal(place.with(name, value)),
                 StartsWith(place.where(name) + ": " + place.key(name) + " must be " + what));
    };
    if constexpr (std::is_floating_point_v<T>) {
      for (auto const* value : {"nan", "-nan", "inf", "+inf", "-inf"}) {
        refused(value, "a finite number, got");
      }
      CHECK_THAT(refusal(place.with(name, "1e999")), Contains("not valid TOML"));
    } else if constexpr (std::is_same_v<T, int>) {
      refused("2147483648", "a whole number in -2147483648..2147483647, got 2147483648");
      refused("-2147483649", "a whole number in -2147483648..2147483647, got -2147483649");
      refused("9223372036854775807", "a whole number in -2147483648..2147483647");
    } else if constexpr (std::is_unsigned_v<T> && !std::is_same_v<T, bool>) {
      refused("-1", "a whole number in 0..9223372036854775807, got -1");
    }
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      refused("1.0", "a whole number, got 1.0");
      for (auto const* value : {"9223372036854775808", "99999999999999999999999999", "-1e999"}) {
        INFO(place.with(name, value));
        CHECK_THAT(refusal(place.with(name, value)), Contains("not valid TOML"));
      }
    }
  });
}

TEST_CASE("reading: the limits of each kind of number are taken") {
  CHECK(read("model.d_model = 2147483647").model.d_model == 2147483647);
  CHECK(read("model.d_model = -2147483648").model.d_model == -2147483648LL);
  CHECK(read("train.seed = 9223372036854775807").train.seed == 9223372036854775807u);
  CHECK(read("train.seed = 0x7fff_ffff_ffff_ffff").train.seed == 9223372036854775807u);
  CHECK(read("train.steps = -9223372036854775808").train.steps == INT64_MIN);
  CHECK(read("train.epochs = 1.7976931348623157e308").train.epochs == 1.7976931348623157e308);
  CHECK(read("train.epochs = 5e-324").train.epochs == 5e-324);
  CHECK(read("train.epochs = 9007199254740993").train.epochs == 9007199254740992.0);
}

TEST_CASE("reading: an enum takes its names and no other") {
  each_key_of_a_run([&]<class T>(Place const& place, std::string const& name, T const& member,
                                 std::vector<std::string> const&) {
    if constexpr (io::EnumLike<T>) {
      auto const names = enum_names(member);
      auto const all = join({std::begin(names), std::end(names)});
      for (std::string const known : names) {
        CHECK_THAT(io::write_toml(read(place.with(name, '"' + known + '"'))),
                   Contains(name + " = \"" + known + "\"\n"));
        auto const misspelt = known + known.back();
        CHECK(refusal(place.with(name, '"' + misspelt + '"')) ==
              place.where(name) + ": " + place.key(name) + " must be one of: " + all +
                  " (did you mean '" + known + "'?), got '" + misspelt + "'");
      }
      for (auto const* word : {"", "RMS", "0", "\\u0000", "entirely something else"}) {
        CHECK_THAT(refusal(place.with(name, '"' + std::string(word) + '"')),
                   Contains(" must be one of: " + all));
      }
    }
  });
}

TEST_CASE("reading: a choice is a name, or a table with `type`") {
  int choices = 0;
  each_key_of_a_run([&]<class T>(Place const& place, std::string const& name, T const&,
                                 std::vector<std::string> const&) {
    if constexpr (io::OneOfConfigLike<T>) {
      ++choices;
      auto const known = join({std::begin(T::names), std::end(T::names)});
      for (std::string const type : T::names) {
        auto const alone = place.with(name, '"' + type + '"');
        auto const as_table = place.with(name, "{ type = \"" + type + "\" }");
        INFO(alone);
        CHECK(io::write_toml(read(alone)) == io::write_toml(read(as_table)));
        CHECK_THAT(io::write_toml(read(alone)),
                   Contains("[" + place.key(name) + "]\ntype = \"" + type + "\"\n"));
        auto const misspelt = type + type.back();
        CHECK(refusal(place.with(name, '"' + misspelt + '"')) ==
              place.where(name) + ": " + place.key(name) + " must be one of: " + known +
                  " (did you mean '" + type + "'?), got '" + misspelt + "'");
        CHECK_THAT(refusal(place.with(name, "{ type = \"" + misspelt + "\" }")),
                   Contains(place.key(name) + ".type must be one of: " + known +
                            " (did you mean '" + type + "'?)"));
      }
      CHECK_THAT(refusal(place.with(name, "{ type = 3 }")),
                 Contains(place.key(name) + ".type must be a string, one of: " + known));
      CHECK_THAT(refusal(place.with(name, "{ type = \"\" }")), Contains("must be one of: "));
      CHECK_THAT(refusal(place.with(name, "{ types = \"x\" }")), Contains("unknown key 'types'"));
    }
  });
  CHECK(choices >= 9);
}

TEST_CASE("reading: keys without `type` belong to the choice already made") {
  auto const rope = read("model.block.attention.position.base = 5.0");
  CHECK_THAT(io::write_toml(rope), Contains("type = \"rope\"\nbase = 5.0"));
  CHECK_THAT(refusal("model.block.ffn.type = \"swiglu\"\nmodel.block.ffn.router.top_k = 1"),
             Contains("unknown key 'router' in [model.block.ffn]") && Contains("it has: hidden"));
}

TEST_CASE("reading: what a file does not name keeps its value") {
  RunConfig config;
  config.title = "kept";
  config.data.paths = {"kept"};
  io::read_toml(io::parse_toml("train.steps = 7", "file.toml"), config, "");
  CHECK(config.title == "kept");
  CHECK(config.data.paths == std::vector<std::string>{"kept"});
  CHECK(config.train.steps == 7);
  io::read_toml(io::parse_toml("data.paths = []", "file.toml"), config, "");
  CHECK(config.data.paths.empty());
}

TEST_CASE("reading: an empty file is the default configuration") {
  for (auto const* text : {"", "\n", "# nothing", "\xEF\xBB\xBF", "[train]", "[model.block]\n"}) {
    CHECK(io::write_toml(read(text)) == io::write_toml(RunConfig{}));
  }
}

TEST_CASE("reading: a long value is cut in the message") {
  auto const message = refusal("train.steps = \"" + std::string(100'000, 'x') + "\"");
  CHECK_THAT(message, StartsWith("file.toml:1:15: train.steps must be a whole number, got 'xxx"));
  CHECK(message.size() < 200);
  CHECK(refusal("train." + std::string(10'000, 'x') + " = 1").size() < 11'000);
}

TEST_CASE("reading: problems found later name the nearest key of the file") {
  auto const table = io::parse_toml("\n[train]\nsteps = -1\n[train.optimizer]\n", "file.toml");
  Problems problems;
  problems.add("train.steps", "one");
  problems.add("train.optimizer.beta1", "two");
  problems.add("model.d_model", "three");
  auto const message = message_of<ConfigError>([&] { io::refuse_problems(table, "", problems); });
  CHECK(message ==
        "file.toml:3:9: train.steps: one\nfile.toml:4:1: train.optimizer.beta1: two\n"
        "file.toml:1:1: model.d_model: three");
  CHECK_NOTHROW(io::refuse_problems(table, "", Problems{}));
}
