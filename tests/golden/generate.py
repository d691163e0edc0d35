# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files: two tiny models, ten optimizer steps of each, and single pieces.

Everything is computed by PyTorch in float64. Weights and inputs are rounded to float32 first, so a
float32 program starts from exactly the stored numbers. See README.md for the list of tensors.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import struct
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "bench" / "peers"))
import pytorch_models as models  # noqa: E402

BATCH_SIZE, SEQ_LEN, STEPS = 3, 11, 10
LEARNING_RATE, BETAS, EPSILON, WEIGHT_DECAY, CLIP = 1e-2, (0.9, 0.95), 1e-8, 0.1, 1.0
# Chosen so that no token of any of the ten steps is near a tie; `check_margin` holds it to that.
SEEDS = {"gpt2": 1, "moe_gqa": 25}
SMALLEST_MARGIN = 1e-3
SIZES = {"vocab_size": 67, "context_length": 12, "d_model": 16, "num_layers": 2, "num_heads": 4,
         "head_dim": 4, "attention": "explicit"}
CONFIGS = {
    "gpt2": models.Config(**SIZES, num_kv_heads=4, hidden=32),
    "moe_gqa": models.Config(**SIZES, num_kv_heads=2, num_experts=4, top_k=2, expert_hidden=12),
}
USED_KEYS = {
    "gpt2": ["hidden", "layer_norm_eps"],
    "moe_gqa": ["num_kv_heads", "num_experts", "top_k", "expert_hidden", "rope_base",
                "rms_norm_eps"],
}
COMMON_KEYS = ["vocab_size", "context_length", "d_model", "num_layers", "num_heads", "head_dim"]


# ---- file format --------------------------------------------------------------------------------


def write_safetensors(path: pathlib.Path, tensors: dict[str, Tensor], metadata: dict) -> None:
    """Header keys in a fixed order: the safetensors package shuffles metadata between runs."""
    names = {torch.float64: "F64", torch.int64: "I64"}
    header = {"__metadata__": {key: str(metadata[key]) for key in sorted(metadata)}}
    body = b""
    for name in sorted(tensors):
        value = tensors[name].detach().contiguous()
        data = value.numpy().astype(value.numpy().dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": names[value.dtype], "shape": list(value.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    assert path.stat().st_size < 300_000, f"{path.name}: {path.stat().st_size} bytes, limit 300000"
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")


class Source:
    """Random numbers that are exact in float32, as float64 tensors."""

    def __init__(self, seed: int):
        self.generator = numpy.random.Generator(numpy.random.PCG64(seed))

    def normal(self, *shape: int, deviation: float = 1.0, mean: float = 0.0) -> Tensor:
        values = mean + deviation * self.generator.standard_normal(shape)
        return torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64))

    def ids(self, *shape: int, limit: int) -> Tensor:
        return torch.from_numpy(self.generator.integers(0, limit, shape, dtype=numpy.int64))


# ---- whole models -------------------------------------------------------------------------------


