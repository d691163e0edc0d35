// SPDX-License-Identifier: Apache-2.0
// Any bytes as a table: a DataError or a ConfigError, or a table whose parts fit together and
// encode to finite features, which come back from a saved encoder.
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -DMOENDA_FUZZER -Iinclude
//       tests/fuzz/tabular_fuzz.cpp -o fuzz && ./fuzz -malloc_limit_mb=64 tests/fuzz/corpus/tabular
//
// The first byte says how the rest is read. Without MOENDA_FUZZER the program replays the files and
// folders given as arguments.
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/data/tabular_encoder_file.hpp"
#include "moenda/data/tabular_set.hpp"
#include "moenda/io/file_descriptor.hpp"

namespace {

using namespace moenda::data;

void check(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// One file for the whole run: the reader's own way in, through a path.
struct Scratch {
  std::string path = (std::filesystem::temp_directory_path() / "moenda-fuzz-XXXXXX").string();
  int number = ::mkstemp(path.data());
  ~Scratch() { ::unlink(path.c_str()); }
};

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
  check(::ftruncate(scratch.number, 0) == 0, "scratch file must be truncated");
  check(::pwrite(scratch.number, data + 1, size - 1, 0) == static_cast<ssize_t>(size - 1),
        "scratch file must be written");
  try {
    read_all(scratch.path, data[0]);
  } catch (moenda::DataError const&) {
  } catch (moenda::ConfigError const&) {
  }
  return 0;
}

#ifndef MOENDA_FUZZER
namespace {

int replay(std::filesystem::path const& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(path))
      count += replay(entry.path());
    return count;
  }
  std::uint64_t size = 0;
  auto const file = moenda::io::open_for_reading(path, size);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  check(file.read_at(0, bytes.data(), bytes.size()) == bytes.size(), "input must be complete");
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) count += replay(argv[i]);
  std::printf("%d inputs replayed\n", count);
  return count > 0 ? 0 : 2;
}
#endif
