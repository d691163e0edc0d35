// SPDX-License-Identifier: Apache-2.0
#pragma once
// What computes: the one place that knows [compute] and --threads.
#include <array>
#include <type_traits>

#include "moenda/core/fields.hpp"
#include "moenda/core/precision.hpp"
#include "moenda/cpu/backend.hpp"
#include "moenda/module/rules.hpp"
#include "runner/commands.hpp"

namespace moenda::runner {

using Backend = cpu::Backend<float>;

enum class ComputeDevice { cpu, cuda };
constexpr auto enum_names(ComputeDevice) { return std::array{"cpu", "cuda"}; }

struct ComputeConfig {
  ComputeDevice device = ComputeDevice::cpu;
  int threads = 0;  ///< 0: every processor; --threads goes before it. Bits do not depend on it
  cpu::MatmulKernel matmul = cpu::MatmulKernel::packed;
  Precision precision = Precision::fp32;       ///< of matrix products; a router's are always fp32
  cpu::Level kernels = cpu::Level::automatic;  ///< the instructions that they use
  MOENDA_FIELDS(ComputeConfig, device, threads, matmul, precision, kernels);
};

/// Adds what is wrong with the configuration.
inline void check_compute(ComputeConfig const& c, Problems& problems) {
  problems.expect(c.threads >= 0 && c.threads <= 1024, "threads", "in 0..1024", c.threads);
  bool const is_bf16 = c.precision == Precision::bf16;
  if (is_bf16 && c.matmul == cpu::MatmulKernel::eigen) {
    problems.add("precision", "precision must be fp32 where matmul = eigen, got bf16");
  }
  if (c.device == ComputeDevice::cuda) {
    problems.add("device", "device must be cpu: not every kernel exists on the GPU yet, got cuda");
  }
}

/// The same without what changes no bit of a run.
[[nodiscard]] inline ComputeConfig what_decides_bits(ComputeConfig c) {
  c.threads = 0;
  return c;
}

/// Calls f(backend) with the backend that the configuration and the command line ask for.
template <class F>
decltype(auto) with_backend(Options const& options, ComputeConfig const& compute, F&& f) {
  Backend backend(options.threads != 0 ? options.threads : compute.threads, compute.matmul,
                  compute.precision, compute.kernels);
  return f(backend);
}

}  // namespace moenda::runner
