# SPDX-License-Identifier: Apache-2.0
"""Safetensors files and folders of transformers, for tests, without any package."""
import array
import json
import pathlib
import shutil
import struct

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "hugging_face"
GPT2 = """
[data]
paths = ["text"]
[model]
context_length = 16
d_model = 16
num_layers = 2
tied_head = true
[model.block]
norm = { type = "layer" }
[model.block.attention]
type = "multi_head"
num_heads = 2
head_dim = 8
position = { type = "learned" }
[model.block.ffn]
type = "ffn"
hidden = 20
"""
CODES = {"F32": "f", "I64": "q"}


def cases():
    return sorted(path.parent.name for path in GOLDEN.glob("*/config.json"))


def header_of(path):
    """(header, where data begins)"""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:8 + length]), 8 + length


def read(path):
    """name -> (shape, numbers) of F32 and I64 tensors."""
    header, begin = header_of(path)
    raw = path.read_bytes()
    header.pop("__metadata__", None)
    tensors = {}
    for name, info in header.items():
        first, last = info["data_offsets"]
        if info["dtype"] in CODES:
            numbers = array.array(CODES[info["dtype"]], raw[begin + first:begin + last])
            tensors[name] = (info["shape"], numbers)
    return tensors


def rewrite(path, change):
    """Writes the file again with its header changed by change(header); data stays."""
    header, begin = header_of(path)
    data = path.read_bytes()[begin:]
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def poke(path, name, number, value):
    """Puts the bytes of a number into an F32 tensor."""
    header, begin = header_of(path)
    raw = bytearray(path.read_bytes())
    at = begin + header[name]["data_offsets"][0] + 4 * number
    raw[at:at + 4] = struct.pack("<f", value)
    path.write_bytes(raw)


def copy(case, to):
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(GOLDEN / case, to)
    return to


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
