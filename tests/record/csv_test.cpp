// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/csv.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <string>

#include "files/temporary_folder.hpp"

using namespace moenda;

namespace {

struct Folder : io::test::TemporaryFolder {
  std::filesystem::path write(std::string const& text) const {
    io::test::store(path() / "rows.csv", text);
    return path() / "rows.csv";
  }
};

std::string header() { return std::string(io::metrics_header) + "\n"; }

void require_refused(std::string const& text, std::string const& place, std::string const& why) {
  Folder const folder;
  auto const file = folder.write(text);
  INFO(text);
  REQUIRE_THROWS_WITH(io::read_metrics(file),
                      Catch::Contains("rows.csv" + place) && Catch::Contains(why));
  REQUIRE_THROWS_AS(io::read_metrics(file), DataError);
}

}  // namespace

TEST_CASE("A metrics row reads back to the same bits", "[io][csv]") {
  io::MetricsRow row{12, 49152, 0.1 + 0.2, 3e-4, 1.0 / 3.0, {}, 5e-324, 1.7976931348623157e308};
  Folder const folder;
  auto const file = folder.write(header() + io::to_csv(row));
  auto const read = io::read_metrics(file);
  REQUIRE(read.rows.size() == 1);
  CHECK_FALSE(read.partial_last_line);
  io::MetricsRow const& back = read.rows.front();
  CHECK(back.step == 12);
  CHECK(back.tokens == 49152);
  CHECK(back.seconds == row.seconds);
  CHECK(back.learning_rate == row.learning_rate);
  CHECK(back.train_loss == row.train_loss);
  CHECK_FALSE(back.valid_loss.has_value());
  CHECK(back.gradient_norm == row.gradient_norm);
  CHECK(back.tokens_per_second == row.tokens_per_second);
  CHECK(io::to_csv(back) == io::to_csv(row));
}

TEST_CASE("Rows are written in their shortest form", "[io][csv]") {
  CHECK(io::to_csv(io::MetricsRow{1, 2, 0.5, 1e-4, 4.25, {}, {}, 100}) ==
        "1,2,0.5,1e-04,4.25,,,100\n");
}

TEST_CASE("Values that are not finite are kept apart from missing ones", "[io][csv]") {
  Folder const folder;
  auto const rows = io::read_metrics(folder.write(header() + "1,2,3,4,nan,,inf,\n")).rows;
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].train_loss.has_value());
  CHECK(std::isnan(*rows[0].train_loss));
  CHECK_FALSE(rows[0].valid_loss.has_value());
  CHECK(rows[0].gradient_norm == std::numeric_limits<double>::infinity());
}

TEST_CASE("A damaged metrics file is refused with file, line and column", "[io][csv]") {
  std::string const good = "1,2,3,4,5,6,7,8\n";
  require_refused("", ":1", "must begin with its header");
  require_refused("step,tokens\n", ":1", "the header must be 'step,tokens,seconds");
  require_refused(header() + good + "2,x,3,4,5,6,7,8\n", ":3", "column 'tokens'");
  require_refused(header() + "-1,2,3,4,5,6,7,8\n", ":2", "column 'step' must be an integer");
  require_refused(header() + "1,2,3,4,5,6,7\n", ":2", "must have all fields");
  require_refused(header() + "1,2,3,4,5,6,7,8,9\n", ":2", "must end after column");
  require_refused(header() + "1,2,,4,5,6,7,8\n", ":2", "column 'seconds' must be a number");
  require_refused(header() + "1,2,3,4,5 ,6,7,8\n", ":2", "got '5 '");
  require_refused(header() + "1,2,3,4,1e999,6,7,8\n", ":2", "column 'train_loss'");
  require_refused(header() + "99999999999999999999,2,3,4,5,6,7,8\n", ":2", "column 'step'");
  require_refused(header() + "2,2,3,4,5,6,7,8\n" + good, ":3", "must not fall");
  require_refused(header() + "\n", ":2", "column 'step'");
  require_refused(header() + "\xff\xfe,2,3,4,5,6,7,8\n", ":2", "\xEF\xBF\xBD");
}

TEST_CASE("A missing file and a folder in its place are refused by name", "[io][csv]") {
  Folder const folder;
  REQUIRE_THROWS_WITH(io::read_metrics(folder.path() / "metrics.csv"),
                      Catch::Contains("metrics.csv must exist"));
  REQUIRE_THROWS_AS(io::read_metrics(folder.path()), DataError);
}

TEST_CASE("A line that is still being written is left out and reported", "[io][csv]") {
  Folder const folder;
  auto const read = io::read_metrics(folder.write(header() + "1,2,3,4,5,6,7,8\n2,2,3,4,5,6,7,"));
  CHECK(read.rows.size() == 1);
  CHECK(read.partial_last_line);
  // The cut may fall inside a number: "80" would read as 8.
  auto const inside = io::read_metrics(folder.write(header() + "1,2,3,4,5,6,7,8"));
  CHECK(inside.rows.empty());
  CHECK(inside.partial_last_line);
}

TEST_CASE("Rows after a checkpoint are cut away, the others keep their bytes", "[io][csv]") {
  Folder const folder;
  std::string const kept = header() + "1,2,3.10,4,5,6,7,8\n2,2,3,4,5,,7,8\n";
  auto const file = folder.write(kept + "3,2,3,4,5,6,7,8\n4,2,3,");
  io::keep_rows_until(file, 2);
  CHECK(io::test::load(file) == kept);
  io::keep_rows_until(file, 99);
  CHECK(io::test::load(file) == kept);
  io::keep_rows_until(file, 0);
  CHECK(io::test::load(file) == header());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("A table may be larger than any memory for it", "[io][csv]") {
  Folder const folder;
  std::string const kept = header() + "1,2,3.10,4,5,6,7,8\n2,2,3,4,5,,7,8\n";
  auto const file = folder.write(kept + "3,2,3,4,5,6,7,8\n");
  std::filesystem::resize_file(file, std::uintmax_t{1} << 40);  // zeros that no disk holds
  io::CsvReader<io::MetricsRow> rows(file, io::metrics_header);
  io::MetricsRow row;
  for (std::uint64_t step = 1; step < 4; ++step) REQUIRE((rows.next(row) && row.step == step));
  CHECK_THROWS_WITH(rows.next(row), Catch::Contains("a line must have at most 1048576 bytes"));
  io::keep_rows_until(file, 2);
  CHECK(io::test::load(file) == kept);
}

TEST_CASE("Lines that cross the blocks of a file stay whole", "[io][csv]") {
  Folder const folder;
  std::string text = header();
  for (int step = 0; step < 9000; ++step) {
    text += io::to_csv(io::MetricsRow{std::uint64_t(step), 2, 0.5, 1e-4, 4.25, {}, {}, 100});
  }
  auto const file = folder.write(text);
  auto const rows = io::read_metrics(file).rows;
  REQUIRE(rows.size() == 9000);
  CHECK(rows.back().step == 8999);
  io::keep_rows_until(file, 9000);
  CHECK(io::test::load(file) == text);
}
