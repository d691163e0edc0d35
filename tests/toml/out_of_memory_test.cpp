// SPDX-License-Identifier: Apache-2.0
// Also this program's operator new, which can be made to fail.
#include "laws/operator_new.hpp"

#include <string>

#include "files/temporary_folder.hpp"
#include "laws/fail_each.hpp"
#include "run_configuration.hpp"

using namespace moenda;
using laws::fail_each;

TEST_CASE("reading a configuration survives the lack of memory", "[memory]") {
  io::test::TemporaryFolder folder;
  io::test::store(folder / "base.toml", "[model]\nd_model = 16\n[train]\nsteps = 3\n");
  io::test::store(folder / "run.toml",
                  "extends = \"base.toml\"\nname = \"a\"\n[data]\npaths = [\"a.txt\"]\n"
                  "[model.block.ffn]\ntype = \"mixture\"\nrouter = \"top_k\"\n");
  auto const read = [&] {
    auto table = io::load_toml(folder / "run.toml");
    io::override_toml(table, "train.steps=5");
    return io::test::written(io::test::read(table));
  };
  auto const wanted = read();
  std::string text;
  CHECK(fail_each("read and write a configuration", [&] { text = read(); }) > 100);
  CHECK(text == wanted);
}
