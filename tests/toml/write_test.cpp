// SPDX-License-Identifier: Apache-2.0
#include "moenda/toml/write.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "files/temporary_folder.hpp"
#include "moenda/core/random.hpp"
#include "run_configuration.hpp"

using namespace moenda;
using namespace moenda::io::test;
using Catch::Contains;

namespace {

struct Values {
  double number = 0;
  std::string text{};
  std::int64_t whole = 0;
  std::uint64_t seed = 0;
  bool flag = false;
  std::vector<std::string> words{};
  MOENDA_FIELDS(Values, number, text, whole, seed, flag, words);
};
Values written_and_read(Values const& values) {
  auto const text = io::write_toml(values);
  INFO(text);
  Values copy;
  io::read_toml(io::parse_toml(text, "file.toml"), copy, "");
  CHECK(io::write_toml(copy) == text);
  return copy;
}
double through_text(double number) { return written_and_read({.number = number}).number; }

}  // namespace

TEST_CASE("writing: write(read(write)) gives identical bytes for every alternative") {
  int choices = 0;
  for (auto const& key : keys_of_a_run()) {
    if (key.kind != Kind::choice) continue;
    for (auto const& type : key.names) {
      auto const text = written(read(key.with('"' + type + '"')));
      CHECK(written(read(text)) == text);
      ++choices;
    }
  }
  CHECK(choices >= 20);
  auto const defaults = written(RunConfig{});
  CHECK(written(read(defaults)) == defaults);
}

TEST_CASE("writing: every value that differs from its default comes back") {
  for (std::size_t chosen = 0; chosen < 12; ++chosen) {
    auto const other = other_values(chosen);
    auto const text = written(read(other));
    INFO(other);
    CHECK(written(read(text)) == text);
    // Each line of `other` (a.b.key = value) is a line of `text`, in the same order.
    std::istringstream lines(other);
    std::size_t at = 0;
    for (std::string line; std::getline(lines, line);) {
      auto const equals = line.find(" = ");
      auto const dot = line.rfind('.', equals);
      auto const key = line.substr(dot == std::string::npos ? 0 : dot + 1);
      INFO(key);
      CHECK(text.find(key + "\n") != std::string::npos);
      ++at;
    }
    CHECK(at > 50);
  }
}

TEST_CASE("writing: every key of the configuration is written") {
  auto const table = io::parse_toml(written(RunConfig{}), "file.toml");
  for (auto const& key : keys_of_a_run()) {
    if (key.place.lines.empty()) CHECK(table.at_path(key.path()).node() != nullptr);
  }
}

TEST_CASE("writing: doubles come back to the bit") {
  using Limits = std::numeric_limits<double>;
  std::vector<double> numbers{0.0,
                              -0.0,
                              1.0,
                              -1.0,
                              0.1,
                              1.0 / 3,
                              2.0 / 3,
                              1e-300,
                              1e300,
                              1e22,
                              1e23,
                              123456,
                              1e15,
                              1e16,
                              1e17,
                              5e-324,
                              4.9e-322,
                              Limits::min(),
                              Limits::max(),
                              Limits::lowest(),
                              Limits::epsilon(),
                              std::nextafter(1.0, 2.0),
                              0x1p-1074,
                              0x1.fffffffffffffp-1023};
  Random const random(7, stream_of("doubles"));
  for (std::uint64_t i = 0; i < 2000; ++i) {
    auto const number = std::bit_cast<double>(random.bits(i));
    if (std::isfinite(number)) numbers.push_back(number);
  }
  for (double const number : numbers) {
    INFO(number);
    CHECK(std::bit_cast<std::uint64_t>(through_text(number)) ==
          std::bit_cast<std::uint64_t>(number));
  }
}

TEST_CASE("writing: text of any characters comes back") {
  std::vector<std::string> texts{"",
                                 "\"",
                                 "\\",
                                 "\\\"",
                                 "'''",
                                 "\"\"\"",
                                 "a\nb\r\n",
                                 "\t",
                                 "# no",
                                 " a ",
                                 "é",
                                 "🙂",
                                 "\xEF\xBB\xBF",
                                 "\xC2\x85",
                                 "\xE2\x80\xA8",
                                 "=[]{}",
                                 std::string("a\0b", 3)};
  for (char c = 0; c < 0x20; ++c) texts.push_back(std::string("x") + c + "y");
  texts.push_back("\x7f");
  texts.push_back(std::string(10'000, '\\'));
  for (auto const& text : texts) {
    CHECK(written_and_read({.text = text}).text == text);
    auto const words = std::vector<std::string>{text, "between", text};
    CHECK(written_and_read({.words = words}).words == words);
  }
}

TEST_CASE("writing: text that is not UTF-8 is refused") {
  for (std::string const text : {"\xFF", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    CHECK_THAT(message_of<ConfigError>([&] { (void)io::write_toml(Values{.text = text}); }),
               Contains("write_toml: text must be UTF-8, but byte "));
    CHECK_THAT(message_of<ConfigError>([&] { (void)io::write_toml(Values{.words = {text}}); }),
               Contains("must be UTF-8"));
  }
}

TEST_CASE("writing: whole numbers come back, and those that TOML cannot hold are refused") {
  for (std::int64_t const whole : {INT64_MIN, std::int64_t(-1), std::int64_t(0), INT64_MAX}) {
    CHECK(written_and_read({.whole = whole}).whole == whole);
  }
  CHECK(written_and_read({.seed = INT64_MAX}).seed == INT64_MAX);
  CHECK(message_of<ConfigError>([] { (void)io::write_toml(Values{.seed = UINT64_MAX}); }) ==
        "write_toml: a whole number must be at most 9223372036854775807, got "
        "18446744073709551615");
}

TEST_CASE("writing: numbers always read as numbers with a point or exponent") {
  CHECK(io::detail::number_text(1) == "1.0");
  CHECK(io::detail::number_text(-0.0) == "-0.0");
  CHECK(io::detail::number_text(1e22) == "1e+22");
  CHECK(io::detail::number_text(0.1) == "0.1");
  CHECK(io::detail::number_text(5e-324) == "5e-324");
}

TEST_CASE("writing: the layout is tables in declaration order, a blank line before each") {
  CHECK(
      io::write_toml(Values{
          .number = 0.5, .text = "a", .whole = 1, .seed = 2, .flag = true, .words = {"b", "c"}}) ==
      "number = 0.5\ntext = \"a\"\nwhole = 1\nseed = 2\nflag = true\nwords = [\"b\", \"c\"]\n");
  CHECK_THAT(written(RunConfig{}), Contains("\n\n[model.block.norm]\ntype = \"rms\"\nepsilon = "));
}
