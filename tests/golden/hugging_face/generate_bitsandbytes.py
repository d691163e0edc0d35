# SPDX-License-Identifier: Apache-2.0
"""Writes the checkpoints that bitsandbytes quantised: of cases of generate.py, as transformers saves them.

    python3 -m venv venv && venv/bin/pip install 'torch>=2.15' 'transformers==5.24.0' \
        accelerate safetensors bitsandbytes==0.50.2
    env -u OPENBLAS_CORETYPE venv/bin/python generate_bitsandbytes.py

`expected.safetensors` is as generate.py says. Its logits are those of a plain model whose matrices are
what `dequantize_4bit` makes of the saved codes: `Linear4bit` itself may round statistics on the way.
"""
import json
import pathlib

import bitsandbytes.functional as bnb
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

HERE = pathlib.Path(__file__).resolve().parent
CONTINUED = 6


def plain_values(model):
    """name -> matrix of every quantised one."""
    return {f"{name}.weight": bnb.dequantize_4bit(module.weight.data, module.weight.quant_state)
            for name, module in model.named_modules() if isinstance(module, Linear4bit)}


@torch.no_grad()
def make(case, name, double):
    how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4",
                             bnb_4bit_use_double_quant=double, bnb_4bit_compute_dtype=torch.float32)
    read = dict(dtype=torch.float32, attn_implementation="eager")
    quantised = AutoModelForCausalLM.from_pretrained(HERE / case, quantization_config=how,
                                                     device_map="cpu", **read)
    folder = HERE / name
    quantised.save_pretrained(folder, max_shard_size="20KB")
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config.pop("transformers_version", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    model = AutoModelForCausalLM.from_pretrained(HERE / case, **read).eval()
    values = plain_values(quantised)
    assert values
    model.load_state_dict({**model.state_dict(), **values})
    tensors = load_file(HERE / case / "expected.safetensors")
    for i, length in enumerate(tensors["prompts"].tolist()):
        ids = tensors[f"ids.{i}"][None, :length]
        for _ in range(CONTINUED):
            ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
        tensors[f"ids.{i}"] = ids[0]
        logits = model(ids).logits[0].float().contiguous()
        top = logits.topk(2).values
        assert (top[:, 0] - top[:, 1]).min() > 1e-3, name
        tensors[f"logits.{i}"] = logits
    save_file(tensors, folder / "expected.safetensors")
    for path in folder.iterdir():
        path.chmod(0o644)
    print(name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


make("qwen3", "qwen3_nf4", False)
make("mistral", "mistral_nf4_double", True)
