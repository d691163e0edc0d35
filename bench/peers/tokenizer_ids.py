#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids and decoded texts against the library `tokenizers`, on long texts, and the speed of both.

usage: tokenizer_ids.py PROGRAM DATA [--megabytes 5] [--vocabulary 16000] [--work FOLDER] [--shape NAME...]

PROGRAM is bench/tokenize_file, built; DATA the folder of corpora (tools/get_data). Eight shapes of
tokenizers (tests/golden/tokenizer_shapes.py) are trained on the texts. Needs: pip install tokenizers==0.23.3
"""
import argparse
import array
import os
import pathlib
import random
import subprocess
import sys
import sysconfig
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "golden"))
from generate_tokenizers import TEXTS  # noqa: E402
from tokenizer_shapes import SHAPES  # noqa: E402


def joined(paths, size):
    text, length = [], 0
    for path in sorted(paths):
        if length >= size:
            break
        part = path.read_bytes().decode("utf-8", errors="replace")
        text.append(part)
        length += len(part.encode())
    return "".join(text).encode()[:size].decode("utf-8", errors="ignore")


def nasty(size):
    """Every code point, marks in all orders, runs of space, pieces of the golden texts, special tokens."""
    chance = random.Random(1)
    points = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    marks = [chr(code) for code in [*range(0x300, 0x370), *range(0x591, 0x5BE), *range(0x8CA, 0x900),
                                    *range(0x1AB0, 0x1ACF), *range(0x1DC0, 0x1E00), 0x9FE, 0xD3B, 0x3099]]
    bases = "aeiouAEIOUcnyqxΑαѝй가각ㄱ각कড়ে்ߊ𑄮"
    spaces = " \t\n\r\v\f\u00a0\u0085\u1680\u180e\u2003\u2028\u2029\u202f\u205f\u3000\u200b\u200d\ufeff"
    basic = [point for point in points if ord(point) < 0x3100]
    parts, length = ["".join(points)], 4_390_000
    kinds = [lambda: "".join(chance.choices(points, k=20)),
             lambda: "".join(chance.choices(basic, k=40)),
             lambda: chance.choice(bases) + "".join(chance.choices(marks, k=chance.randint(0, 6))),
             lambda: "".join(chance.choices(spaces, k=chance.randint(1, 9))),
             lambda: chance.choice(spaces) * chance.randint(1, 200),
             lambda: chance.choice(TEXTS),
             lambda: "".join(map(chr, (chance.randint(33, 126) for _ in range(chance.randint(1, 30))))),
             lambda: chance.choice("abcé界") * chance.randint(1, 300),
             lambda: "<" + chance.choice(["s", "/s", "unk", "mask", "r", "bos", "0x41", "|eot_id|"]) + ">"]
    if size < length:
        parts, length = [], 0
    while length < size:
        part = chance.choice(kinds)()
        parts.append(part)
        length += len(part.encode())
    return "".join(parts)


def corpora(data, size):
    python = pathlib.Path(sysconfig.get_path("stdlib")).rglob("*.py")
    return {"portuguese": joined(data.glob("pt-*/*.txt"), size),
            "english": joined(data.glob("en-*/*.txt"), size),
            "python": joined((path for path in python if "site-packages" not in str(path)), size),
            "nasty": nasty(size),
            "no_spaces": ("".join(joined(data.glob("pt-*/*.txt"), 2 * size).split()))[:size],
            "one_letter": "a" * size, "blanks": " " * size, "lines": "\n" * (size // 5)}


def first_difference(ours, theirs):
    for i, (left, right) in enumerate(zip(ours, theirs)):
        if left != right:
            return i
    return min(len(ours), len(theirs))


def compare(program, tokenizer, folder, name, text):
    """(equal ids, equal text, their seconds, our seconds, ids)"""
    file, ids_file, text_file = folder / "text", folder / "ids", folder / "decoded"
    file.write_bytes(text.encode())
    done = subprocess.run([program.resolve(), folder, file, ids_file, text_file], capture_output=True, text=True)
    begin = time.perf_counter()
    try:
        theirs = tokenizer.encode(text).ids
    except BaseException as error:  # the library panics where its own engine gives up
        print(f"  {name}: `tokenizers` gives up ({str(error)[:80]}); ours: "
              f"{done.stdout.strip() or done.stderr.strip()}", flush=True)
        return None
    middle = time.perf_counter()
    decoded = tokenizer.decode(theirs)
    end = time.perf_counter()
    if done.returncode != 0:
        print(f"  {name}: {done.stderr.strip()}", flush=True)
        return None
    ours = array.array("i", ids_file.read_bytes()).tolist()
    back = text_file.read_bytes().decode("utf-8")
    if ours != theirs:
        at = first_difference(ours, theirs)
        print(f"  {name}: ids differ from {at} on: ours {ours[at:at + 8]} "
              f"{tokenizer.decode(ours[max(0, at - 3):at + 8])!r}, theirs {theirs[at:at + 8]} "
              f"{tokenizer.decode(theirs[max(0, at - 3):at + 8])!r}", flush=True)
    if back != decoded:
        at = first_difference(back, decoded)
        print(f"  {name}: texts differ at {at}: {back[at:at + 20]!r}, {decoded[at:at + 20]!r}", flush=True)
    load, encode, decode, _ = map(float, done.stdout.split())
    megabytes = len(text.encode()) / 1e6
    print(f"  {name:11} {megabytes:5.2f} MB {len(theirs):9,} ids {'equal' if ours == theirs else 'DIFFER'}; texts "
          f"{'equal' if back == decoded else 'DIFFER'}; MB/s encode {megabytes / encode:7.2f} ({megabytes / (middle - begin):6.2f}), "
          f"decode {megabytes / decode:7.2f} ({megabytes / (end - middle):6.2f}); load {load:.3f} s", flush=True)
    return ours == theirs and back == decoded


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--megabytes", type=float, default=5)
    parser.add_argument("--vocabulary", type=int, default=16000)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "tokenizer_ids")
    parser.add_argument("--shape", nargs="*", default=list(SHAPES))
    asked = parser.parse_args()
    texts = corpora(asked.data, int(asked.megabytes * 1e6))
    samples = [line for name in ("portuguese", "english", "python")
               for line in texts[name][:1_500_000].split("\n")] + texts["nasty"][-200_000:].split("\n")
    equal = compared = 0
    for shape in asked.shape:
        tokenizer = SHAPES[shape](samples, asked.vocabulary)
        folder = asked.work / shape
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / "tokenizer.json"))
        print(f"{shape}: {tokenizer.get_vocab_size()} tokens; speed of `tokenizers` in brackets", flush=True)
        for name, text in texts.items():
            same = compare(asked.program, tokenizer, folder, name, text)
            compared += same is not None
            equal += bool(same)
    print(f"{equal} of {compared} comparisons equal")
    return 0 if equal == compared else 1


if __name__ == "__main__":
    sys.exit(main())
