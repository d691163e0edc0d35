// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: a DataError or tensors that can all be read.
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -DMOENDA_FUZZER -Iinclude
//       tests/fuzz/safetensors_fuzz.cpp -o fuzz && ./fuzz -malloc_limit_mb=64 CORPUS
//
// Without MOENDA_FUZZER the program replays the files and folders given as arguments.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "moenda/io/safetensors.hpp"

namespace {

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

void read_all(std::string const& path) {
  moenda::io::SafetensorsFile const file(path);
  std::uint64_t covered = 0;
  for (auto const& tensor : file.tensors()) {
    covered += tensor.end - tensor.begin;
    check(file.find(tensor.name) == &tensor, "find must give the tensor of that name");
    check(file.bytes(tensor.name).size() == tensor.end - tensor.begin, "bytes must be complete");
    std::vector<double> values(static_cast<std::size_t>(tensor.size()));
    try {
      file.read_as(tensor.name, values.data(), values.size());
    } catch (moenda::DataError const&) {  // a dtype that is no floating-point number
    }
  }
  check(covered <= std::filesystem::file_size(path), "tensors must lie inside the file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static Scratch const scratch;
  check(::ftruncate(scratch.number, 0) == 0, "scratch file must be truncated");
  check(::pwrite(scratch.number, data, size, 0) == static_cast<ssize_t>(size),
        "scratch file must be written");
  try {
    read_all(scratch.path);
  } catch (moenda::DataError const&) {
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
