# SPDX-License-Identifier: Apache-2.0
"""Every command on its good path: what it prints and which files it leaves."""
import json
import os
import re
import signal
import subprocess

from program import (MODEL, Place, end, expect, interrupt, last_step, newest_checkpoint, outcome,
                     rows_of, wait_for)

RESULT = ["steps", "tokens", "train_loss", "valid_loss", "test_loss", "perplexity", "seconds",
          "tokens_per_second", "peak_bytes"]
TOP_K = 2
FILES = {".lock", "config.resolved.toml", "meta.json", "metrics.csv", "results.json", "hashes.json",
         "routing.csv", "routing_layers.csv", "routing.json", "checkpoint"}


def result_line(stdout):
    line = stdout.strip().splitlines()[-1]
    expect(line.startswith("result "), "result line", line)
    return dict(word.split("=", 1) for word in line.split()[1:])


def check_train(place):
    done = place.run("train", "tiny.toml")
    expect(done.returncode == 0, "train", done.stderr)
    folder = place.run_folder()
    expect(done.stdout.splitlines()[0] == f"run runs/tiny/{folder.name}", "train", done.stdout)
    values = result_line(done.stdout)
    expect(list(values) == RESULT, "result line", f"has {list(values)}")
    expect(values["steps"] == "20" and values["tokens"] == "1280", "result line", values)
    expect(all(float(value) > 0 for value in values.values()), "result line", values)
    expect(re.fullmatch(r"[0-9a-z]{12}", folder.name), "run id", folder.name)
    events = [p.name for p in folder.iterdir() if p.name.startswith("events.out.tfevents.")]
    expect(len(events) == 1, "event files", events)
    expect({p.name for p in folder.iterdir()} - set(events) == FILES, "run folder", sorted(folder.iterdir()))
    checkpoints = sorted(p.name for p in (folder / "checkpoint").iterdir())
    expect(checkpoints == ["step_00000010", "step_00000020"], "checkpoints", checkpoints)
    files = sorted(p.name for p in newest_checkpoint(folder).iterdir())
    expect(files == ["model.safetensors", "optimizer.safetensors", "state.json"], "files", files)
    check_files(folder)
    return folder


def check_files(folder):
    meta = json.loads((folder / "meta.json").read_text())
    for key in ["name", "model", "parameters", "version", "compiler", "flags", "cpu", "threads",
                "libraries"]:
        expect(key in meta, "meta.json", f"must have {key}")
    results = json.loads((folder / "results.json").read_text())
    expect(set(results) == {"results", "training", "energy", "samples", "evaluation"}, "results.json", list(results))
    energy = results["energy"]
    expect(energy["source"] and energy["training_joules"] > 0 and energy["evaluation_joules"] > 0,
           "results.json", energy)
    modeling = results["results"]["language_modeling"]
    for key in ["test_loss", "perplexity", "test_tokens", "valid_loss"]:
        expect(modeling[key] > 0, "results.json", f"{key} must be above 0")
    expect(results["samples"][0]["prompt"] == "lisboa", "results.json", results["samples"])
    metrics = rows_of(folder / "metrics.csv")
    expect([row["step"] for row in metrics] == ["1", "5", "10", "15", "20"], "metrics.csv", metrics)
    expect([bool(row["valid_loss"]) for row in metrics] == [False, False, True, False, True],
           "metrics.csv", "valid_loss must be measured at 10 and 20")
    routing = rows_of(folder / "routing.csv")
    expect(len(routing) == 5 * 4, "routing.csv", f"{len(routing)} rows")
    for step in ["1", "20"]:
        chosen = sum(int(row["tokens_per_expert"]) for row in routing if row["step"] == step)
        expect(chosen == 64 * TOP_K, "routing.csv", f"the choices of step {step} are {chosen}")
    layers = rows_of(folder / "routing_layers.csv")
    expect([row["step"] for row in layers] == ["1", "5", "10", "15", "20"], "routing_layers.csv", layers)
    for row in layers:
        expect(0 <= float(row["churn"]) <= 1 and float(row["experts_per_item"]) == TOP_K,
               "routing_layers.csv", row)
    routing = json.loads((folder / "routing.json").read_text())
    expect(len(routing["layers"]) == 1 and len(routing["layers"][0]["experts"]) == 4,
           "routing.json", routing)
    expect(routing["tokens"] > 0, "routing.json", routing["tokens"])


def check_finished_run(place, folder):
    before = outcome(folder)
    times = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.name != ".lock"}
    again = place.run("train", "tiny.toml")
    expect(again.returncode == 0 and "already trained" in again.stderr, "train again", again.stderr)
    expect(list(result_line(again.stdout)) == RESULT, "train again", again.stdout)
    expect(times == {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.name != ".lock"},
           "train again", "must change no file")
    (folder / "checkpoint").rename(place.path / "kept")
    place.refused(3, "there is no checkpoint to measure again", "train", "tiny.toml", "--evaluate.batches=1")
    (place.path / "kept").rename(folder / "checkpoint")
    forced = place.run("train", "tiny.toml", "--force")
    expect(forced.returncode == 0 and "already" not in forced.stderr, "--force", forced.stderr)
    expect(outcome(folder) == before, "--force", "must give the same bytes")
    expect(times != {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.name != ".lock"},
           "--force", "must train again")


