// SPDX-License-Identifier: Apache-2.0
// Layers made of layers, from a file and back.
#include <catch2/catch.hpp>

#include "moenda/expert/ffn.hpp"
#include "moenda/expert/glu.hpp"
#include "moenda/expert/identity.hpp"
#include "moenda/expert/zero.hpp"
#include "moenda/mixture/interleave.hpp"
#include "moenda/mixture/mixture.hpp"
#include "moenda/mixture/sum.hpp"
#include "moenda/module/one_of.hpp"
#include "moenda/router/top_k.hpp"
#include "moenda/toml/write.hpp"

namespace {

using namespace moenda;

using Sparse = Mixture<router::TopK, expert::SwiGlu>;
using Shared = Sum<Sparse, expert::Ffn>;
using Idle = Mixture<router::TopK, Experts<expert::SwiGlu, expert::Identity, expert::Zero>>;
using Turns = Interleave<OneOf<Sparse, Shared>, expert::Ffn>;
using Any = OneOf<expert::Ffn, Sparse, Shared, Idle, Turns>;

struct File {
  Any::Config ffn{};
  MOENDA_FIELDS(File, ffn);
};
File read(std::string const& text) {
  File file;
  auto const table = io::parse_toml(text, "file.toml");
  io::read_toml(table, file, "");
  return file;
}

TEST_CASE("toml: a sum has a table for each part", "[toml]") {
  auto const file =
      read("ffn = { type = 'sum', ffn = { hidden = 4 }, mixture = { experts = { count = 3 } } }");
  auto shared = std::get<Shared::Config>(file.ffn.choice);
  CHECK(get<expert::Ffn>(shared).hidden == 4);
  CHECK(get<Sparse>(shared).experts.count == 3);
  CHECK(io::write_toml(read(io::write_toml(file))) == io::write_toml(file));
  CHECK_THROWS_WITH(read("ffn = { type = 'sum', swiglu = { hidden = 4 } }"),
                    Catch::Contains("unknown key 'swiglu' in [ffn]"));
  CHECK_THROWS_WITH(read("ffn = { type = 'sum', mixture = { type = 'mixture' } }"),
                    Catch::Contains("unknown key 'type' in [ffn.mixture]"));
}

TEST_CASE("toml: interleaved layers are two tables", "[toml]") {
  auto const file = read(
      "[ffn]\ntype = 'interleave'\nevery = 1\nfirst = 1\ndense.hidden = 9\n"
      "[ffn.sparse]\ntype = 'sum'\nffn.hidden = 2\nmixture.experts.count_per_layer = [2, 4, 8]");
  auto const turns = std::get<Turns::Config>(file.ffn.choice);
  CHECK(turns.every == 1);
  CHECK(turns.dense.hidden == 9);
  auto shared = std::get<Shared::Config>(turns.sparse.choice);
  CHECK(get<Sparse>(shared).experts.count_per_layer == std::vector{2, 4, 8});
  CHECK(io::write_toml(read(io::write_toml(file))) == io::write_toml(file));
}

TEST_CASE("toml: a mixture of groups has a name of its own", "[toml]") {
  auto const file = read(
      "[ffn]\ntype = 'mixture_of_groups'\nexperts.swiglu = { count = 2, each.hidden = 3 }\n"
      "experts.identity.count = 1\nexperts.zero.count = 4");
  auto idle = std::get<Idle::Config>(file.ffn.choice);
  CHECK(get<Group<expert::Identity>>(idle.experts).count == 1);
  CHECK(Idle::Set::num_experts(idle.experts) == 7);
  CHECK(io::write_toml(read(io::write_toml(file))) == io::write_toml(file));
}

}  // namespace
