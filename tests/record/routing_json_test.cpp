// SPDX-License-Identifier: Apache-2.0
#include "moenda/record/routing_json.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace moenda;

namespace {

io::RoutingAnalysis analysis() {
  io::RoutingAnalysis a{.text = "valid", .tokens = 9, .classes = {"word", "number"}};
  probe::Specialisation layer{.layer = 3, .num_experts = 2, .tokens = 9};
  layer.tokens_per_expert = {5, 4};
  layer.coactivation = {5, 1, 1, 4};
  layer.classes = {5, 0, 1, 3};
  layer.token_information = 0.5;
  layer.class_information = 0.25;
  layer.token_explains = 0.75;
  layer.class_explains = 0.125;
  layer.typical = {{{7, 3, 0.75}}, {}};
  a.layers.push_back(layer);
  a.difficulty.push_back({3, {1, 1.25, 1.5, 2}, {0.5, 1, 1.5, 3}});
  a.experts_added = 4;
  a.experts_removed = 0;
  return a;
}

std::string written() {
  return io::routing_json(analysis(), [](int id) { return " t" + std::to_string(id) + "\xff"; });
}

void refused(std::string const& from, std::string const& to, std::string const& why) {
  std::string text = written();
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  INFO(text);
  CHECK_THROWS_AS(io::parse_routing_json(text), DataError);
  CHECK_THROWS_WITH(io::parse_routing_json(text), Catch::Contains(why));
}

}  // namespace

TEST_CASE("An analysis of the routing reads back", "[io]") {
  auto const wanted = analysis(), got = io::parse_routing_json(written());
  CHECK(got.text == "valid");
  CHECK(got.tokens == 9);
  CHECK(got.classes == wanted.classes);
  REQUIRE(got.layers.size() == 1);
  auto const &a = wanted.layers[0], &b = got.layers[0];
  CHECK(b.layer == 3);
  CHECK(b.num_experts == 2);
  CHECK(b.tokens == 9);
  CHECK(b.tokens_per_expert == a.tokens_per_expert);
  CHECK(b.coactivation == a.coactivation);
  CHECK(b.classes == a.classes);
  CHECK(b.token_information == 0.5);
  CHECK(b.class_information == 0.25);
  CHECK(b.token_explains == 0.75);
  CHECK(b.class_explains == 0.125);
  REQUIRE(b.typical.size() == 2);
  REQUIRE(b.typical[0].size() == 1);
  CHECK(b.typical[0][0].token == 7);
  CHECK(b.typical[0][0].count == 3);
  CHECK(b.typical[0][0].share == 0.75);
  CHECK(b.typical[1].empty());
  REQUIRE(got.difficulty.size() == 1);
  CHECK(got.difficulty[0].layer == 3);
  CHECK(got.difficulty[0].by_loss == wanted.difficulty[0].by_loss);
  CHECK(got.difficulty[0].by_rarity == wanted.difficulty[0].by_rarity);
  CHECK(got.experts_added == 4);
  CHECK(got.experts_removed == 0);
  CHECK(got.words[0][0][0] == " t7\uFFFD");
}

TEST_CASE("An analysis without what was not measured reads back", "[io]") {
  auto wanted = analysis();
  wanted.difficulty.clear();
  wanted.experts_added.reset();
  wanted.experts_removed.reset();
  auto const got = io::parse_routing_json(io::routing_json(wanted, [](int) { return ""; }));
  CHECK(got.difficulty.empty());
  CHECK_FALSE(got.experts_added);
  CHECK_FALSE(got.experts_removed);
}

TEST_CASE("A damaged analysis is refused", "[io]") {
  refused("[5,1]", "[5,1,1]", "a row must have 2 counts, got 3");
  refused("[1,3]", "[1]", "a row must have 2 counts, got 1");
  refused("[5,0]", "[5,-1]", "must not be negative");
  refused("\"experts\":[", "\"experts\":3,\"other\":[", "experts must be a list");
  refused("\"tokens\":9", "\"tokens\":\"9\"", "tokens must be a whole number in ");
  refused("\"tokens\":9", "\"tokens\":1e300", "got 1e+300");
  refused("\"layer\":3", "\"layer\":99999999999", "layer must be a whole number in -2147483648..");
  refused("[5,0]", "[5,0.5]", "a count must be a whole number in ");
  refused("\"layer\":3", "\"lager\":3", "layer");
  refused("[1.0,1.25,1.5,2.0]", "[1.0]", "experts_by_loss must have 4 numbers, got 1");
  refused("experts_by_rarity", "experts_by_rarely", "experts_by_rarity");
  refused("\"experts_added\":4", "\"experts_added\":[]",
          "experts_added must be a whole number in ");
  refused("{", "[", "must be the JSON");
}

TEST_CASE("Pairs of experts may be left out, of all experts", "[io]") {
  auto some = analysis();
  some.layers[0].coactivation.clear();
  auto const text = io::routing_json(some, [](int) { return "t"; });
  auto const got = io::parse_routing_json(text);
  CHECK(got.layers[0].coactivation.empty());
  CHECK(got.layers[0].tokens_per_expert == some.layers[0].tokens_per_expert);
  refused("\"coactivation\":[1,4],", "", "or none");
}

TEST_CASE("What is written of the routing can be read", "[io]") {
  auto const whole = written();
  auto const text = io::routing_json(
      analysis(), [](int) { return "t"; }, whole.size() / 2);
  CHECK(text.size() < whole.size());
  auto const got = io::parse_routing_json(text);
  CHECK(got.layers[0].typical[0].empty());
  CHECK(got.layers[0].classes == analysis().layers[0].classes);
}
