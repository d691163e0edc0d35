// SPDX-License-Identifier: Apache-2.0
// Any bytes as a table: a DataError or a ConfigError, or a table whose parts fit together and
// encode to finite features, which come back from a saved encoder.
//
// The first byte says how the rest is read.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "input.hpp"
#include "moenda/data/tabular/encoder_file.hpp"
#include "moenda/data/tabular/set.hpp"

namespace {

using namespace moenda::data;

void check_rows(LabelledSequences const& rows) {
  for (float const x : rows.features) check(std::isfinite(x), "features must be finite");
  check(rows.features.size() == std::size_t(rows.count()) * std::size_t(rows.channels),
        "every row must have its features");
}

void read_all(std::string const& path, unsigned how) {
  TabularSetConfig config{.table = {.paths = {path}}};
  config.table.target_kind = (how & 1) != 0 ? TargetKind::number : TargetKind::classes;
  config.table.header = Header((how >> 1) % 3);
  config.table.delimiter = (how & 16) != 0 ? ";" : ",";
  config.encoder.min_count = 1;
  auto const set = load_tabular_set(config);
  for (auto const* rows : {&set.train, &set.valid, &set.test}) check_rows(*rows);
  auto const text = encoder_to_json(set.encoder);
  auto const loaded = encoder_from_json(text, "saved");
  check(encoder_to_json(loaded) == text, "a saved encoder must come back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Scratch const scratch;
  if (size == 0) return 0;
  scratch.write(data + 1, size - 1);
  try {
    read_all(scratch.path, data[0]);
  } catch (moenda::DataError const&) {
  } catch (moenda::ConfigError const&) {
  }
  return 0;
}
