// SPDX-License-Identifier: Apache-2.0
// Products of few rows with weights in every format, as in decoding: bytes of weights read per
// second, as a share of what reading the same memory and nothing else takes in the same moments.
//
// usage: stored_products [rows] [threads] [gigabytes of weights, 4]
// Take several times the last-level cache: virtual machines show hundreds of megabytes of it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "bandwidth.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/weights/quantised/encode.hpp"

namespace {

using namespace moenda;
constexpr int width = 4096;  // of a square matrix, as in models of seven billion weights

/// `bytes` of memory in large pages, as parameters have them.
class Memory {
 public:
  explicit Memory(std::size_t bytes)
      : data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64}))) {
    prefer_huge_pages(data_, bytes);
  }
  ~Memory() { ::operator delete (data_, std::align_val_t{64}); }
  Memory(Memory const&) = delete;
  Memory& operator=(Memory const&) = delete;
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::byte* data_;
};

void measure(Format format, Precision precision, int rows, int threads, std::size_t bytes) {
  auto const weights = [] {
    std::vector<float> values(std::size_t{width} * width);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i * 7919 % 1001) - 500;
    return values;
  }();
  auto const size = format == Format::fp32 ? StoredBytes{weights.size() * sizeof(float), 0}
                                           : stored_bytes(format, width, width);
  auto const scales = (size.codes + 63) / 64 * 64, each = scales + (size.scales + 63) / 64 * 64;
  auto const count = std::max<std::size_t>(1, bytes / each);
  Memory const memory(count * each);
  if (format == Format::fp32) std::memcpy(memory.data(), weights.data(), size.codes);
  quantised::encode(format, memory.data(), memory.data() + scales, weights.data(), width, width);
  for (std::size_t i = 1; i < count; ++i) {
    std::memcpy(memory.data() + i * each, memory.data(), each);
  }
  cpu::Backend<float> backend(threads);
  std::vector<float> x(std::size_t(rows) * width, 0.5F), y(x.size());
  double rate = 0, read = 0;
  for (int round = 0; round < 3; ++round) {
    auto const* const floats = reinterpret_cast<float const*>(memory.data());
    read = std::max(read, bench::read_rate(floats, count * each / sizeof(float), threads, 1));
    double const seconds = bench::best_seconds(1, [&] {
      for (std::size_t i = 0; i < count; ++i) {
        auto const* const at = memory.data() + i * each;
        auto const view = format == Format::fp32
                              ? WeightView<float>(reinterpret_cast<float const*>(at))
                              : WeightView<float>(format, at, at + scales);
        cpu::matmul_forward<float>(backend, y.data(), x.data(), view, rows, width, width,
                                   precision);
      }
    });
    rate = std::max(rate, double(count * each) / seconds);
  }
  std::printf("%-11s %-5s %10.1f %8.1f %8.2f\n", enum_names(format)[std::size_t(format)],
              enum_names(precision)[std::size_t(precision)], rate / 1e9, read / 1e9, rate / read);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  auto const number = [&](int i, int otherwise) {
    return count > i ? std::max(1, std::atoi(arguments[i])) : otherwise;
  };
  int const rows = number(1, 1), threads = number(2, 1), gigabytes = number(3, 4);
  std::printf("%d rows, %d threads, %d GB of weights\n", rows, threads, gigabytes);
  std::printf("%-11s %-5s %10s %8s %8s\n", "weights", "", "GB/s", "read", "share");
  for (auto const format :
       {Format::fp32, Format::bf16, Format::int8, Format::int4, Format::nf4, Format::nf4_double}) {
    for (auto const precision : {Precision::fp32, Precision::bf16}) {
      if (format == Format::fp32 && precision == Precision::bf16) continue;
      measure(format, precision, rows, threads, std::size_t(gigabytes) << 30);
    }
  }
}