def check_resolved(place, folder):
    """config.resolved.toml alone reproduces the run, under the same id."""
    place.write("copy/other_name.toml", (folder / "config.resolved.toml").read_text())
    done = place.run("train", "copy/other_name.toml", "--out", "copied")
    expect(done.returncode == 0, "resolved", done.stderr)
    copy = place.run_folder("copied")
    expect(copy.name == folder.name, "resolved", f"run id {copy.name}, must be {folder.name}")
    expect(outcome(copy) == outcome(folder), "resolved", "must give the same bytes")


def check_use(place, folder):
    for given in ["tiny.toml", folder]:
        done = place.run("eval", given)
        expect(done.returncode == 0, "eval", done.stderr)
        table = [line.split() for line in done.stdout.splitlines()]
        expect(table[0] == ["text", "stride", "tokens", "loss", "perplexity"], "eval", done.stdout)
        test = next(row for row in table if row[0] == "test")
        modeling = json.loads((folder / "results.json").read_text())["results"]["language_modeling"]
        expect(test[3] == f"{modeling['test_loss']:.4f}", "eval", f"{test}, {modeling}")
        texts = [place.run("generate", given, "--prompt", "o mar", "--max_tokens", 8)
                 for _ in range(2)]
        expect(texts[0].returncode == 0 and texts[0].stdout.startswith("o mar"), "generate", texts[0])
        expect(texts[0].stdout == texts[1].stdout, "generate", "must be deterministic")
        done = place.run("describe", given)
        expect(done.returncode == 0 and done.stdout.startswith((folder / "config.resolved.toml").read_text()),
               "describe", done.stderr or done.stdout)
        expect("parameters         12,144" in done.stdout, "describe", done.stdout)
        expect("layers.*.ffn.experts" in done.stdout, "describe", "must list tensors")
    check_stored(place, folder)
    none = place.run("generate", "tiny.toml", "--max_tokens", 0)
    expect((none.returncode, none.stdout) == (0, "lisboa\n"), "generate", none)


def check_stored(place, folder):
    """Evaluating from bf16 weights is nearly the same, in the same run folder, in less memory."""
    trained = json.loads((folder / "results.json").read_text())["results"]["language_modeling"]
    for given in ["tiny.toml", folder]:
        done = place.run("eval", given, "--evaluate.weights=bf16")
        expect(done.returncode == 0, "eval in bf16", done.stderr)
        test = next(line.split() for line in done.stdout.splitlines() if line.startswith("test"))
        expect(abs(float(test[3]) - trained["test_loss"]) < 1e-2, "eval in bf16", done.stdout)
        done = place.run("generate", given, "--max_tokens", 8, "--evaluate.weights=bf16")
        expect(done.returncode == 0, "generate in bf16", done.stderr)
    traces = []
    for weights in ["fp32", "fp32", "bf16"]:  # combine weights, to the bit
        done = place.run("trace", "tiny.toml", "--file", "trace", "--evaluate.weights=" + weights)
        expect(done.returncode == 0, "trace in " + weights, done.stderr)
        traces.append((place.path / "trace").read_bytes())
    expect(traces[0] == traces[1] != traces[2], "trace in bf16", "must round the weights")
    sizes = []
    for weights in ["fp32", "bf16"]:
        done = place.run("describe", "tiny.toml", "--evaluate.weights=" + weights)
        line = next(l for l in done.stdout.splitlines() if l.startswith("memory of weights as"))
        sizes.append(int(line.split()[-2].replace(",", "")))
    expect(sizes[0] == 4 * 12144 and sizes[1] < 0.6 * sizes[0], "describe", sizes)
    expect('"bf16"' in place.run("schema").stdout, "schema", "must know evaluate.weights")
    place.refused(2, "evaluate.weights", "eval", "tiny.toml", "--evaluate.weights=int3")


def check_report(place, folder):
    for given in ["tiny.toml", folder]:
        done = place.run("report", given, "--file", "page.html")
        expect(done.returncode == 0 and done.stdout.splitlines()[-1] == "report page.html", "report", done)
        page = (place.path / "page.html").read_text()
        expect(page.startswith("<!DOCTYPE html>") and "tiny" in page, "report", page[:200])
    expect(place.run("report", folder, folder).returncode == 0, "report", "the same run twice")


def check_list_and_schema(place):
    listed = place.run("list")
    expect(listed.returncode == 0, "list", listed.stderr)
    done = place.run("schema")
    schema = json.loads(done.stdout)
    expect(schema["$schema"].endswith("2020-12/schema"), "schema", schema["$schema"])
    for word in ["rope", "learned", "swiglu", "top_k", "layer", "multi_head", "mixture"]:
        expect(word in listed.stdout, "list", f"must name {word}")
        expect(f'"{word}"' in done.stdout, "schema", f"must name {word}")
    try:
        import jsonschema
        import tomllib
    except ImportError as missing:
        print(f"skipped: the schema is not checked by another program ({missing})")
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    config = tomllib.loads((place.path / "tiny.toml").read_text())
    jsonschema.validate(config, schema)
    config["train"]["stepz"] = 1
    expect(list(jsonschema.Draft202012Validator(schema).iter_errors(config)), "schema", "takes stepz")


