// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/terminal/printable_stream.hpp"

#include <catch2/catch.hpp>
#include <sstream>
#include <string>

#include "moenda/report/terminal/progress.hpp"

using namespace moenda::io;

namespace {

std::string printed(std::string const& text, std::size_t piece) {
  std::ostringstream stream;
  {
    PrintableStream const printable(stream);
    for (std::size_t i = 0; i < text.size(); i += piece)
      stream << text.substr(i, piece) << std::flush;
  }
  return stream.str();
}

}  // namespace

TEST_CASE("printable: what could move a cursor is replaced, in whatever pieces it comes",
          "[report]") {
  std::string const replaced = "\xEF\xBF\xBD";
  std::string const kept = "plain, tab\tand\nnewline; água, 水, \xF0\x9F\x8C\x8A";
  for (std::size_t const piece : {1U, 2U, 3U, 4U, 5U, 1000U}) {
    CAPTURE(piece);
    CHECK(printed(kept, piece) == kept);
    CHECK(printed("\x1b[31mred\r\b\x7f", piece) ==
          replaced + "[31mred" + replaced + replaced + replaced);
    CHECK(printed(std::string("a\0b", 3), piece) == "a" + replaced + "b");
    CHECK(printed("\xC2\x9B"
                  "31m",
                  piece) == replaced + "31m");  // CSI as one character
    CHECK(printed("\x9B"
                  "31m",
                  piece) == replaced + "31m");                 // and as one byte
    CHECK(printed("\xE6\xB0", piece) == replaced + replaced);  // never finished
    CHECK(printed("\xE6\x1b"
                  "c",
                  piece) == replaced + replaced + "c");
    CHECK(printed("\xE0\x80\x80", piece) == replaced + replaced + replaced);  // overlong
  }
}

TEST_CASE("printable: nothing turns the direction of text", "[report]") {
  std::string const replaced = "\xEF\xBF\xBD";
  for (std::size_t const piece : {1U, 2U, 100U}) {
    CHECK(printed("a\u202Db\u202E\u2066\u2069c\u2070", piece) ==
          "a" + replaced + "b" + replaced + replaced + replaced + "c\u2070");
    CHECK(printed("a\u200E\u200F\u061C\u2028\u2029b\u200D", piece) ==
          "a" + replaced + replaced + replaced + replaced + replaced + "b\u200D");
  }
}

TEST_CASE("printable: every two bytes give valid text without a control character", "[report]") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      std::string const text{char(first), char(second)};
      auto const shown = printed(text, 1);
      bool const ok = find_invalid_utf8(shown) == shown.size();
      bool has_control = false;
      for (std::size_t i = 0; i < shown.size();) {
        auto const point = next_code_point(shown, i);
        has_control = has_control || (is_control(point) && point != '\n' && point != '\t');
      }
      if (!ok || has_control || shown != printed(text, 2)) FAIL(first << ' ' << second);
    }
  }
}

TEST_CASE("printable: a failing stream stays known as failed", "[report]") {
  struct Full : std::streambuf {
  } buffer;  // takes nothing
  std::ostream stream(&buffer);
  PrintableStream const printable(stream);
  CHECK_FALSE(stream << "text" << std::flush);
}

TEST_CASE("printable: a progress line still redraws itself", "[report]") {
  std::ostringstream stream;
  double now = 0;
  {
    PrintableStream const printable(stream);
    ProgressEnvironment environment;
    environment.stream = &stream;
    environment.terminal = true;
    environment.seconds = [&] { return now; };
    environment.columns = [] { return std::size_t{80}; };
    Progress progress("a\x1b[2Jb", 10, 0, environment);
    now = 3;
    progress.update(5);
    now = 4;
    progress.finish();
  }
  auto const text = stream.str();
  CHECK(text.substr(0, 2) == "\ra");
  CHECK(text.find("\x1b[K") != std::string::npos);
  CHECK(text.find("\x1b[2J") == std::string::npos);
}