def fill(model: torch.nn.Module, source: Source) -> None:
    """Larger than a real initialization, so that every term of a gradient is visible."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            mean = 1.0 if name.endswith("gain") else 0.0
            parameter.copy_(source.normal(*parameter.shape, deviation=0.3, mean=mean))


def routers(model: torch.nn.Module) -> list[models.Router]:
    return [module for module in model.modules() if isinstance(module, models.Router)]


def check_margin(model: torch.nn.Module) -> float:
    """The gap between the last selected and the first rejected logit, over the last forward."""
    smallest = math.inf
    for router in routers(model):
        ordered = router.logits.sort(dim=-1, descending=True).values
        gap = ordered[:, router.top_k - 1] - ordered[:, router.top_k]
        smallest = min(smallest, gap.min().item())
    assert smallest > SMALLEST_MARGIN, f"router margin {smallest:.2e}: choose another seed"
    return smallest


def sequences(source: Source, vocab_size: int, *batches: int) -> tuple[Tensor, Tensor]:
    """Input ids and the same sequence one token later, each [*batches, BATCH_SIZE, SEQ_LEN]."""
    ids = source.ids(*batches, BATCH_SIZE, SEQ_LEN + 1, limit=vocab_size)
    return ids[..., :-1].contiguous(), ids[..., 1:].contiguous()


def forward_and_backward(model: torch.nn.Module, input_ids: Tensor, target_ids: Tensor) -> dict:
    result: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_hook(
            lambda _module, _input, output, number=number: result.update(
                {f"layer_output.{number}": output.detach().clone()}))
        for number, layer in enumerate(model.layers)
    ]
    logits = model(input_ids)
    for hook in hooks:
        hook.remove()
    loss = models.next_token_loss(logits, target_ids)
    loss.backward()
    result |= {"input_ids": input_ids, "target_ids": target_ids, "logits": logits, "loss": loss}
    for number, router in enumerate(routers(model)):
        result[f"router_logits.{number}"] = router.logits
        result[f"expert_indices.{number}"] = router.logits.topk(router.top_k, dim=-1).indices
    for name, parameter in model.named_parameters():
        result[f"param.{name}"] = parameter.detach().clone()
        result[f"grad.{name}"] = parameter.grad.clone()
    return result


def optimizer_steps(model: torch.nn.Module, inputs: Tensor, targets: Tensor) -> dict:
    """Ten AdamW steps; losses are taken before each step, norms before clipping."""
    groups = models.weight_decay_groups(model, WEIGHT_DECAY)
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, foreach=False)
    losses, norms, margin = [], [], math.inf
    for input_ids, target_ids in zip(inputs, targets):
        optimizer.zero_grad()
        loss = models.next_token_loss(model(input_ids), target_ids)
        loss.backward()
        # An expert without tokens would have no gradient at all, and AdamW would not decay it.
        assert all(p.grad is not None for p in model.parameters()), "an expert got no token"
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP, foreach=False))
        optimizer.step()
        losses.append(loss.detach())
        margin = min(margin, check_margin(model))
    print(f"  losses {losses[0]:.4f} -> {losses[-1]:.4f}, gradient norms {min(norms):.3f} to "
          f"{max(norms):.3f}, smallest router margin {margin:.2e}")
    result = {"adamw_losses": torch.stack(losses), "adamw_grad_norms": torch.stack(norms),
              "adamw_input_ids": inputs, "adamw_target_ids": targets}
    for name, parameter in model.named_parameters():
        result[f"step10.{name}"] = parameter.detach().clone()
    return result


def check_against_fused_attention(name: str, model: torch.nn.Module, golden: dict) -> None:
    """PyTorch's own attention must agree with the spelled-out equation."""
    other = models.MODELS[name](dataclasses.replace(CONFIGS[name], attention="sdpa"))
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        difference = (other(golden["input_ids"]) - golden["logits"]).abs().max().item()
    assert difference < 1e-12, f"{name}: explicit and fused attention differ by {difference:.2e}"


def write_model(name: str) -> None:
    config, source = CONFIGS[name], Source(SEEDS[name])
    model = models.MODELS[name](config)
    fill(model, source)
    golden = forward_and_backward(model, *sequences(source, config.vocab_size))
    check_margin(model)
    check_against_fused_attention(name, model, golden)
    golden |= optimizer_steps(model, *sequences(source, config.vocab_size, STEPS))
    metadata = {key: getattr(config, key) for key in COMMON_KEYS + USED_KEYS[name]}
    metadata |= {"model": name, "seed": SEEDS[name], "steps": STEPS, "batch_size": BATCH_SIZE,
                 "seq_len": SEQ_LEN, "learning_rate": LEARNING_RATE, "beta1": BETAS[0],
                 "beta2": BETAS[1], "epsilon": EPSILON, "weight_decay": WEIGHT_DECAY,
                 "clip_norm": CLIP, "qk_norm": str(name == "moe_gqa").lower()}
    write_safetensors(FOLDER / f"{name}.safetensors", golden, metadata)


# ---- single pieces ------------------------------------------------------------------------------


class Pieces:
    """Collects `<piece>.<name>` tensors: the inputs, y, dy, and d<input> for every input."""

    def __init__(self, seed: int):
        self.source = Source(seed)
        self.tensors: dict[str, Tensor] = {}

    def add(self, piece: str, function, inputs: dict[str, Tensor], **constants: Tensor) -> None:
        leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
        y = function(*leaves.values())
        dy = self.source.normal(*y.shape)
        gradients = torch.autograd.grad(y, list(leaves.values()), dy)
        values = inputs | constants | {"y": y, "dy": dy}
        values |= {f"d{name}": value for name, value in zip(inputs, gradients)}
        self.tensors |= {f"{piece}.{name}": value for name, value in values.items()}


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    return x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-6) * gain


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-5) * gain + bias


