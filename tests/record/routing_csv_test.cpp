// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/routing_csv.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "files/temporary_folder.hpp"

using namespace moenda;

namespace {

struct Folder : io::test::TemporaryFolder {
  std::filesystem::path write(std::string_view header, std::string const& rows) const {
    io::test::store(path() / "rows.csv", std::string(header) + "\n" + rows);
    return path() / "rows.csv";
  }
};

}  // namespace

TEST_CASE("Tokens per expert are counts", "[io][csv]") {
  CHECK(io::to_csv(io::RoutingRow{10, 3, 7, 125}) == "10,3,7,125\n");
  Folder const folder;
  auto const read = [&](std::string const& rows) {
    return io::read_routing(folder.write(io::routing_header, rows)).rows;
  };
  auto const rows = read("1,0,0,5\n1,0,1,0\n");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].tokens_per_expert == 5);
  CHECK(rows[1].expert == 1);
  CHECK_THROWS_WITH(read("1,0,0,0.5\n"),
                    Catch::Contains(":2") && Catch::Contains("column 'tokens_per_expert'"));
  CHECK_THROWS_AS(read("1,0,0,-1\n"), DataError);
  CHECK_THROWS_AS(read("1,0,0,inf\n"), DataError);
  CHECK_THROWS_AS(read("1,5000000000,0,1\n"), DataError);
}

TEST_CASE("A layer's measures read back to the same bits", "[io][csv]") {
  Folder const folder;
  io::RoutingLayerRow row{10, 2, 1.0 / 3, 0.5, 0.25, 3, 0.75, 2, 0.125};
  CHECK(io::to_csv(row) == "10,2,0.3333333333333333,0.5,0.25,3,0.75,2,0.125\n");
  io::RoutingLayerRow bare = row;
  bare.router_entropy.reset();
  bare.churn.reset();
  auto const file = folder.write(io::routing_layers_header, io::to_csv(row) + io::to_csv(bare));
  auto const rows = io::read_routing_layers(file).rows;
  REQUIRE(rows.size() == 2);
  CHECK(io::to_csv(rows[0]) == io::to_csv(row));
  CHECK(rows[0].evenness == row.evenness);
  CHECK(rows[1].churn == std::nullopt);
  CHECK(rows[1].router_entropy == std::nullopt);
  CHECK(rows[1].experts_per_item == 2);
  io::keep_rows_until(file, 9);
  CHECK(io::read_routing_layers(file).rows.empty());
}

TEST_CASE("Shares of a layer lie in [0, 1]", "[io][csv]") {
  Folder const folder;
  auto const read = [&](std::string const& rows) {
    return io::read_routing_layers(folder.write(io::routing_layers_header, rows)).rows;
  };
  CHECK(std::isnan(read("1,0,nan,0,0,0,,1,\n").at(0).evenness));
  CHECK_THROWS_WITH(read("1,0,1.5,0,0,0,,1,\n"),
                    Catch::Contains("column 'evenness' must be a share in [0, 1], got '1.5'"));
  CHECK_THROWS_WITH(read("1,0,1,0,-0.1,0,,1,\n"), Catch::Contains("column 'dropped_share'"));
  CHECK_THROWS_WITH(read("1,0,1,0,0,x,,1,\n"), Catch::Contains("column 'dead_experts'"));
  CHECK_THROWS_WITH(read("1,0,1,0,0,0,,1\n"), Catch::Contains("must have all fields"));
}

TEST_CASE("Of many rows every n-th step is kept, and the last", "[io][csv]") {
  Folder const folder;
  std::string rows;
  for (int step = 1; step <= 100; ++step) {
    for (int expert = 0; expert < 3; ++expert) {
      rows += std::to_string(step) + ",0," + std::to_string(expert) + ",7\n";
    }
  }
  auto const file = folder.write(io::routing_header, rows);
  CHECK(io::read_routing(file, 300).rows.size() == 300);
  auto const few = io::read_routing(file, 100).rows;
  CHECK(few.size() <= 100);
  CHECK(few.size() > 50);
  CHECK(few.front().step == 1);
  CHECK(few.back().step == 100);
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i].expert == i % 3);
  CHECK(few[3].step - few[0].step == few[6].step - few[3].step);
  CHECK(io::read_routing(file, 1).rows.size() <= 6);  // a step is never cut
}
