// SPDX-License-Identifier: Apache-2.0
#pragma once
// What fuzz targets share: checks that abort, a file for the input, and, without MOENDA_FUZZER, a
// program that replays the files and folders given as arguments. tools/fuzz looks for inputs.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "moenda/core/error.hpp"
#include "moenda/files/file_descriptor.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

inline void check(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// One file for the whole run: the reader's own way in, through a path. Its name ends in `suffix`.
struct Scratch {
  std::string path;
  int number;
  explicit Scratch(std::string const& suffix = "")
      : path((std::filesystem::temp_directory_path() / "moenda-fuzz-XXXXXX").string() + suffix),
        number(::mkstemps(path.data(), static_cast<int>(suffix.size()))) {}
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch() { ::unlink(path.c_str()); }

  void write(std::uint8_t const* data, std::size_t size) const {
    check(::ftruncate(number, 0) == 0, "scratch file must be truncated");
    check(::pwrite(number, data, size, 0) == static_cast<ssize_t>(size),
          "scratch file must be written");
  }
  void write(std::string_view text) const {
    write(reinterpret_cast<std::uint8_t const*>(text.data()), text.size());
  }
};

/// Several inputs in one: cuts what stands before the next byte 0xFF, and that byte, off `rest`.
inline std::string_view take_part(std::string_view& rest) {
  auto const end = rest.find('\xFF');
  auto const part = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return part;
}
inline std::string_view as_text(std::uint8_t const* data, std::size_t size) {
  return {reinterpret_cast<char const*>(data), size};
}
/// Calls read(path) with the input in a file; a DataError is a fine outcome. An input that begins
/// with "h" has its rest first repaired, so that changes get past checksums.
template <class Repair, class Read>
int read_input(std::uint8_t const* data, std::size_t size, Repair repair, Read read) {
  static Scratch const scratch;
  auto text = as_text(data, size);
  bool const repaired = text.starts_with('h');
  if (repaired) text.remove_prefix(1);
  scratch.write(repaired ? repair(std::string(text)) : std::string(text));
  try {
    read(scratch.path);
  } catch (moenda::DataError const&) {
  }
  return 0;
}

#ifndef MOENDA_FUZZER
inline int replay(std::filesystem::path const& path) {
  if (std::filesystem::is_directory(path)) {
    int count = 0;
    for (auto const& entry : std::filesystem::directory_iterator(path)) {
      count += replay(entry.path());
    }
    return count;
  }
  std::uint64_t size = 0;
  auto const file = moenda::io::open_for_reading(path, size);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  check(file.read_at(0, bytes.data(), bytes.size()) == bytes.size(), "input must be complete");
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  return 1;
}

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) count += replay(argv[i]);
  std::printf("%d inputs replayed\n", count);
  return count > 0 ? 0 : 2;
}
#endif
