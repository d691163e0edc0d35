// SPDX-License-Identifier: Apache-2.0
#pragma once
// Numbers computed by PyTorch in float64, read from the files beside this one.
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "laws/numbers.hpp"
#include "moenda/weights/safetensors/safetensors.hpp"

namespace golden {

inline std::filesystem::path folder() {
#ifdef MOENDA_TEST_DIR
  return std::filesystem::path(MOENDA_TEST_DIR) / "golden";
#else
  return std::filesystem::path(__FILE__).parent_path();
#endif
}

class File {
 public:
  explicit File(std::string const& name) : file_(folder() / (name + ".safetensors")) {}

  template <class T>
  [[nodiscard]] std::vector<T> values(std::string const& name) const {
    std::vector<T> out(std::size_t(file_.tensor(name).size()));
    file_.read_as(name, out.data(), out.size());
    return out;
  }
  [[nodiscard]] std::vector<double> doubles(std::string const& name) const {
    return values<double>(name);
  }
  [[nodiscard]] std::vector<int> ids(std::string const& name) const {
    auto const bytes = file_.bytes(name);
    std::vector<std::int64_t> wide(bytes.size() / sizeof(std::int64_t));
    std::memcpy(wide.data(), bytes.data(), bytes.size());
    return {wide.begin(), wide.end()};
  }
  [[nodiscard]] std::vector<std::byte> bytes(std::string const& name) const {
    auto const view = file_.bytes(name);
    std::vector<std::byte> out(view.size());
    std::memcpy(out.data(), view.data(), view.size());
    return out;
  }
  [[nodiscard]] std::vector<std::int64_t> shape(std::string const& name) const {
    auto const& shape = file_.tensor(name).shape;
    return {shape.begin(), shape.end()};
  }
  [[nodiscard]] double number(std::string const& key) const {
    return std::stod(file_.metadata().at(key));
  }
  [[nodiscard]] int integer(std::string const& key) const {
    return std::stoi(file_.metadata().at(key));
  }
  /// How many tensors begin with `prefix`.
  [[nodiscard]] int count(std::string const& prefix) const {
    int n = 0;
    for (auto const& tensor : file_.tensors()) n += tensor.name.starts_with(prefix);
    return n;
  }

 private:
  moenda::io::SafetensorsFile file_;
};

template <class T>
void require_near(std::vector<T> const& got, std::vector<double> const& expected, double bound) {
  REQUIRE(laws::distance(got, expected) <= bound);
}

}  // namespace golden
