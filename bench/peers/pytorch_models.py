# SPDX-License-Identifier: Apache-2.0
"""The two models of document 1 in plain PyTorch: a GPT-2 baseline and MoE-GQA.

They are the peers that Moenda is measured and checked against, so every parameter has the name
and the shape that Moenda gives it; `named_parameters()` needs no renaming table.

Run as a script, this file checks the parameter totals at the document's configuration.
"""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import precision


@dataclasses.dataclass(frozen=True)
class Config:
    """Sizes of a model. The defaults are the configuration printed in document 1."""

    vocab_size: int = 50257
    context_length: int = 256
    d_model: int = 512
    num_layers: int = 8
    num_heads: int = 8
    num_kv_heads: int = 4  # MoeGqa only
    head_dim: int = 64
    hidden: int = 2048  # Gpt2: width of the dense FFN
    num_experts: int = 4  # MoeGqa only
    top_k: int = 2  # MoeGqa only
    expert_hidden: int = 1024  # MoeGqa: width of one expert
    rope_base: float = 10000.0  # MoeGqa only
    layer_norm_eps: float = 1e-5
    rms_norm_eps: float = 1e-6
    # "sdpa" is PyTorch's fused attention; "explicit" spells the equation out, for golden files.
    attention: str = "sdpa"


def matrix(*shape: int) -> nn.Parameter:
    """A weight [out, in] (or a table [rows, width]); `initialize` fills it."""
    return nn.Parameter(torch.empty(*shape))


# ---- normalization ------------------------------------------------------------------------------


class LayerNorm(nn.Module):
    def __init__(self, width: int, eps: float):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.gain.shape, self.gain, self.bias, self.eps)


class RmsNorm(nn.Module):
    """y = x / sqrt(mean(x^2) + eps) * gain (Zhang and Sennrich 2019, equation 4, plus eps).

    Computed in the gain's type, so in float32 also where autocast hands over bfloat16.
    """

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x.to(self.gain.dtype), self.gain.shape, self.gain, self.eps)


# ---- position -----------------------------------------------------------------------------------


class LearnedPosition(nn.Module):
    def __init__(self, context_length: int, d_model: int):
        super().__init__()
        self.table = matrix(context_length, d_model)


class Rope(nn.Module):
    """Rotary positions (Su et al. 2021, equation 34), halves rotated: (x1, x2) by one angle.

    Channel i is paired with channel i + head_dim / 2; its angle is position * base^(-2i / head_dim).
    """

    def __init__(self, head_dim: int, context_length: int, base: float):
        super().__init__()
        half = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
        positions = torch.arange(context_length, dtype=torch.float64)
        angles = torch.outer(positions, base**-half)  # [context_length, head_dim / 2]
        default = torch.get_default_dtype()
        self.register_buffer("cos", angles.cos().to(default), persistent=False)
        self.register_buffer("sin", angles.sin().to(default), persistent=False)

    def forward(self, x: Tensor, first_position: int = 0) -> Tensor:
        """x [batch, heads, seq_len, head_dim]."""
        last = first_position + x.shape[-2]
        cos, sin = self.cos[first_position:last], self.sin[first_position:last]
        x1, x2 = x.chunk(2, dim=-1)
        return torch.cat((x1 * cos - x2 * sin, x2 * cos + x1 * sin), dim=-1).to(x.dtype)


# ---- attention ----------------------------------------------------------------------------------


def causal_attention(query: Tensor, key: Tensor, value: Tensor, form: str) -> Tensor:
    """query [batch, num_heads, seq_len, head_dim]; key, value have num_kv_heads heads instead.

    Query head h reads key/value head h / (num_heads / num_kv_heads).
    """
    group = query.shape[1] // key.shape[1]
    if group > 1:
        key = key.repeat_interleave(group, dim=1)
        value = value.repeat_interleave(group, dim=1)
    if form == "sdpa":
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    seq_len = query.shape[2]
    logits = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    future = torch.ones(seq_len, seq_len, dtype=torch.bool).triu(1)
    return logits.masked_fill(future, -math.inf).softmax(dim=-1) @ value


