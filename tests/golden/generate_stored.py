# SPDX-License-Identifier: Apache-2.0
"""Writes stored.safetensors: numbers in 4 and 8 bits as bitsandbytes and GGUF's own package keep them.

    python3 -m venv venv && venv/bin/pip install -r ../../bench/peers/requirements.txt
    venv/bin/pip install bitsandbytes==0.50.2 gguf==0.19.0
    env -u OPENBLAS_CORETYPE venv/bin/python generate_stored.py
"""

from __future__ import annotations

import pathlib

import bitsandbytes.functional as bnb
import gguf
import numpy
import torch
from gguf import quants
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parent
NF4 = bnb.get_4bit_type("nf4", device="cpu").float()


def matrices() -> dict[str, torch.Tensor]:
    """Whole blocks, a last block of fewer, odd counts, zeros, tiny numbers, thresholds."""
    random = torch.Generator().manual_seed(5)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random) * 0.05

    thresholds = (NF4[:-1] + NF4[1:]) / 2
    edges = torch.cat([torch.ones(1), thresholds, torch.nextafter(thresholds, torch.ones(15)),
                       torch.nextafter(thresholds, -torch.ones(15)), NF4, torch.zeros(2)])
    zeros = normal(3, 64)
    zeros[1] = 0
    large = torch.cat([normal(1, 64) * 1e30, normal(1, 64) * 3e-39, normal(1, 64) * 1e-44])
    return {
        "whole": normal(8, 128),
        "odd": normal(7, 37),
        "one": normal(1, 1),
        "edges": torch.cat([edges, edges * 0.37]).reshape(2, 64),
        "zeros": zeros,
        "zeros_at_the_end": torch.cat([normal(64), torch.zeros(5)]).reshape(1, 69),
        "large": large,
        "many_blocks": normal(260, 64) * torch.logspace(-3, 1, 260).reshape(260, 1),
    }


def main() -> None:
    out: dict[str, torch.Tensor] = {}
    for name, x in matrices().items():
        out[f"{name}.x"] = x.clone()
        for kind, double in (("nf4", False), ("nf4_double", True)):
            codes, state = bnb.quantize_4bit(x, blocksize=64, quant_type="nf4", compress_statistics=double)
            out[f"{name}.{kind}.codes"] = codes.reshape(-1).clone()
            out[f"{name}.{kind}.scales"] = state.absmax.clone()
            if name != "many_blocks" or double:
                out[f"{name}.{kind}.values"] = bnb.dequantize_4bit(codes, state).reshape(x.shape).clone()
            if double:
                out[f"{name}.{kind}.offset"] = state.offset.reshape(1).clone()
                out[f"{name}.{kind}.largest"] = state.state2.absmax.clone()
                out["byte_values"] = state.state2.code.clone()
        # GGUF has rows of whole blocks alone, and scales in half precision.
        if x.shape[1] % 32 == 0 and name not in ("large", "many_blocks"):
            for kind, of in (("int8", gguf.GGMLQuantizationType.Q8_0), ("int4", gguf.GGMLQuantizationType.Q4_0)):
                packed = quants.quantize(x.numpy(), of)
                out[f"{name}.{kind}.codes"] = torch.from_numpy(packed.reshape(-1).copy())
                values = quants.dequantize(packed, of).astype(numpy.float32)
                out[f"{name}.{kind}.values"] = torch.from_numpy(values.copy())
    save_file(out, FOLDER / "stored.safetensors")


if __name__ == "__main__":
    main()
