// SPDX-License-Identifier: Apache-2.0
#pragma once
// All operations: each checks shapes, takes memory for its result and calls the backend's kernel.
#include "moenda/ops/activation.hpp"
#include "moenda/ops/add.hpp"
#include "moenda/ops/attention.hpp"
#include "moenda/ops/cross_entropy.hpp"
#include "moenda/ops/dispatch.hpp"
#include "moenda/ops/embedding.hpp"
#include "moenda/ops/layer_norm.hpp"
#include "moenda/ops/matmul.hpp"
#include "moenda/ops/mean_pool.hpp"
#include "moenda/ops/memory.hpp"
#include "moenda/ops/position_table.hpp"
#include "moenda/ops/rms_norm.hpp"
#include "moenda/ops/rope.hpp"
#include "moenda/ops/softmax.hpp"
#include "moenda/ops/top_k.hpp"
