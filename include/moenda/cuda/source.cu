// SPDX-License-Identifier: Apache-2.0
#include "moenda/cuda/source.cuh"
