# SPDX-License-Identifier: Apache-2.0
"""A trained Llama, written as transformers would save it, tells llama2.c's story: told_test.py
WRITE_FOLDER

Plain weights tell all of its 465 letters. Weights of bf16 and int8 go on differently near the end,
where two words are almost equally likely: transformers, given the weights rounded to bf16, leaves the
story at letter 429 with the same words as we.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "runner"))
from program import Place, end, expect


def tokenizer_of(path):
    """What llama2.c's file of pieces and scores is as a tokenizer.json."""
    raw, at, pieces = path.read_bytes(), 4, []
    while at < len(raw):
        score, size = struct.unpack_from("<fi", raw, at)
        pieces.append((raw[at + 8:at + 8 + size].decode().replace(" ", "\u2581"), score))
        at += 8 + size
    pieces[:3] = [("<unk>", 0), ("<s>", 0), ("</s>", 0)]
    vocab = {piece: id for id, (piece, _) in enumerate(pieces)}
    merges = [[piece[:cut], piece[cut:]]
              for piece, _ in sorted(pieces[259:], key=lambda each: -each[1])
              for cut in range(1, len(piece)) if piece[:cut] in vocab and piece[cut:] in vocab]
    special = [{"id": id, "content": piece, "special": True, "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False}
               for id, piece in enumerate(["<unk>", "<s>", "</s>"])]
    return {
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges, "unk_token": "<unk>",
                  "byte_fallback": True, "fuse_unk": True},
    }


write_folder = os.path.abspath(sys.argv.pop(1))  # then Place takes the program of the environment
data = os.environ.get("MOENDA_DATA")
if data is None:
    print("SKIP: stories260k needs the environment variable MOENDA_DATA")
    sys.exit(77)
data = pathlib.Path(data) / "stories260k"
expected = (data / "expected_greedy.txt").read_text().rstrip("\n")
with Place() as here:
    folder = here.path / "llama"
    subprocess.run([write_folder, data / "stories260K.bin", folder], check=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_of(data / "tok512.bin")))
    for weights, letters in [("fp32", len(expected)), ("bf16", 429), ("int8", 290)]:
        converted = here.path / weights
        done = here.run("convert", folder, converted, "--weights", weights)
        expect(done.returncode == 0, f"convert {weights}", done.stderr)
        done = here.run("generate", converted, "--prompt", "Once upon a time", "--max_tokens", 200,
                        "--generate.sampler.temperature=0")
        told = os.path.commonprefix([done.stdout, expected])
        expect(len(told) >= letters > 200, f"story in {weights}",
               f"the same for {len(told)} letters: {done.stdout!r} {done.stderr}")
end("stories260k told")
