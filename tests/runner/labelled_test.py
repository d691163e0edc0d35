# SPDX-License-Identifier: Apache-2.0
"""Classification and regression: they learn, resume bit for bit, sweep, and refuse what cannot be."""
import hashlib
import json
import random

from program import Place, end, expect

GENERATED = """
task = "classification"
data = { kind = "generated", generated = { train = { count = 400 }, valid = 64, test = 200 } }
[model]
context_length = 24
d_model = 16
input.type = "tokens"
[model.ffn]
type = "mixture_of_groups"
router = { type = "per_sequence_top_k", top_k = 1 }
experts = { pooled_ffn = { count = 1, each = { hidden = 16 } }, gru = { count = 1, each = { hidden = 16 } } }
[train]
steps = 20
batch_size = 16
optimizer = { learning_rate = 3e-3 }
[log]
every = 5
checkpoint_every = 10
"""
TABLE = """
data = { kind = "table", table = { table = { paths = ["rows.csv"], target = "y" } } }
[model]
context_length = 1
d_model = 16
input.type = "features"
ffn = { type = "ffn", hidden = 32 }
[train]
steps = 200
batch_size = 32
optimizer = { learning_rate = 1e-2 }
"""


def results(place, name, out="runs"):
    return json.loads((place.run_folder(out, name) / "results.json").read_text())


def weights(place, name, out="runs"):
    newest = sorted((place.run_folder(out, name) / "checkpoint").iterdir())[-1]
    return hashlib.sha256((newest / "model.safetensors").read_bytes()).hexdigest()


def write_rows(place, classifies):
    """y depends on a number and on a category; 300 rows."""
    chance = random.Random(2)
    lines = ["x,colour,y"]
    for _ in range(300):
        x, colour = chance.gauss(0, 1), chance.choice(["red", "blue", "?"])
        y = 10 * x + (30 if colour == "red" else 0)
        lines.append(f"{x:.6f},{colour},{('high' if y > 8 else 'low') if classifies else f'{y:.4f}'}")
    place.write("rows.csv", "\n".join(lines) + "\n")


def check_resume(place):
    place.write("g.toml", GENERATED)
    whole = place.run("train", "g.toml", "--out", "whole", "--threads", "1")
    expect(whole.returncode == 0, "train", whole.stderr)
    expect("accuracy=" in whole.stdout and "route_type_information=" in whole.stdout, "result line",
           whole.stdout)
    place.run("train", "g.toml", "--out", "parts", "--threads", "3")
    folder = place.run_folder("parts", "g")
    (folder / "results.json").unlink()
    newest = sorted((folder / "checkpoint").iterdir())[-1]
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    again = place.run("train", "g.toml", "--out", "parts", "--threads", "2")
    expect("continuing after step 10" in again.stderr, "resume", again.stderr)
    expect(weights(place, "g", "whole") == weights(place, "g", "parts"), "resume",
           "the weights differ")
    shares = results(place, "g", "whole")["results"]["classification"]
    expect(abs(shares["expert_0_share"] + shares.get("expert_1_share", 0) - 1) < 1e-9, "shares", shares)
    evaluated = place.run("eval", folder)
    expect("accuracy" in evaluated.stdout, "eval", evaluated.stderr)


def check_learns(place):
    write_rows(place, True)
    place.write("c.toml", 'task = "classification"\n' + TABLE)
    done = place.run("train", "c.toml")
    expect(done.returncode == 0, "train c", done.stderr)
    found = results(place, "c")["results"]["classification"]
    expect(found["accuracy"] > 0.85 and found["roc_auc"] > 0.93, "classification", found)
    write_rows(place, False)
    number = TABLE.replace('target = "y"', 'target = "y", target_kind = "number"')
    place.write("r.toml", 'task = "regression"\n' + number)
    done = place.run("train", "r.toml")
    expect(done.returncode == 0, "train r", done.stderr)
    found = results(place, "r")["results"]["regression"]
    expect(found["r_squared"] > 0.95 and found["rmse"] < 4, "regression", found)
    page = place.run("report", "runs/r/" + place.run_folder("runs", "r").name)
    expect(page.returncode == 0, "report", page.stderr)


def check_refusals(place):
    write_rows(place, True)
    place.write("c.toml", 'task = "classification"\n' + TABLE)
    refused = place.refused
    refused(2, "task must be one of", "describe", "c.toml", "--task=classifcation")
    refused(2, "did you mean 'classification'", "describe", "c.toml", "--task=classifcation")
    refused(2, "target_kind must be number", "train", "c.toml", "--task=regression")
    refused(2, "model.input must be features", "train", "c.toml", "--model.input.type=tokens")
    refused(2, "input.channels must be that of the data", "train", "c.toml",
            "--model.input={type='features', channels=99}")
    refused(2, "output.num_classes must be that of the data", "train", "c.toml",
            "--model.output.num_classes=7")
    refused(2, "needs a language model", "generate", "c.toml")
    refused(3, "nothing.csv", "train", "c.toml", "--data.table.table.paths=['nothing.csv']")
    refused(2, "at least one file", "train", "c.toml", "--data.table.table.paths=[]")
    refused(2, "route that unit", "train", "c.toml",
            "--model.ffn={type='mixture_of_groups', experts={gru={count=1, each={hidden=4}}}}")
    place.write("one.csv", "x,y\n1,a\n")
    refused(3, "", "train", "c.toml", "--data.table.table.paths=['one.csv']")
    place.write("empty.csv", "")
    refused(3, "empty.csv", "train", "c.toml", "--data.table.table.paths=['empty.csv']")


def check_sweep(place):
    write_rows(place, True)
    place.write("s.toml", 'task = "classification"\n' + TABLE.replace("steps = 200", "steps = 20") + """
[sweep]
repeat_seeds = 2
measure = "accuracy"
[sweep.parameters]
"model.ffn" = [{ type = "ffn", hidden = 8 }, { type = "gru", hidden = 8 }]
""")
    done = place.run("sweep", "s.toml")
    expect(done.returncode == 0 and "gru (hidden = 8)" in done.stdout, "sweep", done.stderr)


with Place() as here:
    check_resume(here)
    check_learns(here)
    check_refusals(here)
    check_sweep(here)
end("labelled")
