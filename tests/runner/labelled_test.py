# SPDX-License-Identifier: Apache-2.0
"""Classification and regression: they learn, resume bit for bit, sweep, and refuse what cannot be."""
import hashlib
import json
import random

from program import Place, end, expect, rows_of

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
    for command in ["generate", "trace", "counterfactual"]:
        refused(2, f"""c.toml: task = "classification" has no command '{command}'; the task must be """
                   "one of: language_modeling", command, "c.toml")
    refused(2, "has no command 'ask'; the task must be one of: table_questions",
            "ask", "c.toml", "how many", "--table", "c.csv")
    place.write("lm.toml", 'extends = "tiny.toml"\nstart_from = "c.toml"\n')
    refused(2, "lm.toml: start_from must name a run of the task language_modeling, but the task of c.toml is "
            "classification", "train", "lm.toml")
    refused(3, "nothing.csv", "train", "c.toml", "--data.table.table.paths=['nothing.csv']")
    refused(2, "at least one file", "train", "c.toml", "--data.table.table.paths=[]")
    refused(2, "route that unit", "train", "c.toml",
            "--model.ffn={type='mixture_of_groups', experts={gru={count=1, each={hidden=4}}}}")
    refused(2, "model.ffn.experts: the sum of NAME.count must be in 1..65536, got 0", "train", "c.toml",
            "--model.ffn={type='mixture_of_groups', experts={ffn={count=0, each={hidden=4}}}}")
    place.write("few.csv", "x,colour,y\n" + "1,red,low\n2,red,high\n" * 2)
    few = ["train", "c.toml", "--data.table.table.paths=['few.csv']"]
    refused(3, "the test split must hold at least one row, got none of 4; give more, or set "
            "data.table.split.test_fraction = 0", *few)
    for part in ["test", "valid"]:
        few.append(f"--data.table.split.{part}_fraction=0")
    done = place.run(*few, "--train.steps=2", "--train.batch_size=2")
    expect(done.returncode == 0, "few rows, none of them held out", done.stderr)
    place.write("one.csv", "x,y\n1,a\n")
    refused(3, "", "train", "c.toml", "--data.table.table.paths=['one.csv']")
    place.write("empty.csv", "")
    refused(3, "empty.csv", "train", "c.toml", "--data.table.table.paths=['empty.csv']")


def check_texts_and_series(place):
    """What a file of texts or sequences holds is refused with its place."""
    for kind, given, file in [("text", "tokens", "t.tsv"), ("series", "features", "s.jsonl")]:
        place.write(f"{kind}.toml", f'''
task = "classification"
data = {{ kind = "{kind}", files = {{ train = "{file}" }} }}
model = {{ context_length = 4, d_model = 8, input.type = "{given}", ffn = {{ type = "pooled_ffn", hidden = 8 }} }}
train = {{ steps = 2, batch_size = 2 }}
''')
    refused = place.refused
    place.write("t.tsv", "label\ttext\n" + "a\tsome words\n" * 9)
    refused(3, "t.tsv: there must be at least two classes, got only 'a'", "train", "text.toml")
    refused(2, "vocab_size must be in 257..1000000, got -1", "describe", "text.toml",
            "--data.tokenizer.vocab_size=-1")
    refused(2, "test_fraction must be at least 0 and below 1, got 1", "describe", "text.toml",
            "--data.files.test_fraction=1")
    # Deeper than a stack can follow.
    place.write("s.jsonl", '{"label": 1, "x": ' + "[" * 2_000_000 + "]" * 2_000_000 + "}\n")
    refused(3, 's.jsonl:1: "x" must hold finite numbers, got an array', "train", "series.toml")
    place.write("g.toml", GENERATED)
    refused(2, "valid must be in 0..10000000, got 9223372036854775807", "describe", "g.toml",
            "--data.generated.valid=9223372036854775807")
    refused(3, "must exist here or below", "train", "c.toml",
            f"--data.table.table.paths=['{'x' * 5000}']")


