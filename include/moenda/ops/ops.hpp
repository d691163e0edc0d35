// SPDX-License-Identifier: Apache-2.0
#pragma once
// All operations: each checks shapes, takes memory for its result and calls the backend's kernel.
#include "activation.hpp"
#include "add.hpp"
#include "attention.hpp"
#include "cross_entropy.hpp"
#include "dispatch.hpp"
#include "embedding.hpp"
#include "layer_norm.hpp"
#include "matmul.hpp"
#include "memory.hpp"
#include "position_table.hpp"
#include "rms_norm.hpp"
#include "rope.hpp"
#include "softmax.hpp"
#include "top_k.hpp"
