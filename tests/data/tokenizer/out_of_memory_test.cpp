// SPDX-License-Identifier: Apache-2.0
// Also this program's operator new, which can be made to fail.
#include "laws/operator_new.hpp"

#include <string>
#include <vector>

#include "files/temporary_folder.hpp"
#include "laws/fail_each.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

using namespace moenda;
using laws::fail_each;

TEST_CASE("tokenizers survive the lack of memory", "[memory]") {
  std::string const text = "the cat and the other cat, the cat's 12 hats";
  auto const train = [&] { return data::Tokenizer(data::train_bpe({text}, {.vocab_size = 262})); };
  CHECK(fail_each("learn a tokenizer", [&] { (void)train(); }) > 100);
  auto const tokenizer = train();
  auto const ids = tokenizer.encode(text);
  std::vector<int> encoded;
  CHECK(fail_each("encode a text", [&] { encoded = tokenizer.encode(text); }) > 3);
  CHECK(encoded == ids);
  std::string decoded;
  CHECK(fail_each("decode a text", [&] { decoded = tokenizer.decode(ids); }) > 0);
  CHECK(decoded == text);

  io::test::TemporaryFolder folder;
  tokenizer.save(folder.path());
  CHECK(fail_each("save a tokenizer", [&] { tokenizer.save(folder.path()); }) > 100);
  data::Tokenizer loaded;
  CHECK(fail_each("load a tokenizer", [&] { loaded = data::Tokenizer::load(folder.path()); }) >
        100);
  CHECK(loaded.fingerprint() == tokenizer.fingerprint());
}
