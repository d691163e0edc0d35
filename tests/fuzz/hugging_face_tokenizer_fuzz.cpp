// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tokenizer.json: a DataError, or a tokenizer whose ids lie in its vocabulary, for
// any text that is UTF-8, and whose texts are UTF-8. With one of GPT-2's form a run can be trained,
// on the same ids.
//
// Parts: tokenizer.json, tokenizer_config.json, then a text.
#include <string>
#include <string_view>

#include "input.hpp"
#include "moenda/import/hugging_face/read_bpe.hpp"
#include "moenda/import/hugging_face/tokenizer/text_stream.hpp"
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace moenda;
  auto rest = as_text(data, size);
  auto const file = take_part(rest), config = take_part(rest);
  try {
    hugging_face::Tokenizer const tokenizer(file, "tokenizer.json", config);
    for (bool const special : {true, false}) {
      auto const ids = tokenizer.encode(rest, {.add_special = special, .literal = !special});
      for (int const id : ids) {
        check(id >= 0 && id < tokenizer.vocab_size(), "an id must lie in the vocabulary");
      }
      auto const text = tokenizer.decode(ids, special);
      check(io::find_invalid_utf8(text) == text.size(), "a text must be UTF-8");
      hugging_face::TextStream stream(tokenizer, special);
      for (int const id : ids) (void)stream.next(id);
      (void)stream.rest();
    }
    auto const literal = tokenizer.encode(rest, {.add_special = false, .literal = true});
    auto const trained = hugging_face::bpe_of(file, "tokenizer.json");
    check(trained.encode(rest) == literal, "a run must train on the tokenizer's ids");
  } catch (DataError const&) {
  }
  return 0;
}
