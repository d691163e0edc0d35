// SPDX-License-Identifier: Apache-2.0
// Which level a backend takes, and what is refused.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "moenda/cpu/backend.hpp"

using namespace moenda;
using cpu::Level;

namespace {

/// MOENDA_KERNELS is `value` while it lives.
class Environment {
 public:
  explicit Environment(char const* value) {
    if (char const* const before = std::getenv(name)) before_ = before;
    setenv(name, value, 1);
  }
  ~Environment() {
    if (before_) setenv(name, before_->c_str(), 1);
    if (!before_) unsetenv(name);
  }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

 private:
  static constexpr char const* name = "MOENDA_KERNELS";
  std::optional<std::string> before_;
};

std::vector<Level> levels_here() {
  std::vector<Level> levels;
  for (auto level : {Level::portable, Level::avx2, Level::avx512, Level::avx512_bf16, Level::amx}) {
    if (level <= cpu::highest_level()) levels.push_back(level);
  }
  return levels;
}

cpu::Backend<float> backend_of(Level level, int threads = 1, Precision how = Precision::fp32) {
  return cpu::Backend<float>(threads, cpu::MatmulKernel::packed, how, level);
}

/// A product of odd sizes.
std::vector<float> product(Level level, int threads, Precision how) {
  constexpr int rows = 65, out = 130, in = 1030;
  std::vector<float> x(rows * in), w(out * in), y(rows * out);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i % 97) / 97 - 0.5F;
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = float(i % 89) / 89 - 0.5F;
  auto backend = backend_of(level, threads, how);
  cpu::matmul_forward(backend, y.data(), x.data(), w.data(), rows, out, in, how);
  return y;
}

}  // namespace

TEST_CASE("a backend takes the level that is asked for, else one that the processor has",
          "[cpu][levels]") {
  Environment const none("");
  for (auto const level : levels_here()) CHECK(backend_of(level).level == level);
  auto const chosen = cpu::choose_level(Level::automatic);
  CHECK(chosen.level != Level::automatic);
  CHECK(chosen.level <= cpu::highest_level());
  CHECK_FALSE(chosen.reason.empty());
  CHECK(backend_of(Level::automatic).level == chosen.level);
}

TEST_CASE("MOENDA_KERNELS stands where nothing is asked for", "[cpu][levels]") {
  {
    Environment const lowest("portable");
    CHECK(backend_of(Level::automatic).level == Level::portable);
    CHECK(cpu::choose_level(Level::automatic).reason == "MOENDA_KERNELS names it");
    auto const highest = cpu::highest_level();
    CHECK(backend_of(highest).level == highest);
  }
  Environment const wrong("avx3");
  CHECK_THROWS_WITH(
      backend_of(Level::automatic),
      "MOENDA_KERNELS: must be one of auto, portable, avx2, avx512, avx512_bf16, amx, "
      "got avx3 (did you mean 'avx2'?)");
}

TEST_CASE("a level that the processor does not have is refused", "[cpu][levels]") {
  if (cpu::highest_level() == Level::amx) {
    WARN("skipped: this processor has every level");
    return;
  }
  CHECK_THROWS_WITH(backend_of(Level::amx),
                    std::string("cpu::Backend: kernels must be at most \"") +
                        cpu::name_of(cpu::highest_level()) + "\" on this processor, got \"amx\"");
}

TEST_CASE("Eigen's products run on the level that they are compiled for", "[cpu][levels]") {
  constexpr auto eigen = cpu::MatmulKernel::eigen;
  CHECK(cpu::Backend<float>(1, eigen).level == Level::portable);
  CHECK(cpu::Backend<float>(1, eigen, Precision::fp32, Level::portable).level == Level::portable);
  CHECK_THROWS_WITH(cpu::Backend<float>(1, eigen, Precision::fp32, Level::avx2),
                    "cpu::Backend: kernels must be \"auto\" or \"portable\" with the products of "
                    "Eigen, got \"avx2\"");
}

TEST_CASE("on every level the bits do not depend on threads, and levels agree", "[cpu][levels]") {
  for (auto const how : {Precision::fp32, Precision::bf16}) {
    auto const reference = product(Level::portable, 1, how);
    for (auto const level : levels_here()) {
      CAPTURE(cpu::name_of(level));
      auto const one = product(level, 1, how);
      for (int const threads : {2, 3, 8}) REQUIRE(product(level, threads, how) == one);
      for (std::size_t i = 0; i < one.size(); ++i) {
        REQUIRE(one[i] == Approx(reference[i]).epsilon(1e-4).margin(1e-4));
      }
    }
  }
}
