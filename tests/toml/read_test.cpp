// SPDX-License-Identifier: Apache-2.0
#include "moenda/toml/read.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "files/temporary_folder.hpp"
#include "run_configuration.hpp"

using namespace moenda;
using namespace moenda::io::test;
using Catch::Contains;
using Catch::StartsWith;

namespace {

std::string refusal(std::string const& text) {
  return message_of<ConfigError>([&] { (void)read(text); });
}

}  // namespace

TEST_CASE("reading: a misspelt key of every table is refused with place and nearest match") {
  for (auto const& key : keys_of_a_run()) {
    auto const wrong = key.key + key.key.back();
    INFO(key.with(wrong, "1"));
    auto all = key.siblings;
    if (key.place.table.empty()) all.emplace_back("extends");
    auto const table = key.place.table.empty() ? "the top level" : "[" + key.place.table + "]";
    CHECK(refusal(key.with(wrong, "1")) == key.where(wrong) + ": unknown key '" + wrong + "' in " +
                                               table + " (did you mean '" + key.key +
                                               "'?); it has: " + join(all));
  }
}

TEST_CASE("reading: every key refuses values of the wrong type") {
  for (auto const& key : keys_of_a_run()) {
    auto const refused = [&](char const* value) {
      INFO(key.with(value));
      auto const message = refusal(key.with(value));
      CHECK_THAT(message, StartsWith(key.where() + ": " + key.path() + " must be "));
      CHECK_THAT(message, Contains(", got "));
    };
    bool const takes_text =
        key.kind == Kind::text || key.kind == Kind::name || key.kind == Kind::choice;
    if (key.kind != Kind::boolean) refused("true");
    if (!key.is_whole() && key.kind != Kind::real) refused("3");
    if (key.kind != Kind::real) refused("1.5");
    if (!takes_text) refused("\"text\"");
    if (key.is_value()) refused("{ x = 1 }");
    if (key.kind != Kind::list) refused("[1, 2]");
    refused("1979-05-27");
    refused("07:32:00");
    refused("1979-05-27T07:32:00Z");
  }
}

TEST_CASE("reading: numbers that do not fit are refused") {
  for (auto const& key : keys_of_a_run()) {
    auto const refused = [&](char const* value, char const* what) {
      INFO(key.with(value));
      CHECK_THAT(refusal(key.with(value)),
                 StartsWith(key.where() + ": " + key.path() + " must be " + what));
    };
    if (key.kind == Kind::real) {
      for (auto const* value : {"nan", "-nan", "inf", "+inf", "-inf"}) {
        refused(value, "a finite number, got");
      }
      CHECK_THAT(refusal(key.with("1e999")), Contains("not valid TOML"));
    } else if (key.kind == Kind::int32) {
      refused("2147483648", "a whole number in -2147483648..2147483647, got 2147483648");
      refused("-2147483649", "a whole number in -2147483648..2147483647, got -2147483649");
      refused("9223372036854775807", "a whole number in -2147483648..2147483647");
    } else if (key.kind == Kind::uint64) {
      refused("-1", "a whole number in 0..9223372036854775807, got -1");
    }
    if (!key.is_whole()) continue;
    refused("1.0", "a whole number, got 1.0");
    for (auto const* value : {"9223372036854775808", "99999999999999999999999999", "-1e999"}) {
      INFO(key.with(value));
      CHECK_THAT(refusal(key.with(value)), Contains("not valid TOML"));
    }
  }
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
  for (auto const& key : keys_of_a_run()) {
    if (key.kind != Kind::name) continue;
    auto const all = join(key.names);
    for (auto const& known : key.names) {
      CHECK_THAT(written(read(key.with('"' + known + '"'))),
                 Contains(key.key + " = \"" + known + "\"\n"));
      auto const misspelt = known + known.back();
      CHECK(refusal(key.with('"' + misspelt + '"')) ==
            key.where() + ": " + key.path() + " must be one of: " + all + " (did you mean '" +
                known + "'?), got '" + misspelt + "'");
    }
    for (auto const* word : {"", "RMS", "0", "\\u0000", "entirely something else"}) {
      CHECK_THAT(refusal(key.with('"' + std::string(word) + '"')),
                 Contains(" must be one of: " + all));
    }
  }
}

TEST_CASE("reading: a choice is a name, or a table with `type`") {
  int choices = 0;
  for (auto const& key : keys_of_a_run()) {
    if (key.kind != Kind::choice) continue;
    ++choices;
    auto const known = join(key.names);
    for (auto const& type : key.names) {
      auto const alone = written(read(key.with('"' + type + '"')));
      INFO(key.with('"' + type + '"'));
      CHECK(alone == written(read(key.with("{ type = \"" + type + "\" }"))));
      CHECK_THAT(alone, Contains("[" + key.path() + "]\ntype = \"" + type + "\"\n"));
      auto const misspelt = type + type.back();
      CHECK(refusal(key.with('"' + misspelt + '"')) ==
            key.where() + ": " + key.path() + " must be one of: " + known + " (did you mean '" +
                type + "'?), got '" + misspelt + "'");
      CHECK_THAT(refusal(key.with("{ type = \"" + misspelt + "\" }")),
                 Contains(key.path() + ".type must be one of: " + known + " (did you mean '" +
                          type + "'?)"));
    }
    CHECK_THAT(refusal(key.with("{ type = 3 }")),
               Contains(key.path() + ".type must be a string, one of: " + known));
    CHECK_THAT(refusal(key.with("{ type = \"\" }")), Contains("must be one of: "));
    CHECK_THAT(refusal(key.with("{ types = \"x\" }")), Contains("unknown key 'types'"));
  }
  CHECK(choices >= 9);
}

TEST_CASE("reading: keys without `type` belong to the choice already made") {
  auto const rope = read("model.block.attention.position.base = 5.0");
  CHECK_THAT(written(rope), Contains("type = \"rope\"\nbase = 5.0"));
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
    CHECK(written(read(text)) == written(RunConfig{}));
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
