# SPDX-License-Identifier: Apache-2.0
"""Which programs run with which arguments, and in which order."""
import json
import os
import subprocess
import sys
import time

from comparison.machine import Problem, clean_environment, preload_library

PARTS = ["step", "layer", "tokens", "threads"]
ALL_PARTS = [*PARTS, "decode"]  # decode needs more peers: it is made when asked for
FORMS = ["eager", "compile", "tuned", "tuned_compile"]
MODELS = ["gpt2", "moe_gqa"]
# Layers such that the weights are over 1 GB, and in bf16 about 4.
DECODE = [("mistral-7b", 8, ["bf16", "int8", "int4", "nf4"]),
          ("mixtral-8x7b", 2, ["bf16", "int8", "int4"])]
DECODE_PEERS = {"llama_cpp": ("bf16", "int8", "int4"), "transformers_decode": ("bf16", "nf4")}
KEEP_MEMORY = ("glibc.malloc.mmap_threshold=34359738368:glibc.malloc.trim_threshold=34359738368:"
               "glibc.malloc.top_pad=268435456")


def settings(arguments):
    names = ("only", "forms", "precisions", "quick", "rounds", "steps", "threads", "ours")
    return {name: getattr(arguments, name) for name in names}


class Programs:
    """Runs ours and the peer's programs; every line of JSON that they print becomes a record."""

    def __init__(self, root, arguments, records):
        self.root, self.arguments, self.records = root, arguments, records
        self.done, self.total = 0, 0
        forms = [] if arguments.ours else arguments.forms
        self.tuned = {}
        if any(form.startswith("tuned") for form in forms):
            self.tuned = {"LD_PRELOAD": str(preload_library(root, arguments.out)),
                          "GLIBC_TUNABLES": KEEP_MEMORY, "THP_MEM_ALLOC_ENABLE": "1"}

    def run(self, part, round_number, form, command):
        """form None: ours."""
        self.done += 1
        what = " ".join(map(str, command[1:] if form is None else command[2:]))
        name = ("moenda" if form is None else
                f"pytorch {form}" if form in FORMS else form)
        print(f"[{self.done}/{self.total}] {part}: {name} {what}", end=" ", flush=True,
              file=sys.stderr)
        environment = clean_environment(self.tuned if form and "tuned" in form else None)
        begin = time.perf_counter()
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                                  env=environment, timeout=self.arguments.limit, check=False)
        except subprocess.TimeoutExpired:
            print(f"left out: over {self.arguments.limit:.0f} s (--limit)", file=sys.stderr)
            return
        except OSError as error:
            raise Problem(f"{command[0]} cannot be run ({error}); leave out --no-build") from error
        print(f"{time.perf_counter() - begin:.1f} s", file=sys.stderr)
        if done.returncode != 0:
            raise Problem(f"{' '.join(map(str, command))} failed:\n{done.stderr[-3000:]}")
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                self.records.append({**json.loads(line), "part": part, "round": round_number,
                                     "form": form or ""})

    def step(self, part, model, precision, threads):
        """The programs of one case: (form, command)."""
        a = self.arguments
        yield None, [a.build / "bench/bench_train_step", model, threads, a.steps, precision]
        for form in self.forms():
            command = [a.python, self.root / "bench/peers/train_step.py", "--model", model,
                       "--threads", threads, "--steps", a.steps, "--precision", precision]
            # Scaling is a question of the machine: one form answers it.
            if part != "threads" or form == "tuned":
                yield form, command + (["--compile"] if "compile" in form else [])

    def layer(self, options):
        yield None, [self.arguments.build / "bench/bench_moe_layer", *options]
        for form in self.forms():
            if "compile" not in form:  # shapes differ from case to case: it would compile all day
                yield form, [self.arguments.python, self.root / "bench/peers/moe_layer.py",
                             *options]

    def decode(self, like, layers, weights):
        a = self.arguments
        options = ["--like", like, "--layers", layers, "--weights", weights,
                   "--threads", a.threads, "--rounds", 2, "--tokens", 8]
        for precision in a.precisions:
            yield None, [a.build / "bench/bench_decode", *options, "--precision", precision,
                         "--shapes", self.root / "bench/shapes.json"]
        for peer, formats in DECODE_PEERS.items():
            if a.ours or weights not in formats:
                continue
            program = [a.python, self.root / f"bench/peers/{peer}.py", *options]
            several = peer.startswith("transformers") and "mixtral" in like
            for more in ([["--experts", "grouped_mm"], ["--experts", "eager"]] if several else [[]]):
                yield peer, program + more

    def forms(self):
        return [] if self.arguments.ours else self.arguments.forms


def cases(programs, arguments):
    """(part, programs of one case) in the order of the tables."""
    quick = arguments.quick
    for precision in arguments.precisions:
        common = ["--precision", precision, "--threads", arguments.threads]
        if "step" in arguments.only:
            for model in MODELS:
                yield "step", list(programs.step("step", model, precision, arguments.threads))
        if "layer" in arguments.only:
            for experts in ([8] if quick else [4, 8, 16, 64]):
                options = ["--experts", experts, "--top_k", "2" if quick else "1,2,8",
                           "--loads", "balanced,zipf", "--tokens", 2048]
                yield "layer", list(programs.layer(common + options))
        if "tokens" in arguments.only:
            tokens = [1, 16, 256] if quick else [2**i for i in range(13)]
            options = ["--tokens", ",".join(map(str, tokens))]
            yield "tokens", list(programs.layer(common + options))
        if "threads" in arguments.only:
            for threads in sorted({1, arguments.threads}):
                for model in MODELS:
                    yield "threads", list(programs.step("threads", model, precision, threads))
                options = ["--precision", precision, "--threads", threads]
                yield "threads", list(programs.layer(options))


def decode_cases(programs, arguments):
    for like, layers, formats in DECODE:
        for weights in (formats[:1] if arguments.quick else formats):
            yield "decode", list(programs.decode(like, layers, weights))


def rounds(root, arguments, records):
    """Runs everything once per round; ours and the peer's in turn, so a slow minute hits both.

    Yields after every program.
    """
    programs = Programs(root, arguments, records)
    everything = list(cases(programs, arguments))
    if "decode" in arguments.only:
        everything += decode_cases(programs, arguments)
    programs.total = arguments.rounds * sum(len(runs) for _, runs in everything)
    if os.getloadavg()[0] > 0.5:
        print(f"note: the load average is {os.getloadavg()[0]:.1f}; other programs are running",
              file=sys.stderr)
    for round_number in range(arguments.rounds):
        for part, runs in everything:
            for form, command in runs:
                programs.run(part, round_number, form, command)
                yield round_number
