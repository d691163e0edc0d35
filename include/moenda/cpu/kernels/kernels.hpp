// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every CPU kernel. The only folder that knows Eigen and intrinsics.
#include "../backend.hpp"
#include "activations.hpp"
#include "adamw.hpp"
#include "attention.hpp"
#include "cross_entropy.hpp"
#include "dispatch.hpp"
#include "elementwise.hpp"
#include "embedding.hpp"
#include "layer_norm.hpp"
#include "matmul.hpp"
#include "plan.hpp"
#include "rms_norm.hpp"
#include "rope.hpp"
#include "routing_losses.hpp"
#include "softmax.hpp"
#include "top_k.hpp"
