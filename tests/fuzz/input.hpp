// SPDX-License-Identifier: Apache-2.0
#pragma once
// What fuzz targets share: checks that abort, a file for the input, and, without MOENDA_FUZZER, a
// program that replays the files and folders given as arguments.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/files/file_descriptor.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

inline void check(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// One file for the whole run: the reader's own way in, through a path.
struct Scratch {
  std::string path = (std::filesystem::temp_directory_path() / "moenda-fuzz-XXXXXX").string();
  int number = ::mkstemp(path.data());
  ~Scratch() { ::unlink(path.c_str()); }

  void write(std::uint8_t const* data, std::size_t size) const {
    check(::ftruncate(number, 0) == 0, "scratch file must be truncated");
    check(::pwrite(number, data, size, 0) == static_cast<ssize_t>(size),
          "scratch file must be written");
  }
};

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
