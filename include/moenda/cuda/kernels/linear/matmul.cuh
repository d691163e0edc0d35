// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three products of a linear layer on cuBLASLt: in fp32 throughout (no TF32), or with both
// factors rounded to bf16 and fp32 sums.
//
// Our matrices are row-major, cuBLASLt's are column-major: memory that we read as X [r, c] is, read
// its way, X^T with r columns of c scalars. So we ask for the transpose of what we want, and the
// factors change places:
//
//   we want                      it computes                    m    n     k     a    op  b    op
//   y  [rows, out] = x w^T       y^T  [out, rows] = w x^T       out  rows  in    w    T   x    N
//   dx [rows, in]  = dy w        dx^T [in, rows]  = w^T dy^T    in   rows  out   w    N   dy   N
//   dw [out, in]  += dy^T x      dw^T [in, out]  += x^T dy      in   out   rows  x    N   dy   T
//
// (a with op N lies in memory as [k, m], row-major: w [out, in] is in x out in columns, which is
// already w^T.) Column-major d also is what the epilogues expect: one bias per row of d^T is one
// per output.
#include "moenda/cuda/kernels/device.cuh"
#include "moenda/cuda/kernels/elementwise/gelu.cuh"

namespace moenda::cuda {
namespace detail {

/// A column-major matrix without gaps.
inline auto make_layout(int rows, int cols) {
  cublasLtMatrixLayout_t layout = nullptr;
  check(cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, static_cast<std::uint64_t>(rows),
                                   static_cast<std::uint64_t>(cols), rows),
        "cublasLtMatrixLayoutCreate");
  return Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>(layout);
}

template <class X>
void set(MatmulPlan const& plan, cublasLtMatmulDescAttributes_t attribute, X const& value) {
  check(cublasLtMatmulDescSetAttribute(plan.description.get(), attribute, &value, sizeof value),
        "cublasLtMatmulDescSetAttribute");
}
template <class X>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
         X const& value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
        "cublasLtMatmulPreferenceSetAttribute");
}

/// Asks cuBLASLt for its best algorithm that fits the workspace, the alignment, and adds in an
/// order of its own choice but always the same: "in place" split sums are left out.
inline void choose_algorithm(Device& device, Product const& product, MatmulPlan& plan) {
  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> const owner(preference);
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, Device::workspace_bytes);
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE |
                    CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE});
  for (auto const matrix :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(preference, matrix, std::uint32_t{product.alignment});
  }
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  auto const status = cublasLtMatmulAlgoGetHeuristic(device.blas, plan.description.get(),
                                                     plan.a.get(), plan.b.get(), plan.d.get(),
                                                     plan.d.get(), preference, 1, &result, &found);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "cublasLtMatmulAlgoGetHeuristic");
  plan.possible = status == CUBLAS_STATUS_SUCCESS && found > 0;
  plan.algorithm = result.algo;
}

