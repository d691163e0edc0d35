// SPDX-License-Identifier: Apache-2.0
#include "moenda/core/suggest.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace moenda;

TEST_CASE("edit distance counts single edits", "[suggest]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("top_k", "topk") == 1);
  CHECK(edit_distance("flaw", "lawn") == edit_distance("lawn", "flaw"));
}

TEST_CASE("the nearest name is suggested, a far one is not", "[suggest]") {
  std::vector<std::string> const known{"num_heads", "num_kv_heads", "head_dim"};
  CHECK(did_you_mean("num_head", known) == " (did you mean 'num_heads'?)");
  CHECK(did_you_mean("num_kv_head", known) == " (did you mean 'num_kv_heads'?)");
  CHECK(did_you_mean("position", known).empty());
  CHECK(did_you_mean("x", {}).empty());
  CHECK(did_you_mean(std::string(10000, 'a'), known).empty());  // no work for nonsense
}

TEST_CASE("words are joined with commas", "[suggest]") {
  CHECK(join({}).empty());
  CHECK(join({"a"}) == "a");
  CHECK(join({"a", "b", "c"}) == "a, b, c");
}

}  // namespace
