# SPDX-License-Identifier: Apache-2.0
"""The table of shapes that bench/decode reads too, and what the decoding peers share."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import time

TABLE = pathlib.Path(__file__).resolve().parents[1] / "shapes.json"


def arguments(description: str, weights: tuple[str, ...]) -> argparse.ArgumentParser:
    shapes = json.loads(TABLE.read_text())
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--like", choices=shapes, default="mistral-7b")
    parser.add_argument("--layers", type=int, default=0, help="0: all of the model")
    parser.add_argument("--weights", choices=weights, default="bf16")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def shape_of(options: argparse.Namespace) -> argparse.Namespace:
    shape = argparse.Namespace(**json.loads(TABLE.read_text())[options.like])
    shape.num_layers = options.layers or shape.num_layers
    return shape


def measure(options: argparse.Namespace, read_prompt, step) -> dict:
    """read_prompt() forgets what was and reads the prompt; step(i) decodes token i behind it."""
    prompts, steps = [], []
    for _ in range(options.rounds):
        begin = time.perf_counter()
        read_prompt()
        prompts.append(time.perf_counter() - begin)
        for i in range(options.tokens):
            begin = time.perf_counter()
            step(i)
            steps.append(time.perf_counter() - begin)
    steps.sort()
    return {"like": options.like, "layers": options.layers, "weights": options.weights,
            "threads": options.threads, "prompt": options.prompt, "tokens": options.tokens,
            "rounds": options.rounds, "seconds_per_token": steps[0],
            "median_seconds_per_token": steps[len(steps) // 2], "tokens_per_second": 1 / steps[0],
            "prompt_seconds": min(prompts), "load_average": round(os.getloadavg()[0], 2)}
