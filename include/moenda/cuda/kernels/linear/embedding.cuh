// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of a table, looked up by number. The gradient adds rows with equal ids in the order of rows,
// as the CPU does: no atomics on floats, the same bits in every run.
#include "moenda/cuda/kernels/device.cuh"

namespace moenda::cuda {
namespace detail {

// y[r] = table[ids[r]]; a block takes a row
__global__ void look_up_rows(float* y, float const* table, int const* ids, int cols) {
  auto const to = std::ptrdiff_t{blockIdx.x} * cols;
  auto const from = std::ptrdiff_t{ids[blockIdx.x]} * cols;
  for (int c = threadIdx.x; c < cols; c += blockDim.x) y[to + c] = table[from + c];
}

// *first = the first row whose id lies outside the table. The minimum of integers does not depend
// on the order of the atomics.
__global__ void find_bad_row(unsigned* first, int const* ids, int rows, int table_rows) {
  for (auto r = first_scalar(); r < rows; r += scalar_stride()) {
    if (ids[r] < 0 || ids[r] >= table_rows) atomicMin(first, static_cast<unsigned>(r));
  }
}

/// Where this thread comes in the order of the block's threads with `chosen`; all threads call it.
__device__ inline unsigned place_among_chosen(bool chosen) {
  __shared__ unsigned of_warp[threads_per_block / 32];
  unsigned const votes = __ballot_sync(0xffffffffu, chosen);
  unsigned const lane = threadIdx.x % 32, own_warp = threadIdx.x / 32;
  if (lane == 0) of_warp[own_warp] = __popc(votes);
  __syncthreads();
  unsigned place = __popc(votes & ((1u << lane) - 1));
  for (unsigned warp = 0; warp < own_warp; ++warp) place += of_warp[warp];
  __syncthreads();  // of_warp may be written again
  return place;
}

// dtable[ids[r]] += dy[r]. The block of the first row with an id finds the later ones, a tile of
// rows at a time, and adds all of them; the other blocks of this id leave. Reading rows^2 ids (from
// the cache, mostly) costs less than sorting them, and does not depend on the table's height.
__global__ void add_rows_of_one_id(float* dtable, float const* dy, int const* ids, int rows,
                                   int cols) {
  __shared__ int matches[threads_per_block];
  int const own = blockIdx.x, id = ids[own], thread = threadIdx.x, tile = blockDim.x;
  for (int begin = 0; begin < own; begin += tile) {
    int const r = begin + thread;
    if (__syncthreads_or(r < own && ids[r] == id)) return;  // an earlier row has it
  }
  float* const to = dtable + std::ptrdiff_t{id} * cols;
  for (std::ptrdiff_t begin = own; begin < rows; begin += tile) {
    std::ptrdiff_t const r = begin + thread;
    bool const match = r < rows && ids[r] == id;
    int const count = __syncthreads_count(match);  // also: matches may be written again
    if (count == 0) continue;
    unsigned const place = place_among_chosen(match);
    if (match) matches[place] = static_cast<int>(r);
    __syncthreads();
    for (int c = thread; c < cols; c += tile) {
      float sum = to[c];
      for (int m = 0; m < count; ++m) sum += dy[std::ptrdiff_t{matches[m]} * cols + c];
      to[c] = sum;
    }
  }
}

/// Throws DataError unless every id names a row of the table. Waits for the device.
inline void check_embedding_ids(Device& device, int const* ids, int rows, int table_rows) {
  unsigned const none = 0xffffffffu;
  check(cudaMemsetAsync(device.first_bad_row, 0xff, sizeof none, device.stream), "cudaMemset");
  start(device, find_bad_row, blocks_for(rows), threads_per_block, device.first_bad_row, ids, rows,
        table_rows);
  unsigned bad = none;
  copy_to_host(device, &bad, device.first_bad_row, sizeof bad);
  if (bad == none) return;
  int id = 0;
  copy_to_host(device, &id, ids + bad, sizeof id);
  throw DataError("embedding_backward: ids must lie in 0.." + std::to_string(table_rows - 1) +
                  " (id " + std::to_string(id) + " in row " + std::to_string(bad) + ")");
}

}  // namespace detail

// The ids are not checked: the table's height is not known here.
// A table in another format is refused.
void launch::embedding_forward(Device& device, float* y, Kept<float> table, int const* ids,
                               int rows, int cols) {
  auto const* const values = table.plain("cuda: embedding_forward");
  if (rows <= 0 || cols <= 0) return;
  detail::require_on_device("embedding_forward", {y, values, ids});
  detail::start(device, detail::look_up_rows, static_cast<unsigned>(rows),
                detail::threads_for_row(cols), y, values, ids, cols);
}

// Throws DataError, before it writes anything, unless all ids lie in [0, table_rows).
void launch::embedding_backward(Device& device, float* dtable, float const* dy, int const* ids,
                                int rows, int cols, int table_rows) {
  if (rows <= 0 || cols <= 0) return;
  detail::require_on_device("embedding_backward", {dtable, dy, ids});
  detail::check_embedding_ids(device, ids, rows, table_rows);
  detail::start(device, detail::add_rows_of_one_id, static_cast<unsigned>(rows),
                detail::threads_per_block, dtable, dy, ids, rows, cols);
}

}  // namespace moenda::cuda