class Attention(nn.Module):
    """Causal attention without biases; grouped K/V heads, q/k norm and RoPE where asked for."""

    def __init__(self, config: Config, num_kv_heads: int, modern: bool):
        super().__init__()
        c = config
        self.head_dim = c.head_dim
        self.form = c.attention
        self.query = matrix(c.num_heads * c.head_dim, c.d_model)
        self.key = matrix(num_kv_heads * c.head_dim, c.d_model)
        self.value = matrix(num_kv_heads * c.head_dim, c.d_model)
        self.output = matrix(c.d_model, c.num_heads * c.head_dim)
        self.query_norm = RmsNorm(c.head_dim, c.rms_norm_eps) if modern else None
        self.key_norm = RmsNorm(c.head_dim, c.rms_norm_eps) if modern else None
        self.rope = Rope(c.head_dim, c.context_length, c.rope_base) if modern else None

    def split_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim))  # [batch, seq_len, heads, head_dim]

    def forward(self, x: Tensor) -> Tensor:
        query = self.split_heads(F.linear(x, self.query))
        key = self.split_heads(F.linear(x, self.key))
        value = self.split_heads(F.linear(x, self.value)).transpose(1, 2)
        if self.query_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        query, key = query.transpose(1, 2), key.transpose(1, 2)
        if self.rope is not None:
            query, key = self.rope(query), self.rope(key)
        # Under autocast the norms leave q and k wider than v; attention wants one type.
        y = causal_attention(query.to(value.dtype), key.to(value.dtype), value, self.form)
        return F.linear(y.transpose(1, 2).flatten(2), self.output)


# ---- feed-forward -------------------------------------------------------------------------------


class DenseFfn(nn.Module):
    """down(gelu(up(x))), the tanh form of GELU that GPT-2 uses."""

    def __init__(self, d_model: int, hidden: int):
        super().__init__()
        self.up = matrix(hidden, d_model)
        self.down = matrix(d_model, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.gelu(F.linear(x, self.up), approximate="tanh"), self.down)


class SwigluExpert(nn.Module):
    """down(silu(gate(x)) * up(x)) (Shazeer 2020, equation 6)."""

    def __init__(self, d_model: int, hidden: int):
        super().__init__()
        self.gate = matrix(hidden, d_model)
        self.up = matrix(hidden, d_model)
        self.down = matrix(d_model, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.silu(F.linear(x, self.gate)) * F.linear(x, self.up), self.down)


class Router(nn.Module):
    """Top-k on the raw logits, then softmax over the selected ones."""

    def __init__(self, num_experts: int, top_k: int, d_model: int):
        super().__init__()
        self.weight = matrix(num_experts, d_model)
        self.top_k = top_k
        self.logits: Tensor | None = None  # [tokens, num_experts] of the last forward, for checks

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [tokens, d_model] -> combine_weights, expert_indices, both [tokens, top_k]."""
        logits = F.linear(x, self.weight)
        self.logits = logits.detach()
        selected, expert_indices = logits.topk(self.top_k, dim=-1)
        return selected.softmax(dim=-1), expert_indices


def dispatch(expert_indices: Tensor, num_experts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Slots sorted by expert: which assignment each holds, its token, and tokens_per_expert.

    expert_indices [tokens, top_k]. One sort serves all experts, where a search per expert would
    read the table once for each of them.
    """
    flat = expert_indices.flatten()  # [slots]
    order = flat.argsort(stable=True)  # [slots]
    return order, order // expert_indices.shape[1], flat.bincount(minlength=num_experts)


def combine(slots: Tensor, combine_weights: Tensor, order: Tensor, token: Tensor,
            like: Tensor) -> Tensor:
    """y[t] = sum over the slots of token t of weight * slots[slot]."""
    weights = combine_weights.flatten().index_select(0, order)  # [slots]
    return torch.zeros_like(like).index_add(0, token, (slots * weights[:, None]).to(like.dtype))


class MoeFfn(nn.Module):
    """Dropless mixture: a loop over the experts, each run once on the tokens that chose it.

    index_select and index_add, because plain indexing takes 8 times as long on a CPU, most of it in
    its backward.
    """

    def __init__(self, config: Config):
        super().__init__()
        c = config
        self.router = Router(c.num_experts, c.top_k, c.d_model)
        self.experts = nn.ModuleList(
            SwigluExpert(c.d_model, c.expert_hidden) for _ in range(c.num_experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])  # [tokens, d_model]
        combine_weights, expert_indices = self.router(flat)
        order, token, tokens_per_expert = dispatch(expert_indices, len(self.experts))
        # Cast before the copy: half of the bytes, once for both of an expert's first products.
        rows = flat.to(precision.product_type(flat)).index_select(0, token)  # [slots, d_model]
        parts = rows.split(tokens_per_expert.tolist())
        slots = torch.cat([expert(part) for expert, part in zip(self.experts, parts)
                           if part.shape[0] > 0])
        return combine(slots, combine_weights, order, token, flat).view_as(x)


