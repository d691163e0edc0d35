// SPDX-License-Identifier: Apache-2.0
// Any bytes as the two files of a tokenizer, or as a text that one is learnt from: a DataError, or
// a tokenizer that comes back from its files and gives every text back that it encodes.
//
// Parts: which of the two ("f": files), then encoder.json, vocab.bpe and a text, or the text to
// learn from and a text.
#include <string>
#include <string_view>

#include "input.hpp"
#include "moenda/data/tokenizer/bpe_trainer.hpp"
#include "moenda/data/tokenizer/tokenizer.hpp"

namespace {

using namespace moenda::data;

Tokenizer from_files(std::string_view encoder, std::string_view merges) {
  static Scratch const encoder_scratch, merges_scratch;
  encoder_scratch.write(encoder);
  merges_scratch.write(merges);
  return Tokenizer(load_bpe(encoder_scratch.path, merges_scratch.path));
}
Tokenizer learnt(std::string_view text) {
  return Tokenizer(train_bpe({text}, {.vocab_size = 300}));
}

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "moenda-fuzz-XXXXXX").string();
  Folder() { check(::mkdtemp(path.data()) != nullptr, "a folder must be made"); }
  ~Folder() { std::filesystem::remove_all(path); }
};

void check_all(Tokenizer const& tokenizer, std::string_view text, bool save) {
  auto const ids = tokenizer.encode(text);
  for (int const id : ids) {
    check(id >= 0 && id < tokenizer.vocab_size(), "an id must lie in the vocabulary");
    check(id != tokenizer.end_of_text(), "a text must not hold the separator");
  }
  check(ids.size() <= text.size(), "a token must stand for a byte or more");
  check(tokenizer.decode(ids) == text, "a text must come back");
  if (!save) return;
  static Folder const folder;
  tokenizer.save(folder.path);
  auto const loaded = Tokenizer::load(folder.path);
  check(loaded.fingerprint() == tokenizer.fingerprint(), "a saved tokenizer must come back");
  check(loaded.encode(text) == ids, "a loaded tokenizer must give the same tokens");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto rest = as_text(data, size);
  auto const how = take_part(rest), first = take_part(rest);
  try {
    if (how.starts_with('f')) {
      auto const tokenizer = from_files(first, take_part(rest));
      check_all(tokenizer, rest, true);
    } else {
      check_all(learnt(first), rest, how.starts_with('s'));
    }
  } catch (moenda::DataError const&) {
    check(how.starts_with('f'), "every text must have a tokenizer");
  }
  return 0;
}