def gelu_tanh(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def swiglu(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return (F.silu(x @ gate.T) * (x @ up.T)) @ down.T


def rope_at(first_position: int):
    rope = models.Rope(head_dim=6, context_length=16, base=10000.0)
    # x [batch, seq_len, heads, head_dim]
    return lambda x: rope(x.transpose(1, 2), first_position).transpose(1, 2)


def grouped_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """query [batch, seq_len, num_heads, head_dim]; key, value [.., num_kv_heads, head_dim]."""
    heads_first = (x.transpose(1, 2) for x in (query, key, value))
    return models.causal_attention(*heads_first, "explicit").transpose(1, 2)


ROUTER_TOP_K = 2


def router_weights(mode: str):
    """Dense combine weights [tokens, num_experts], zero where an expert was not selected."""

    def weights(logits: Tensor) -> Tensor:
        if mode == "softmax_over_selected":
            values, indices = logits.topk(ROUTER_TOP_K, dim=-1)
            values = values.softmax(dim=-1)
        else:
            values, indices = logits.softmax(dim=-1).topk(ROUTER_TOP_K, dim=-1)
            if mode == "softmax_first_renormalised":
                values = values / values.sum(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, indices, values)

    return weights


def add_routers(pieces: Pieces) -> None:
    logits = pieces.source.normal(7, 5, deviation=1.5)
    ordered, indices = logits.sort(dim=-1, descending=True)
    assert (ordered[:, :-1] - ordered[:, 1:]).min() > SMALLEST_MARGIN, "router: near tie"
    for mode in ("softmax_over_selected", "softmax_first_renormalised", "softmax_first"):
        pieces.add(f"router.{mode}", router_weights(mode), {"logits": logits},
                   expert_indices=indices[:, :ROUTER_TOP_K])


def add_attention_layer(pieces: Pieces) -> None:
    """Projections, q/k norm, RoPE and grouped attention together, gradients of all weights."""
    sizes = dataclasses.replace(CONFIGS["moe_gqa"], d_model=10)
    layer = models.Attention(sizes, num_kv_heads=2, modern=True)
    fill(layer, pieces.source)
    weights = {name: value.detach() for name, value in layer.named_parameters()}

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(layer, dict(zip(weights, values)), (x,))

    pieces.add("attention_layer", run, {"x": pieces.source.normal(2, 5, 10)} | weights)


def write_pieces() -> None:
    pieces = Pieces(seed=7)
    normal = pieces.source.normal
    gain = {"gain": normal(8, deviation=0.3, mean=1.0)}
    rows = torch.cat((normal(4, 8), normal(1, 8, deviation=1e-3), normal(1, 8, deviation=1e3)))
    pieces.add("rms_norm", rms_norm, {"x": rows} | gain)
    pieces.add("layer_norm", layer_norm, {"x": rows} | gain | {"bias": normal(8, deviation=0.3)})
    edges = torch.tensor([0.0, 1e-3, -1e-3, 0.5, -0.5, 3.0, -3.0, 10.0, -10.0, 40.0, -40.0])
    x = torch.cat((edges.float().double(), normal(13, deviation=2.0)))
    pieces.add("gelu_tanh", gelu_tanh, {"x": x})
    pieces.add("silu", lambda value: value * torch.sigmoid(value), {"x": x})
    pieces.add("swiglu", swiglu, {"x": normal(5, 8), "gate": normal(12, 8, deviation=0.5),
                                  "up": normal(12, 8, deviation=0.5),
                                  "down": normal(8, 12, deviation=0.5)})
    heads = normal(2, 5, 3, 6)
    pieces.add("rope", rope_at(0), {"x": heads})
    pieces.add("rope_from_7", rope_at(7), {"x": heads})
    pieces.add("grouped_attention", grouped_attention,
               {"query": normal(2, 5, 4, 6), "key": normal(2, 5, 2, 6), "value": normal(2, 5, 2, 6)})
    add_attention_layer(pieces)
    add_routers(pieces)
    metadata = {"rms_norm_eps": 1e-6, "layer_norm_eps": 1e-5, "rope_base": 10000.0,
                "router_top_k": ROUTER_TOP_K, "rope_from_7_first_position": 7,
                "attention_layer_num_heads": 4, "attention_layer_num_kv_heads": 2,
                "attention_layer_head_dim": 4}
    write_safetensors(FOLDER / "pieces.safetensors", pieces.tensors, metadata)


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)  # sums in one order
    torch.use_deterministic_algorithms(True)
    models.check_document_totals()
    for name in models.MODELS:
        write_model(name)
    write_pieces()


if __name__ == "__main__":
    main()
