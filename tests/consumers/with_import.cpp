// SPDX-License-Identifier: Apache-2.0
// A consumer of moenda::import.
#include "moenda/import/hugging_face/tokenizer/tokenizer.hpp"

int main() {
  moenda::hugging_face::Tokenizer const tokenizer(R"({
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+"}, "behavior": "Removed",
                      "invert": false},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
  return tokenizer.encode("a b ab") == std::vector{0, 1, 2} ? 0 : 1;
}