inline MatmulPlan make_plan_of(Device& device, Product const& product, float* h) {
  MatmulPlan plan;
  cublasLtMatmulDesc_t description = nullptr;
  auto const compute =
      product.precision == Precision::bf16 ? CUBLAS_COMPUTE_32F_FAST_16BF : CUBLAS_COMPUTE_32F;
  check(cublasLtMatmulDescCreate(&description, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
  plan.description.reset(description);
  set(plan, CUBLASLT_MATMUL_DESC_TRANSA, product.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(plan, CUBLASLT_MATMUL_DESC_TRANSB, product.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (product.gelu) {
    set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_GELU_AUX);
    set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{product.m});
    set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, h);  // its alignment counts
  }
  int const m = product.m, n = product.n, k = product.k;
  plan.a = product.transpose_a ? make_layout(k, m) : make_layout(m, k);
  plan.b = product.transpose_b ? make_layout(n, k) : make_layout(k, n);
  plan.d = make_layout(m, n);
  choose_algorithm(device, product, plan);
  return plan;
}

/// The plan of a product, made once. Mixtures ask for ever new numbers of rows: when the cache is
/// full it starts again.
inline MatmulPlan const& plan_of(Device& device, Product const& product, float* h) {
  constexpr std::size_t most_plans = 4096;
  auto const known = device.plans.find(product);
  if (known != device.plans.end()) return known->second;
  if (device.plans.size() >= most_plans) device.plans.clear();
  return device.plans.emplace(product, make_plan_of(device, product, h)).first->second;
}

/// The largest power of two up to 256 that divides all pointers.
inline unsigned common_alignment(std::initializer_list<void const*> pointers) {
  std::uintptr_t bits = 256;
  for (auto const* pointer : pointers) bits |= reinterpret_cast<std::uintptr_t>(pointer);
  return static_cast<unsigned>(bits & (~bits + 1));
}

/// d = op(a) op(b), or d += with accumulate. False when cuBLASLt has no algorithm for it.
inline bool multiply(Device& device, Product product, float* d, float const* a, float const* b,
                     float* h = nullptr) {
  product.alignment = common_alignment({d, a, b, h});
  auto const& plan = plan_of(device, product, h);
  if (!plan.possible) return false;
  if (product.gelu) set(plan, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, h);
  float const alpha = 1, beta = product.accumulate ? 1.0f : 0.0f;
  check(cublasLtMatmul(device.blas, plan.description.get(), &alpha, a, plan.a.get(), b,
                       plan.b.get(), &beta, d, plan.d.get(), d, plan.d.get(), &plan.algorithm,
                       device.workspace, Device::workspace_bytes, device.stream),
        "cublasLtMatmul");
  return true;
}

/// The same without a way out. An empty sum is 0, and cuBLASLt does not take empty matrices.
inline void multiply_or_throw(Device& device, char const* kernel, Product const& product, float* d,
                              float const* a, float const* b) {
  if (product.m <= 0 || product.n <= 0) return;
  if (product.k <= 0) {
    if (!product.accumulate) launch::fill(device, d, 0, std::ptrdiff_t{product.m} * product.n);
    return;
  }
  require_on_device(kernel, {d, a, b});
  if (multiply(device, product, d, a, b)) return;
  throw Error("cuda: " + std::string(kernel) +
              ": cuBLASLt must know an algorithm for m, n, k = " + std::to_string(product.m) +
              ", " + std::to_string(product.n) + ", " + std::to_string(product.k) + " in fp32");
}

}  // namespace detail

// Weights in other formats are refused: no product here unpacks them yet.
void launch::matmul_forward(Device& device, float* y, float const* x, Kept<float> w, int rows,
                            int out, int in, Precision precision) {
  detail::multiply_or_throw(
      device, "matmul_forward",
      {.m = out, .n = rows, .k = in, .transpose_a = true, .precision = precision}, y,
      w.plain("cuda: matmul_forward"), x);
}

void launch::matmul_backward_input(Device& device, float* dx, float const* dy, float const* w,
                                   int rows, int out, int in, Precision precision) {
  detail::multiply_or_throw(device, "matmul_backward_input",
                            {.m = in, .n = rows, .k = out, .precision = precision}, dx, w, dy);
}

void launch::matmul_backward_weight(Device& device, float* dw, float const* dy, float const* x,
                                    int rows, int out, int in, Precision precision) {
  detail::multiply_or_throw(device, "matmul_backward_weight",
                            {.m = in,
                             .n = out,
                             .k = rows,
                             .transpose_b = true,
                             .accumulate = true,
                             .precision = precision},
                            dw, x, dy);
}

void launch::matmul_gelu_forward(Device& device, float* y, float* h, float const* x, float const* w,
                                 int rows, int out, int in) {
  if (rows <= 0 || out <= 0) return;
  Product const product{.m = out, .n = rows, .k = in, .transpose_a = true, .gelu = true};
  // What CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD and _POINTER ask for.
  if (in > 0 && out % 8 == 0 && detail::common_alignment({h}) >= 16) {
    detail::require_on_device("matmul_gelu_forward", {y, h, x, w});
    if (detail::multiply(device, product, y, w, x, h)) return;
  }
  matmul_forward(device, h, x, w, rows, out, in, Precision::fp32);
  gelu_forward(device, y, h, std::ptrdiff_t{rows} * out);
}

}  // namespace moenda::cuda
