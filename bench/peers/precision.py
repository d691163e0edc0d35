# SPDX-License-Identifier: Apache-2.0
"""The ways in which PyTorch can multiply in bfloat16 on a CPU, under one option.

  bf16           autocast: weights, gradients and AdamW stay float32, matrix products and attention
                 run in bfloat16
  bf16_weights   everything is bfloat16, weights and AdamW as well: the least work, and a worse
                 model, because small updates round to nothing
  bf16_products  float32 tensors; each product rounds its factors to bfloat16
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

NAMES = ["fp32", "bf16", "bf16_weights", "bf16_products"]


def context(name: str) -> contextlib.AbstractContextManager:
    """What the forward pass runs in."""
    if name == "bf16":
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


def product_type(x: Tensor) -> torch.dtype:
    """The type that autocast would give the factors of a product."""
    return torch.bfloat16 if torch.is_autocast_enabled("cpu") else x.dtype


def prepare(name: str, model: nn.Module, x: Tensor | None = None) -> tuple[nn.Module, Tensor]:
    """The model, and its input if it has a floating one, in the types that `name` asks for."""
    if name == "bf16_products":
        torch.set_float32_matmul_precision("medium")
    if name == "bf16_weights":
        return model.to(torch.bfloat16), None if x is None else x.to(torch.bfloat16)
    return model, x
