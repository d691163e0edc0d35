// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: a DataError or tensors that can all be read.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "input.hpp"
#include "moenda/weights/safetensors/safetensors.hpp"

namespace {

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
  scratch.write(data, size);
  try {
    read_all(scratch.path);
  } catch (moenda::DataError const&) {
  }
  return 0;
}
