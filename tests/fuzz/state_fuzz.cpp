// SPDX-License-Identifier: Apache-2.0
// Any bytes as a checkpoint's state.json: a DataError, or a state whose numbers fit each other and
// which comes back from what is written of it. So that changes get past the hash, an input that
// begins with "h" gets the right one.
#include <cmath>
#include <string>

#include "input.hpp"
#include "moenda/train/run_state.hpp"

namespace {

void read_all(std::string const& path) {
  auto const state = moenda::read_state(path);
  check(state.step >= state.optimizer_step && state.optimizer_step >= 0, "steps must fit");
  check(std::isfinite(state.spent.seconds) && state.spent.seconds >= 0, "seconds must be finite");
  check(std::isfinite(state.spent.joules) && state.spent.joules >= 0, "joules must be finite");
  static Scratch const again;
  auto const text = moenda::state_text(state);
  again.write(text);
  check(moenda::state_text(moenda::read_state(again.path)) == text, "a state must come back");
}
std::string with_hash(std::string text) {
  auto const end = text.rfind(",\n  \"text_hash\": ");
  text = text.substr(0, end == text.npos ? text.size() : end);
  auto const hash = moenda::data::ContentHash().add(text).value();
  return text + ",\n  \"text_hash\": " + std::to_string(hash) + "\n}\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  return read_input(data, size, with_hash, read_all);
}
