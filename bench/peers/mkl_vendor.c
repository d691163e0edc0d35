// SPDX-License-Identifier: Apache-2.0
// Preloaded into PyTorch, this lets Intel's MKL use AVX-512 on processors of other makers, where it
// otherwise falls back to AVX2: the matrix products of the peer then run at twice the speed.
int mkl_serv_intel_cpu(void) { return 1; }
int mkl_serv_intel_cpu_true(void) { return 1; }