def check_other_data(place):
    """A model knows its own data alone: with others it is refused, and its files stay as they were."""
    write_rows(place, True)
    place.write("o.toml", 'task = "classification"\n' + TABLE.replace("steps = 200", "steps = 20"))
    expect(place.run("train", "o.toml").returncode == 0, "train o", "")
    folder = place.run_folder("runs", "o")
    (folder / "results.json").unlink()
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    rows = (place.path / "rows.csv").read_text()
    place.write("rows.csv", rows.replace("low", "above"))  # comes first now
    wrong = "meta.json: the data must be those that the run began with"
    for arguments in [["eval", folder], ["eval", "o.toml"], ["train", "o.toml"]]:
        place.refused(3, wrong, *arguments)
    for path, content in files.items():
        if path.name != ".lock":
            expect(path.read_bytes() == content, "other data", f"{path.name} must stay as it was")
    place.write("rows.csv", rows)
    expect(place.run("eval", folder).returncode == 0, "eval", "with its own data")
    expect(place.run("train", "o.toml").returncode == 0, "train", "with its own data")
    (folder / "results.json").unlink()
    (folder / "results.json").mkdir()
    place.refused(3, "results.json: the file is damaged", "train", "o.toml")


def check_sweep(place):
    write_rows(place, True)
    place.write("s.toml", 'task = "classification"\n' + TABLE.replace("steps = 200", "steps = 20") + """
[sweep]
repeat_seeds = 2
measure = "accuracy"
[sweep.parameters]
"model.ffn" = [{ type = "ffn", hidden = 8 }, { type = "gru", hidden = 8 }]
""")
    planned = place.run("sweep", "s.toml", "--dry-run")
    expect(planned.stdout.count("from the data") == 8, "sizes that the data decide", planned.stdout)
    done = place.run("sweep", "s.toml")
    expect(done.returncode == 0 and "gru (hidden = 8)" in done.stdout, "sweep", done.stderr)
    folder = place.path / "runs" / "s"
    for row in rows_of(folder / "sweep.csv"):
        metas = [json.loads(path.read_text()) for path in folder.glob("*/meta.json")]
        expect([row["arm"] in meta["name"] and str(meta["parameters"]["total"]) == row["parameters"] and
                meta["flops_per_token"] == float(row["flops_per_token"]) for meta in metas].count(True) == 2,
               "sweep.csv", f"the size of the trained model: {row['parameters']}")
    text = (place.path / "s.toml").read_text()
    place.write("s.toml", text.replace('"accuracy"', '"acuracy"'))
    place.refused(2, "got 'acuracy' (did you mean 'accuracy'?)", "sweep", "s.toml")


def check_description(place):
    """What the data decide is not shown as if there were one channel and two classes."""
    write_rows(place, True)
    place.write("d.toml", 'task = "classification"\n' + TABLE)
    shown = place.run("describe", "d.toml").stdout
    expect("parameters         from the data" in shown and "input.weight" in shown, "describe", shown)
    sizes = ["--model.input.channels=3", "--model.output.num_classes=2"]
    shown = place.run("describe", "d.toml", *sizes).stdout
    expect("from the data" not in shown, "describe", shown)


def check_flops(place):
    """Attention's operations, by the keys that are seen: a window on both sides, or everything."""
    place.write("w.toml", GENERATED.replace("steps = 20", "steps = 1").replace("[model.ffn]", """num_layers = 1
block.attention = { type = "multi_head", num_heads = 2, head_dim = 8, causal = false }
block.ffn = { type = "ffn", hidden = 8 }
[model.ffn]""") + """
[sweep]
repeat_seeds = 1
[sweep.parameters]
"model.block.attention.window" = [0, 4]
""")
    done = place.run("sweep", "w.toml")
    expect(done.returncode == 0, "w.toml", done.stderr)
    whole, window = (float(row["flops_per_token"]) for row in rows_of(place.path / "runs" / "w" / "sweep.csv"))
    seen = sum(sum(abs(q - k) < 4 for k in range(24)) for q in range(24)) / 24
    expect(abs(whole - window - 2 * 2 * 16 * (24 - seen)) < 1e-6, "flops_per_token", (whole, window, seen))


def check_start(place):
    write_rows(place, True)
    place.write("first.toml", 'task = "classification"\n' + TABLE.replace("steps = 200", "steps = 5"))
    place.write("then.toml", 'extends = "first.toml"\nstart_from = "first.toml"\ntrain.seed = 7\n')
    place.refused(3, "must be trained first", "train", "then.toml")
    expect(place.run("train", "first.toml").returncode == 0, "first", "")
    done = place.run("train", "then.toml")
    first = place.run_folder("runs", "first")
    expect(done.returncode == 0 and f"begins with runs/first/{first.name}/" in done.stderr, "start_from", done.stderr)


with Place() as here:
    check_resume(here)
    check_learns(here)
    check_refusals(here)
    check_texts_and_series(here)
    check_other_data(here)
    check_sweep(here)
    check_description(here)
    check_flops(here)
    check_start(here)
end("labelled")
