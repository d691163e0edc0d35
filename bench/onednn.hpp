// SPDX-License-Identifier: Apache-2.0
#pragma once
// oneDNN's matrix product, to compare with. Only where it was found at configure time.
#if defined(MOENDA_BENCH_ONEDNN)
#include <omp.h>
#include <unistd.h>

#include <cstdlib>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <vector>

#include "moenda/core/precision.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"

namespace moenda::bench {

/// The threads of OpenMP must sleep between products, or they take the time of ours. That is read
/// when the program starts: it starts itself again.
inline void let_openmp_sleep(char** arguments) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", arguments);
}

/// One product, prepared. With bf16 both factors are rounded beforehand, so that only their product
/// is timed.
class OneDnnProduct {
  using Memory = dnnl::memory;
  using Type = Memory::data_type;

 public:
  static constexpr bool found = true;

  OneDnnProduct(cpu::gemm_detail::Problem<float> const& problem, Precision precision, int threads)
      : stream_(engine_), threads_(threads) {
    omp_set_num_threads(threads);
    left_ = factor(problem.a, problem.m, problem.k, precision);
    right_ = factor(problem.b, problem.k, problem.n, precision);
    result_ =
        Memory({{problem.m, problem.n}, Type::f32, {problem.c_row_stride, 1}}, engine_, problem.c);
    dnnl::primitive_attr attributes;
    dnnl::post_ops adding;
    adding.append_sum(1.0F);
    if (problem.accumulate) attributes.set_post_ops(adding);
    dnnl::matmul::desc const description(left_.get_desc(), right_.get_desc(), result_.get_desc());
    product_ = dnnl::matmul(dnnl::matmul::primitive_desc(description, attributes, engine_));
  }
  void run() {
    omp_set_num_threads(threads_);
    product_.execute(stream_,
                     {{DNNL_ARG_SRC, left_}, {DNNL_ARG_WEIGHTS, right_}, {DNNL_ARG_DST, result_}});
    stream_.wait();
  }

 private:
  Memory factor(cpu::Operand<float> const& x, int rows, int cols, Precision precision) {
    Memory const given({{rows, cols}, Type::f32, {x.row_stride, x.col_stride}}, engine_,
                       const_cast<float*>(x.data));
    if (precision == Precision::fp32) return given;
    Memory rounded({{rows, cols}, Type::bf16, {x.row_stride, x.col_stride}}, engine_);
    dnnl::reorder(given, rounded).execute(stream_, const_cast<Memory&>(given), rounded);
    stream_.wait();
    return rounded;
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_;
  int threads_;
  Memory left_, right_, result_;
  dnnl::matmul product_;
};

}  // namespace moenda::bench
#else
#include "moenda/core/precision.hpp"
#include "moenda/cpu/kernels/gemm/problem.hpp"

namespace moenda::bench {

inline void let_openmp_sleep(char**) {}
struct OneDnnProduct {
  static constexpr bool found = false;
  OneDnnProduct(cpu::gemm_detail::Problem<float> const&, Precision, int) {}
  void run() {}
};

}  // namespace moenda::bench
#endif
