# SPDX-License-Identifier: Apache-2.0
"""Times one mixture-of-experts layer of PyTorch, forward and backward, as bench/moe_layer.cpp does.

Prints one line of JSON per case. The variants:
  loop     a Python loop over the experts, each on its slice of the sorted tokens
  grouped  torch.nn.functional.grouped_mm over the sorted tokens
  padded   one batched product; every expert is padded to the tokens of the busiest one
  dense    a SwiGLU network of equal active FLOPs and no router
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import precision
import pytorch_models as models

D_MODEL, ACTIVE_HIDDEN = 512, 2048
GOLDEN_RATIO = 0.6180339887498949
DIRECTION = 16.0  # how far a token lies along the axes of its experts: far beyond the noise of 1


def visit_shares(experts: int, top_k: int, load: str) -> list[float]:
    """For every expert, the share of the tokens that visit it: they sum to top_k, none above 1.

    balanced: all equal. zipf: expert e in proportion to 1 / (e + 1), where that stays below 1.
    """
    weights = [1.0 / (e + 1) if load == "zipf" else 1.0 for e in range(experts)]
    full = 0  # the first `full` experts see every token
    while True:
        rest = sum(weights[full:])
        scale = (top_k - full) / rest if rest > 0 else 0.0
        if full == experts or weights[full] * scale <= 1:
            return [1.0] * full + [w * scale for w in weights[full:]]
        full += 1


def choose_experts(tokens: int, experts: int, top_k: int, load: str) -> list[list[int]]:
    """The experts of every token, by systematic sampling (Madow 1949).

    Token t takes the experts in whose intervals of the running sum of shares the numbers u, u + 1,
    ... lie; u walks through [0, 1) by the golden ratio, so every share is met almost exactly.
    bench/moe_layer.cpp does the same arithmetic.
    """
    shares = visit_shares(experts, top_k, load)
    chosen = []
    for t in range(tokens):
        u = t * GOLDEN_RATIO
        u -= int(u)
        row, expert, end = [], 0, shares[0]
        for j in range(top_k):
            while u + j >= end and expert < experts - (top_k - j):
                expert += 1
                end += shares[expert]
            row.append(expert)
            expert += 1
            end += shares[expert] if expert < experts else 0.0
        chosen.append(row)
    return chosen


def inputs(tokens: int, experts: int, top_k: int, load: str) -> Tensor:
    """Noise, plus DIRECTION along one axis per expert that the token shall visit."""
    x = torch.randn(tokens, D_MODEL, generator=torch.Generator().manual_seed(1))
    if experts > 0:
        chosen = torch.tensor(choose_experts(tokens, experts, top_k, load))
        x.scatter_add_(1, chosen, torch.full(chosen.shape, DIRECTION))
    return x


class StackedMoe(nn.Module):
    """The mixture with the weights of all experts in one tensor per projection."""

    def __init__(self, config: models.Config):
        super().__init__()
        c = config
        self.router = models.Router(c.num_experts, c.top_k, c.d_model)
        self.gate = models.matrix(c.num_experts, c.expert_hidden, c.d_model)
        self.up = models.matrix(c.num_experts, c.expert_hidden, c.d_model)
        self.down = models.matrix(c.num_experts, c.d_model, c.expert_hidden)


class GroupedMoe(StackedMoe):
    def forward(self, x: Tensor) -> Tensor:
        combine_weights, expert_indices = self.router(x)
        order, token, tokens_per_expert = models.dispatch(expert_indices, self.gate.shape[0])
        ends = tokens_per_expert.cumsum(0).to(torch.int32)

        def product(rows: Tensor, weight: Tensor) -> Tensor:
            # grouped_mm is not on autocast's list, so the cast is spelled out.
            return F.grouped_mm(rows, weight.to(rows.dtype).transpose(1, 2), offs=ends)

        rows = x.to(precision.product_type(x)).index_select(0, token)
        h = F.silu(product(rows, self.gate)) * product(rows, self.up)
        return models.combine(product(h, self.down), combine_weights, order, token, x)


class PaddedMoe(StackedMoe):
    def forward(self, x: Tensor) -> Tensor:
        combine_weights, expert_indices = self.router(x)
        experts = self.gate.shape[0]
        order, token, tokens_per_expert = models.dispatch(expert_indices, experts)
        widest = int(tokens_per_expert.max())
        begin = tokens_per_expert.cumsum(0) - tokens_per_expert  # [experts]
        expert = torch.arange(experts).repeat_interleave(tokens_per_expert)  # [slots]
        place = torch.arange(len(order)) - begin[expert] + expert * widest  # [slots]
        gathered = x.to(precision.product_type(x)).index_select(0, token)  # [slots, d_model]
        rows = torch.zeros(experts * widest, x.shape[1], dtype=gathered.dtype)
        rows = rows.index_copy(0, place, gathered).view(experts, widest, -1)
        h = F.silu(rows @ self.gate.transpose(1, 2)) * (rows @ self.up.transpose(1, 2))
        slots = (h @ self.down.transpose(1, 2)).flatten(0, 1).index_select(0, place)
        return models.combine(slots, combine_weights, order, token, x)


VARIANTS = {"loop": models.MoeFfn, "grouped": GroupedMoe, "padded": PaddedMoe}


def build(variant: str, experts: int, top_k: int) -> nn.Module:
    if variant == "dense":
        layer = models.SwigluExpert(D_MODEL, ACTIVE_HIDDEN)
    else:
        layer = VARIANTS[variant](models.Config(num_experts=experts, top_k=top_k, d_model=D_MODEL,
                                                expert_hidden=ACTIVE_HIDDEN // top_k))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.035, 0.035)
        if variant != "dense":  # the logit of expert e is the token's entry e
            layer.router.weight.copy_(torch.eye(experts, D_MODEL))
    return layer


def time_layer(layer: nn.Module, x: Tensor, arguments: argparse.Namespace) -> list[float]:
    dy = torch.randn(x.shape, generator=torch.Generator().manual_seed(2)).to(x.dtype)
    x.requires_grad_()
    forward = torch.compile(layer) if arguments.compile else layer
    seconds, begin = [], None
    while len(seconds) < arguments.warmup + arguments.repetitions or (
            time.perf_counter() - begin < arguments.seconds):
        start = time.perf_counter()
        with precision.context(arguments.precision):
            y = forward(x)
        y.backward(dy.to(y.dtype))
        for tensor in (x, *layer.parameters()):
            tensor.grad = None
        seconds.append(time.perf_counter() - start)
        if len(seconds) == arguments.warmup:
            begin = time.perf_counter()
    return seconds[arguments.warmup:]


def measure(variant: str, tokens: int, experts: int, top_k: int, load: str,
            arguments: argparse.Namespace) -> dict:
    layer = build(variant, experts, top_k)
    x = inputs(tokens, experts, top_k, load)
    layer, x = precision.prepare(arguments.precision, layer, x)
    seconds = time_layer(layer, x, arguments)
    tokens_per_expert = []
    if variant != "dense":
        selected = layer.router.logits.topk(top_k, dim=-1).indices
        tokens_per_expert = selected.flatten().bincount(minlength=experts).tolist()
    median = statistics.median(seconds)
    return {
        "peer": "pytorch", "variant": variant,
        "form": "compile" if arguments.compile else "eager", "precision": arguments.precision,
        "threads": arguments.threads, "tokens": tokens, "d_model": D_MODEL, "experts": experts,
        "top_k": top_k, "hidden": ACTIVE_HIDDEN // max(1, top_k), "load": load,
        "tokens_per_expert": tokens_per_expert, "repetitions": len(seconds), "seconds": median,
        "seconds_smallest": min(seconds), "seconds_largest": max(seconds),
        "gflops": 18e-9 * tokens * D_MODEL * ACTIVE_HIDDEN / median,
        "load_average": round(os.getloadavg()[0], 2), "torch": torch.__version__,
    }


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", default="loop,grouped,padded,dense")
    parser.add_argument("--tokens", type=numbers, default=[2048], help="such as 1,64,2048")
    parser.add_argument("--experts", type=numbers, default=[8])
    parser.add_argument("--top_k", type=numbers, default=[2])
    parser.add_argument("--loads", default="balanced", help="balanced, zipf or balanced,zipf")
    parser.add_argument("--precision", choices=precision.NAMES, default="fp32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--compile", action="store_true", help="torch.compile the layer")
    parser.add_argument("--warmup", type=int, default=2, help="at least 1")
    parser.add_argument("--repetitions", type=int, default=5, help="at least this many")
    parser.add_argument("--seconds", type=float, default=0.3, help="and for this long")
    arguments = parser.parse_args()
    unknown = set(arguments.variants.split(",")) - {*VARIANTS, "dense"}
    if unknown:
        parser.error(f"--variants must be among {', '.join(VARIANTS)}, dense; got {unknown}")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    for variant in arguments.variants.split(","):
        cases = itertools.product(arguments.experts, arguments.top_k, arguments.loads.split(","))
        if variant == "dense":
            cases = [(0, 0, "none")]
        for (experts, top_k, load), tokens in itertools.product(cases, arguments.tokens):
            if top_k <= experts:
                result = measure(variant, tokens, experts, top_k, load, arguments)
                print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
