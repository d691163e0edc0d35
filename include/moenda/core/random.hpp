// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counter-based randomness: a draw is a function of (seed, stream, counter), so results do not
// depend on threads or on order, and a resumed run goes on exactly.
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace moenda {

/// Philox4x32-10, Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 5.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                            std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const left = std::uint64_t{0xD2511F53} * counter[0];
    std::uint64_t const right = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(left)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// The stream of a name: FNV-1a. Parameters of the same name start the same in every model.
[[nodiscard]] constexpr std::uint64_t stream_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (char const c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

/// Random numbers by index. Copies give the same numbers.
class Random {
 public:
  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  /// 64 random bits.
  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t index) const {
    auto const words = block(index);
    return (std::uint64_t{words[0]} << 32) | words[1];
  }
  /// Uniform in [0, 1), 53 bits.
  [[nodiscard]] constexpr double uniform(std::uint64_t index) const {
    return static_cast<double>(bits(index) >> 11) * 0x1p-53;
  }
  /// Standard normal: Box & Muller 1958.
  [[nodiscard]] double normal(std::uint64_t index) const {
    auto const words = block(index);
    double const u = (static_cast<double>(words[0]) + 0.5) * 0x1p-32;
    double const v = (static_cast<double>(words[1]) + 0.5) * 0x1p-32;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

 private:
  [[nodiscard]] constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                   static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                  {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  }
  std::uint64_t seed_, stream_;
};

}  // namespace moenda
