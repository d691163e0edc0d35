# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: a tiny model, a text, a folder, and a list of failures.

The program is argument 1 or $MOENDA_RUNNER. Every test uses a folder of its own and leaves nothing.
"""
import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

MODEL = """
[data]
paths = ["text"]
[model]
context_length = 16
d_model = 16
num_layers = 1
[model.block.attention]
type = "grouped_query"
num_heads = 2
num_kv_heads = 1
head_dim = 8
[model.block.ffn]
type = "mixture"
experts = { count = 4, each = { type = "swiglu", hidden = 16 } }
"""
TRAINING = """
[train]
steps = 20
batch_size = 4
[evaluate]
every = 10
batches = 2
test_batches = 4
[log]
every = 5
checkpoint_every = 10
[generate]
max_tokens = 10
"""
VARYING = {"seconds", "tokens_per_second"}
failures = []


def program():
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MOENDA_RUNNER", "")
    if not path or not os.access(path, os.X_OK):
        print(f"skipped: the program {path or '(argument 1 or MOENDA_RUNNER)'} is not built")
        sys.exit(77)
    return os.path.abspath(path)


def expect(holds, where, what):
    if not holds:
        failures.append(f"{where}: {what}")
        print("FAIL", failures[-1], flush=True)


def end(name):
    """The last line of a test."""
    print(f"{name}: {len(failures)} failures")
    sys.exit(1 if failures else 0)


class Place:
    """A temporary folder with a corpus, where the program runs."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="moenda-runner-")
        self.path = pathlib.Path(self._folder.name)
        self.program = program()
        chance = random.Random(1)
        words = "o mar e a terra casa noite dia tempo água vento sol lua porto rio".split()
        (self.path / "text").mkdir()
        for i in range(6):
            text = " ".join(chance.choice(words) for _ in range(600))
            (self.path / "text" / f"{i}.txt").write_text(text + ".\n")
        self.write("tiny.toml", MODEL + TRAINING)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def environment(self, more=None):
        variables = dict(os.environ, **(more or {}))
        variables.pop("MOENDA_DATA", None)
        return variables

    def run(self, *arguments, timeout=30, env=None, **options):
        """The finished process; stdout and stderr are text."""
        return subprocess.run([self.program, *map(str, arguments)], cwd=self.path,
                              env=self.environment(env), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                              errors="replace", timeout=timeout, **options)

    def start(self, *arguments):
        return subprocess.Popen([self.program, *map(str, arguments)], cwd=self.path,
                                env=self.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run_folder(self, out="runs", name="tiny"):
        """The only run below `out`."""
        folders = list((self.path / out / name).iterdir())
        assert len(folders) == 1, folders
        return folders[0]

    def refused(self, code, sentence, *arguments, **options):
        """The program must end with `code` and one readable sentence that holds `sentence`."""
        result = self.run(*arguments, **options)
        where = " ".join(map(str, arguments))[:300]
        expect(result.returncode == code, where,
               f"exit code {result.returncode}, must be {code}: {result.stderr[-300:]}")
        expect(sentence in result.stderr, where,
               f"stderr must hold {sentence!r}, got {result.stderr[-400:]!r}")
        for jargon in ["json.exception", "terminate called", "std::", "basic_", "vector::",
                       "filesystem error", "Sanitizer"]:
            expect(jargon not in result.stderr, where, f"stderr holds {jargon}: {result.stderr}")
        return result


def wait_for(condition, what, seconds=20):
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(what)
        time.sleep(0.001)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def last_step(folder):
    """The last complete row of metrics.csv; 0 when there is none."""
    try:
        lines = (folder / "metrics.csv").read_text().split("\n")[:-1]
        return int(lines[-1].split(",")[0])
    except (OSError, IndexError, ValueError):
        return 0


def newest_checkpoint(folder):
    return max((folder / "checkpoint").glob("step_*"))


def outcome(folder):
    """Everything of a finished run that must not depend on time, threads or interruptions."""
    checkpoint = newest_checkpoint(folder)
    results = json.loads((folder / "results.json").read_text())
    results.pop("energy")
    training = {key: value for key, value in results.pop("training").items()
                if key in {"steps", "tokens", "train_loss", "dropped_share", "skipped_steps"}}
    state = json.loads((checkpoint / "state.json").read_text())
    state.pop("seconds")
    state.pop("joules")
    state.pop("text_hash", None)
    state["logs"] = state["logs"].split()[1:]  # the first is of metrics.csv, which has seconds
    found = {
        "config": (folder / "config.resolved.toml").read_bytes(),
        "step": checkpoint.name,
        "state": state,
        "model": (checkpoint / "model.safetensors").read_bytes(),
        "optimizer": (checkpoint / "optimizer.safetensors").read_bytes(),
        "metrics": [{k: v for k, v in row.items() if k not in VARYING}
                    for row in rows_of(folder / "metrics.csv")],
        "results": results,
        "training": training,
        # Every process begins an event file of its own.
        "files": sorted(p.name for p in folder.iterdir() if not p.name.startswith("events.")),
    }
    for name in ["routing.csv", "routing_layers.csv", "routing.json"]:
        if (folder / name).exists():
            found[name] = (folder / name).read_bytes()
    return found


def expect_same(got, wanted, where, but=()):
    expect(got.keys() == wanted.keys(), where, f"has {list(got)}, must have {list(wanted)}")
    for key in wanted:
        if key in but or got.get(key) == wanted[key]:
            continue
        shown = "" if isinstance(got[key], bytes) else f": {got[key]} / {wanted[key]}"
        expect(False, where, f"{key} must be identical{shown}"[:600])


def interrupt(process, number=signal.SIGINT):
    """Sends a signal and returns (exit code, stderr)."""
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    return process.returncode, stderr
