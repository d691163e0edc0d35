// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every CPU kernel. The only folder that knows Eigen and intrinsics.
#include "moenda/cpu/declarations.hpp"
#include "moenda/cpu/kernels/activations.hpp"
#include "moenda/cpu/kernels/adamw.hpp"
#include "moenda/cpu/kernels/attention.hpp"
#include "moenda/cpu/kernels/cross_entropy.hpp"
#include "moenda/cpu/kernels/dispatch.hpp"
#include "moenda/cpu/kernels/elementwise.hpp"
#include "moenda/cpu/kernels/embedding.hpp"
#include "moenda/cpu/kernels/layer_norm.hpp"
#include "moenda/cpu/kernels/matmul.hpp"
#include "moenda/cpu/kernels/plan.hpp"
#include "moenda/cpu/kernels/rms_norm.hpp"
#include "moenda/cpu/kernels/rope.hpp"
#include "moenda/cpu/kernels/routing_losses.hpp"
#include "moenda/cpu/kernels/softmax.hpp"
#include "moenda/cpu/kernels/top_k.hpp"
