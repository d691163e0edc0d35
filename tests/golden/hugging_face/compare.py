# SPDX-License-Identifier: Apache-2.0
"""Compares what `moenda logits` wrote for a folder with what transformers says in float32.

    moenda export RUN FOLDER
    moenda logits RUN --ids IDS.json --out OUT.safetensors
    venv/bin/python compare.py FOLDER IDS.json OUT.safetensors
"""
import json
import sys

import torch
import transformers
from safetensors.torch import load_file

folder, ids, out = sys.argv[1:]
model = transformers.AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float32, attn_implementation="eager",
    experts_implementation="eager").eval()
got = load_file(out)
farthest = 0.0
for i, text in enumerate(json.load(open(ids))):
    with torch.no_grad():
        wanted = model(torch.tensor([text])).logits[0]
    farthest = max(farthest, (wanted - got[f"logits.{i}"]).abs().max().item())
print(f"{type(model).__name__}: logits are at most {farthest:.2g} apart")
sys.exit(farthest > 1e-4)