# ---- models -------------------------------------------------------------------------------------


class Layer(nn.Module):
    """x + attention(norm(x)), then x + ffn(norm(x))."""

    def __init__(self, attention_norm, attention, ffn_norm, ffn):
        super().__init__()
        self.attention_norm = attention_norm
        self.attention = attention
        self.ffn_norm = ffn_norm
        self.ffn = ffn

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.ffn(self.ffn_norm(x))


class Gpt2(nn.Module):
    """Document 1's baseline: pre-LayerNorm, multi-head attention, learned positions, untied head."""

    def __init__(self, config: Config):
        super().__init__()
        c = self.config = config
        self.embedding = matrix(c.vocab_size, c.d_model)
        self.position = LearnedPosition(c.context_length, c.d_model)
        self.layers = nn.ModuleList(
            Layer(
                LayerNorm(c.d_model, c.layer_norm_eps),
                Attention(c, num_kv_heads=c.num_heads, modern=False),
                LayerNorm(c.d_model, c.layer_norm_eps),
                DenseFfn(c.d_model, c.hidden),
            )
            for _ in range(c.num_layers)
        )
        self.final_norm = LayerNorm(c.d_model, c.layer_norm_eps)
        self.head = matrix(c.vocab_size, c.d_model)

    def forward(self, input_ids: Tensor) -> Tensor:
        """input_ids [batch, seq_len] -> logits [batch, seq_len, vocab_size]."""
        x = F.embedding(input_ids, self.embedding) + self.position.table[: input_ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.final_norm(x), self.head)


class MoeGqa(nn.Module):
    """Document 1's modern model: RMSNorm, grouped-query attention with q/k norm, RoPE, MoE."""

    def __init__(self, config: Config):
        super().__init__()
        c = self.config = config
        self.embedding = matrix(c.vocab_size, c.d_model)
        self.layers = nn.ModuleList(
            Layer(
                RmsNorm(c.d_model, c.rms_norm_eps),
                Attention(c, num_kv_heads=c.num_kv_heads, modern=True),
                RmsNorm(c.d_model, c.rms_norm_eps),
                MoeFfn(c),
            )
            for _ in range(c.num_layers)
        )
        self.final_norm = RmsNorm(c.d_model, c.rms_norm_eps)
        self.head = matrix(c.vocab_size, c.d_model)

    def forward(self, input_ids: Tensor) -> Tensor:
        """input_ids [batch, seq_len] -> logits [batch, seq_len, vocab_size]."""
        x = F.embedding(input_ids, self.embedding)
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.final_norm(x), self.head)


MODELS = {"gpt2": Gpt2, "moe_gqa": MoeGqa}
DOCUMENT_PARAMETERS = {"gpt2": 76_777_472, "moe_gqa": 108_112_384}


def initialize(model: nn.Module, seed: int, deviation: float = 0.02) -> None:
    """Matrices and tables ~ N(0, deviation^2), as GPT-2; gains stay 1 and biases 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(0.0, deviation, generator=generator)


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def next_token_loss(logits: Tensor, target_ids: Tensor) -> Tensor:
    """Mean cross entropy over all tokens, in at least float32."""
    flat = logits.flatten(0, 1)
    if flat.dtype == torch.bfloat16:
        flat = flat.float()
    return F.cross_entropy(flat, target_ids.flatten())


def weight_decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Decay every matrix and table; leave gains and biases alone."""
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def check_document_totals() -> None:
    for name, model_type in MODELS.items():
        with torch.device("meta"):  # shapes without memory
            total = num_parameters(model_type(Config()))
        expected = DOCUMENT_PARAMETERS[name]
        assert total == expected, f"{name}: {total} parameters, document 1 implies {expected}"
        print(f"{name}: {total:,} parameters")


if __name__ == "__main__":
    check_document_totals()
