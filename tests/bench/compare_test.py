# SPDX-License-Identifier: Apache-2.0
"""bench/compare makes the right tables of records, and says what is wrong in a sentence.

The records here are made up for this test; they measure nothing.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from comparison import tables  # noqa: E402

failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)
        print("FAIL", what)


def step(form, seconds, round_number=0, memory=2e9):
    return {"part": "step", "round": round_number, "form": form,
            "peer": "pytorch" if form else "moenda", "model": "gpt2", "precision": "fp32",
            "threads": 2, "seconds_per_step": seconds, "tokens_per_second": 100 / seconds,
            "peak_rss_bytes": memory, **({} if form else {"gflops": 400.0})}


def layer(form, variant, seconds, tokens_per_expert):
    return {"part": "layer", "round": 0, "form": form, "peer": "pytorch" if form else "moenda",
            "variant": variant, "precision": "fp32", "threads": 2, "tokens": 2048,
            "experts": 0 if variant == "dense" else 2, "top_k": 0 if variant == "dense" else 1,
            "load": "none" if variant == "dense" else "zipf", "seconds": seconds,
            "tokens_per_expert": tokens_per_expert, "gflops": 300.0, "routing_seconds": 0.01}


RESULTS = {
    "machine": {"processors": 2, "torch": "none", "roofline": {"multiply-add float": [250, 500]}},
    "settings": {},
    "records": [
        step("", 1.0), step("", 1.01, 1), step("", 0.99, 2),
        step("eager", 3.0, memory=4e9), step("eager", 2.0, 1, 4e9), step("eager", 2.5, 2, 4e9),
        layer("", "dense", 0.1, []), layer("", "mixture", 0.125, [4, 2]),
        layer("eager", "loop", 0.5, [4, 2]), layer("eager", "padded", 0.25, [4, 2]),
        layer("eager", "dense", 0.2, []),
    ],
}


def rows_of(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def check_tables():
    step_rows = rows_of(tables.step_table(RESULTS))
    expect(step_rows[2] == ["gpt2", "fp32", "Moenda", "1.000", "100", "", "2.00 GB", "", "80 %"],
           f"row of Moenda's step: {step_rows[2]}")
    # The median of 3, 2 and 2.5 s; the rounds disagree, hence the star.
    expect(step_rows[3] == ["gpt2", "fp32", "PyTorch eager", "2.500*", "40", "2.50", "4.00 GB",
                            "2.00", "32 %"], f"row of the peer's step: {step_rows[3]}")
    layer_rows = rows_of(tables.layer_table(RESULTS))
    # The peer's quickest mixture counts, never its dense network.
    expect(layer_rows[2] == ["2", "1", "zipf", "fp32", "125.00", "60 %", "8 %", "1.25",
                             "250.00 (padded)", "2.00"], f"row of the layer: {layer_rows[2]}")
    expect(len({len(row) for row in layer_rows}) == 1, "rows of different lengths")
    expect("WARNING" not in tables.page(RESULTS), "a warning without reason")
    other = dict(RESULTS, records=RESULTS["records"] + [layer("eager", "grouped", 1, [3, 3])])
    expect("WARNING" in tables.page(other), "no warning of different loads")


def decode(peer, seconds, prompt, **more):
    return {"part": "decode", "round": 0, "form": "" if peer == "moenda" else peer, "peer": peer,
            "like": "mistral-7b", "layers": 8, "weights": "bf16", "seconds_per_token": seconds,
            "prompt_seconds": prompt, **more}


def check_decode_table():
    records = [decode("moenda", 0.2, 12.0, precision="fp32", share_of_reading=0.98),
               decode("moenda", 0.25, 3.0, precision="bf16", share_of_reading=0.8),
               decode("llama.cpp", 0.5, 7.0, whole_layers=7),
               decode("llama.cpp", 0.3, 7.0, whole_layers=7),
               decode("transformers", 0.2, 6.0)]
    rows = rows_of(tables.decode_table(dict(RESULTS, records=records)))[2:]
    expect([row[3:] for row in rows] == [
        ["moenda fp32", "5.00", "", "98 %", "1.50", ""],
        ["moenda bf16", "4.00", "", "80 %", "0.38", ""],
        ["llama.cpp", "2.50*", "2.00", "", "1.00", "2.67"],  # against the better of ours
        ["transformers", "5.00", "1.00", "", "0.75", "2.00"],
    ], f"rows of decoding: {rows}")
    expect("Decoding at batch 1" in tables.page(dict(RESULTS, records=records)), "no such table")


def compare(*arguments):
    return subprocess.run([sys.executable, str(ROOT / "bench/compare"), *arguments], text=True,
                          capture_output=True, check=False, timeout=60)


def check_program():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        done = compare("--from", folder)
        expect(done.returncode == 2 and "holds no results" in done.stderr,
               f"results that are missing: {done.stderr}")
        (path / "results.json").write_text(json.dumps(RESULTS))
        done = compare("--from", folder)
        expect(done.returncode == 0 and "2.500*" in done.stdout, f"--from: {done.stderr}")
        done = compare("--no-build", "--python", str(path / "no_python"), "--out", folder)
        expect(done.returncode == 2 and "there is no PyTorch" in done.stderr
               and "pip install" in done.stderr, f"PyTorch that is missing: {done.stderr}")
        done = compare("--only", "steps")
        expect(done.returncode == 2 and "must be among step, layer" in done.stderr,
               f"an unknown part: {done.stderr}")
        done = compare("--ours", "--no-build", "--build", folder, "--out", folder)
        expect(done.returncode == 2 and "cannot be run" in done.stderr,
               f"programs that are missing: {done.stderr}")
        expect("Traceback" not in done.stderr, "a Python traceback")


check_tables()
check_decode_table()
check_program()
print(f"compare_test: {len(failures)} failures")
sys.exit(1 if failures else 0)