def check_overrides(place):
    base = place.write("base.toml", MODEL + "[train]\nsteps = 1\nbatch_size = 2\nseed = 3\n")
    place.write("child.toml", f'extends = "{base.name}"\ntitle = "child"\n[train]\nsteps = 2\n')
    for overrides, steps in [([], 2), (["--train.steps=3"], 3),
                             (["--train.steps=3", "--train.steps=4"], 4)]:
        text = place.run("describe", "child.toml", *overrides).stdout
        for line in [f"steps = {steps}", "batch_size = 2", "seed = 3", 'title = "child"',
                     'name = "child"', "epochs = 1.0"]:
            expect(f"\n{line}\n" in "\n" + text, "precedence", f"{overrides} must give {line}")
    folder = place.run("describe", "child.toml", "--model.block.ffn={type=\"ffn\",hidden=8}",
                       "--model.block.norm=layer", "--model.block.norm.epsilon=0.5").stdout
    expect('[model.block.ffn]\ntype = "ffn"\nhidden = 8\n' in folder, "overrides", folder)
    expect('[model.block.norm]\ntype = "layer"\nepsilon = 0.5\n' in folder, "overrides", folder)
    ids = {place.run("train", "child.toml", f"--train.seed={seed}", "--out", "ids").stdout.split()[1]
           for seed in [1, 2, 2]}
    expect(len(ids) == 2, "run id", f"two seeds must give two run folders, got {ids}")


def check_without_held_out_text(place):
    """No test text gives no test loss, never a perplexity of 1."""
    done = place.run("train", "tiny.toml", "--out", "all", "--data.train_fraction=1",
                     "--data.valid_fraction=0", "--data.test_fraction=0")
    values = result_line(done.stdout)
    for key in ["valid_loss", "test_loss", "perplexity"]:
        expect(values[key] == "nan", "no held-out text", f"{key} = {values[key]}")
    only = place.run("train", "tiny.toml", "--out", "end", "--evaluate.every=0")
    expect(result_line(only.stdout)["valid_loss"] != "nan", "evaluate.every = 0",
           "must validate at the end")


def check_tokenizers(place):
    done = place.run("train", "tiny.toml", "--out", "bpe", "--tokenizer.kind=trained",
                     "--tokenizer.vocab_size=300")
    expect(done.returncode == 0, "trained tokenizer", done.stderr)
    folder = place.run_folder("bpe")
    expect((folder / "tokenizer").is_dir(), "trained tokenizer", "the run folder must hold it")
    for file in (place.path / "text").iterdir():
        file.rename(place.path / file.name)
    done = place.run("generate", folder, "--prompt", "casa", "--out", "elsewhere")
    expect(done.returncode == 0, "trained tokenizer", f"a run folder needs no corpus: {done.stderr}")


def check_standard_streams(place):
    """What cannot be printed is no success; what is closed does not become a file of the run."""
    for arguments in [["list"], ["describe", "tiny.toml"], ["eval", "tiny.toml"]]:
        with open("/dev/full", "w") as full:
            done = subprocess.run([place.program, *arguments], cwd=place.path, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
        expect(done.returncode == 3 and "stdout cannot be written" in done.stderr, arguments,
               f"a full stdout gives {done.returncode}: {done.stderr}")
    closed = subprocess.Popen([place.program, "train", "tiny.toml", "--out", "closed",
                               "--train.steps=1000000000", "--log.every=1"], cwd=place.path,
                              preexec_fn=lambda: os.close(2))
    wait_for(lambda: list(place.path.glob("closed/tiny/*/metrics.csv")), "no run")
    wait_for(lambda: last_step(place.run_folder("closed")) > 1, "no step")
    code, _ = interrupt(closed, signal.SIGTERM)
    expect(code == 130, "closed streams", code)
    for path in place.run_folder("closed").rglob("*"):
        expect(path.is_dir() or b"interrupted" not in path.read_bytes(), "closed streams",
               f"{path.name} holds what was printed")


with Place() as place:
    folder = check_train(place)
    check_finished_run(place, folder)
    check_resolved(place, folder)
    check_use(place, folder)
    check_report(place, folder)
    check_list_and_schema(place)
    check_overrides(place)
    check_without_held_out_text(place)
    check_standard_streams(place)
    check_tokenizers(place)
    for arguments in [["--help"], ["--version"], ["train", "--help"]]:
        done = place.run(*arguments)
        expect(done.returncode == 0 and done.stdout, arguments, done)
        expect(("--a.b=value" in " ".join(done.stdout.split())) == ("--help" in arguments), arguments, done.stdout)
end("commands")
