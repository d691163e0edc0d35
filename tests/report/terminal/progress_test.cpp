// SPDX-License-Identifier: Apache-2.0
#include "moenda/report/terminal/progress.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace moenda;

namespace {

// A clock that is set by hand and a terminal that is a string.
struct Desk {
  std::ostringstream out;
  double now = 1000;
  std::size_t columns = 80;

  io::ProgressEnvironment environment(bool terminal) {
    io::ProgressEnvironment environment;
    environment.stream = &out;
    environment.seconds = [this] { return now; };
    environment.terminal = terminal;
    environment.columns = [this] { return columns; };
    return environment;
  }
  std::string take() {
    std::string text = out.str();
    out.str("");
    return text;
  }
};

}  // namespace

TEST_CASE("Work that ends within two seconds prints nothing", "[io][progress]") {
  for (bool const terminal : {true, false}) {
    Desk desk;
    {
      io::Progress progress("train", 100, 0, desk.environment(terminal));
      for (std::uint64_t i = 1; i <= 100; ++i) desk.now += 0.0199, progress.update(i);
      progress.finish();
    }
    CHECK(desk.take().empty());
  }
}

TEST_CASE("A terminal shows one exact line that is redrawn in place", "[io][progress]") {
  Desk desk;
  io::Progress progress("train", 1000, 0, desk.environment(true));
  desk.now += 4;
  progress.update(420, "loss 4.12");
  CHECK(desk.take() ==
        "\rtrain  42% [###########----------------] 420/1000  105.0/s  ETA 0:06  loss 4.12\x1b[K");
  desk.now += 6;
  progress.update(1000, "loss 3.9");
  progress.finish("loss 3.9");
  std::string const text = desk.take();
  CHECK(text.ends_with(
      "\rtrain 100% [############################] 1000/1000  100.0/s  in 0:10  loss 3.9\x1b[K\n"));
  progress.update(5);
  progress.finish();
  CHECK(desk.take().empty());
}

TEST_CASE("A terminal is redrawn at most ten times a second", "[io][progress]") {
  Desk desk;
  io::Progress progress("train", 0, 0, desk.environment(true));
  desk.now += 3;
  for (std::uint64_t i = 0; i < 5000; ++i) desk.now += 0.001, progress.update(i);
  std::string const text = desk.take();
  auto const redraws = std::count(text.begin(), text.end(), '\r');
  CHECK(redraws >= 45);
  CHECK(redraws <= 51);
}

TEST_CASE("A log gets a plain line every ten seconds and a last one", "[io][progress]") {
  Desk desk;
  io::Progress progress("eval", 400, 0, desk.environment(false));
  for (std::uint64_t i = 1; i <= 25; ++i) desk.now += 1, progress.update(i * 10);
  CHECK(desk.take() ==
        "eval  25%  100/400  10.0/s  ETA 0:30\n"
        "eval  50%  200/400  10.0/s  ETA 0:20\n");
  progress.finish();
  CHECK(desk.take() == "eval  62%  250/400  10.0/s  in 0:25\n");
}

TEST_CASE("The line fits every width", "[io][progress]") {
  for (std::size_t columns = 1; columns <= 200; ++columns) {
    Desk desk;
    desk.columns = columns;
    io::Progress progress("validação", 1000, 0, desk.environment(true));
    desk.now += 5;
    progress.update(500, "perda média 4.12");
    std::string line = desk.take();
    line = line.substr(1, line.size() - 4);
    INFO(columns << ": " << line);
    CHECK(io::display_width(line) < std::max<std::size_t>(columns, 2));
    if (columns >= 100) CHECK(line.find("[###############---------------]") != std::string::npos);
  }
}

TEST_CASE("A resumed run counts only its own work in the rate", "[io][progress]") {
  Desk desk;
  io::Progress progress("train", 1000, 900, desk.environment(false));
  desk.now += 10;
  progress.update(950);
  CHECK(desk.take() == "train  95%  950/1000  5.0/s  ETA 0:10\n");
}

TEST_CASE("Odd numbers make no odd line", "[io][progress]") {
  Desk desk;
  io::Progress none("a", 10, 0, desk.environment(false));
  io::Progress beyond("b", 10, 0, desk.environment(false));
  io::Progress unknown("c\n", 0, 0, desk.environment(false));
  io::Progress slow("d", 1'000'000'000, 0, desk.environment(false));
  desk.now += 10;
  none.update(0);
  beyond.update(20, "x\ny");
  unknown.update(123456);
  slow.update(1);
  CHECK(desk.take() ==
        "a   0%  0/10  0.0/s  ETA -\n"
        "b 100%  20/10  2.0/s  ETA 0:00  x y\n"
        "c   123456  12.3 k/s  0:10\n"
        "d   0%  1/1000000000  0.1/s  ETA -\n");
}

TEST_CASE("An exception leaves a clean line", "[io][progress]") {
  Desk desk;
  try {
    io::Progress progress("train", 10, 0, desk.environment(true));
    desk.now += 3;
    progress.update(1);
    throw std::runtime_error("stop");
  } catch (std::runtime_error const&) {
  }
  CHECK(desk.take().ends_with("\x1b[K\n"));
}
