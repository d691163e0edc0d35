# SPDX-License-Identifier: Apache-2.0
"""moenda trace and moenda counterfactual: what they write agrees with itself and with each other."""
import json
import os
import shutil
import struct

from program import MODEL, TRAINING, Place, end, expect, rows_of

LAYERS, EXPERTS, LENGTH = 2, 4, 16
ONE = MODEL.replace("num_layers = 1", f"num_layers = {LAYERS}").replace(
    'type = "mixture"', 'type = "mixture"\nrouter = { type = "top_k", top_k = 1 }') + TRAINING


MANY = (MODEL.replace("num_layers = 1", "num_layers = 2").replace(
    'experts = { count = 4, each = { type = "swiglu", hidden = 16 } }',
    'experts = { count = 2200, each = { type = "ffn", hidden = 1 } }') + TRAINING)


def check_many_experts(place):
    """What a run writes of its routing can be read, however many experts it has."""
    place.write("many.toml", MANY)
    done = place.run("train", "many.toml", "--train.steps=1", "--generate.max_tokens=0", "--evaluate.every=0")
    expect(done.returncode == 0, "many experts", done.stderr)
    run = place.run_folder(name="many")
    analysis = run / "routing.json"
    expect(analysis.stat().st_size < 2 << 20, "many experts", f"{analysis.stat().st_size} bytes")
    done = place.run("report", run)
    expect(done.returncode == 0, "many experts", done.stderr)
    expect("was not counted in 2 layers" in (place.path / "report.html").read_text(), "many experts", "the page")


def check_long_log(place):
    """A run goes on whatever the size of its log: here zeros stand behind the rows, on no disk."""
    done = place.run("train", "one.toml", "--out", "long")
    expect(done.returncode == 0, "long log", done.stderr)
    run = place.run_folder("long", "one")
    rows = (run / "routing.csv").read_bytes()
    (run / "results.json").unlink()
    shutil.rmtree(run / "checkpoint" / "step_00000020")
    os.truncate(run / "routing.csv", 1 << 40)
    done = place.run("train", "one.toml", "--out", "long")
    expect(done.returncode == 0, "long log", done.stderr)
    expect((run / "routing.csv").read_bytes() == rows, "long log", "must have the same rows")


def tensors_of(path):
    """The integer tensors and the metadata of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    found = {}
    for name, tensor in header.items():
        begin, finish = (8 + size + at for at in tensor["data_offsets"])
        kind = "i" if tensor["dtype"] == "I32" else "f"
        found[name] = struct.unpack(f"<{(finish - begin) // 4}{kind}", data[begin:finish])
    return found, metadata


def check_trace(place):
    done = place.run("trace", "one.toml")
    expect(done.returncode == 0, "trace", done.stderr)
    lines = done.stdout.splitlines()
    expect(lines[-1] == "trace trace.safetensors" and len(lines) == 3 + LAYERS, "trace", done.stdout)
    found, metadata = tensors_of(place.path / "trace.safetensors")
    tokens = len(found["tokens"])
    expect(tokens == 2 * 4 * LENGTH, "trace", f"2 batches of 4 windows have {tokens} tokens")
    for layer in range(LAYERS):
        prefix = f"mixtures.{layer}."
        expect(metadata[prefix + "num_experts"] == str(EXPERTS), "trace", metadata)
        expect(metadata[prefix + "layer"] == str(layer), "trace", metadata)
        experts = found[prefix + "experts"]
        expect(found[prefix + "item_begin"] == tuple(range(tokens + 1)), "trace", "one expert each")
        expect(len(experts) == tokens and set(experts) <= set(range(EXPERTS)), "trace", set(experts))
        busiest = max(experts.count(e) for e in range(EXPERTS)) / tokens
        row = lines[2 + layer].split()
        expect(row == [str(layer), str(EXPERTS), str(tokens), "1.00", f"{100 * busiest:.1f}"],
               "trace", f"{row}, busiest {busiest}")
    before = (place.path / "trace.safetensors").read_bytes()
    place.run("trace", place.run_folder(name="one"), "--threads", 3, "--file", "again")
    expect((place.path / "again").read_bytes() == before, "trace", "must give the same bytes")
    return found


def check_counterfactual(place, trace):
    done = place.run("counterfactual", "one.toml", "--windows", 3)
    expect(done.returncode == 0, "counterfactual", done.stderr)
    rows = rows_of(place.path / "counterfactual.csv")
    expect(len(rows) == LAYERS * 3 * LENGTH, "counterfactual", f"{len(rows)} rows")
    for row in rows:
        loss, best, chance = (float(row[key]) for key in ["loss", "best_loss", "chance_loss"])
        expect(best <= chance and best <= loss, "counterfactual", row)
        expect((row["chosen"] == row["best"]) == (loss == best), "counterfactual", row)
        item = int(row["window"]) * LENGTH + int(row["position"])
        if item >= len(trace["tokens"]):
            continue
        routed = trace[f"mixtures.{row['layer']}.experts"][item]
        expect((routed, trace["tokens"][item]) == (int(row["chosen"]), int(row["token"])),
               "counterfactual", f"the trace has expert {routed}: {row}")
    expect(any(row["chosen"] != row["best"] for row in rows), "counterfactual", "no regret at all")
    expect(len({row["window"] for row in rows}) == 3, "counterfactual", "windows must differ")
    table = [line.split() for line in done.stdout.splitlines()[2:2 + LAYERS]]
    for layer, line in enumerate(table):
        of_layer = [row for row in rows if row["layer"] == str(layer)]
        means = [sum(float(row[key]) for row in of_layer) / len(of_layer)
                 for key in ["loss", "best_loss", "chance_loss"]]
        wanted = [means[0], means[1], means[0] - means[1], means[2]]
        expect(line[:3] == [str(layer), str(EXPERTS), str(len(of_layer))], "counterfactual", line)
        expect(all(abs(float(got) - want) < 1.1e-4 for got, want in zip(line[3:7], wanted)),
               "counterfactual", f"{line} must hold {wanted}")
    expect(len({line[3] for line in table}) == 1, "counterfactual",
           f"with its own choices every layer has the same loss: {table}")
    first = (place.path / "counterfactual.csv").read_bytes()
    place.run("counterfactual", "one.toml", "--windows", 3, "--threads", 2, "--file", "again.csv")
    expect((place.path / "again.csv").read_bytes() == first, "counterfactual", "the same bytes")
    short = place.run("counterfactual", "one.toml", "--windows", 1, "--seq_len", 5)
    expect(short.returncode == 0 and len(rows_of(place.path / "counterfactual.csv")) == LAYERS * 5,
           "counterfactual", short)


def check_refusals(place):
    place.run("train", "tiny.toml")
    place.refused(2, "the router must choose one expert for a token", "counterfactual", "tiny.toml")
    expect(place.run("trace", "tiny.toml").returncode == 0, "trace", "two experts per token")
    place.write("dense.toml", MODEL.split('type = "mixture"')[0] + 'type = "ffn"\nhidden = 8\n' + TRAINING)
    place.run("train", "dense.toml")
    for command in ["trace", "counterfactual"]:
        place.refused(2, "the model has no router", command, "dense.toml")
        place.refused(3, "train the run first", command, "one.toml", "--train.seed=9")
        place.refused(3, "must be a regular file", command, "one.toml", "--file", "/dev/null")
        done = place.refused(3, "absent/x: the folder absent must exist", command, "one.toml", "--file", "absent/x")
        expect(done.stdout == "" and "counterfactual" not in done.stderr, command, "nothing must be computed")
        place.refused(3, "nowhere.toml", command, "nowhere.toml")
    for option in ["--windows", "--seq_len"]:
        place.refused(2, option, "counterfactual", "one.toml", option, 0)


def check_other_text(place):
    """A trained model is looked at with the text that it learnt from, or not at all."""
    file = place.path / "text" / "0.txt"
    before = file.read_text()
    file.write_text(before.replace("mar", "rio"))
    for command in ["eval", "trace", "counterfactual"]:
        place.refused(3, "meta.json: the data must be those that the run began with", command, "one.toml")
    file.write_text(before)
    expect(place.run("eval", "one.toml").returncode == 0, "eval", "with its own text")


def check_compute(place):
    """A trained run may be used with another [compute] than it was trained with."""
    folder = place.run_folder(name="one")
    plain = place.run("eval", folder).stdout
    for given in [folder, "one.toml"]:
        for option in ["--compute.precision=bf16", "--compute={matmul='eigen'}", "--compute.kernels=portable"]:
            done = place.run("eval", given, option)
            expect(done.returncode == 0 and done.stdout.split()[:5] == plain.split()[:5], option, done.stderr)
        for command in ["generate", "trace", "counterfactual"]:
            done = place.run(command, given, "--compute.kernels=portable")
            expect(done.returncode == 0, command, done.stderr)
    place.refused(2, "and, where nothing is trained, compute may be overridden for a run folder", "train", folder,
                  "--compute.precision=bf16")
    place.refused(2, "where nothing is trained, compute may be", "eval", folder, "--model.d_model=32")


with Place() as here:
    here.write("one.toml", ONE)
    expect(here.run("train", "one.toml").returncode == 0, "train", "a model of top-1 routers")
    check_counterfactual(here, check_trace(here))
    check_refusals(here)
    check_other_text(here)
    check_compute(here)
    check_many_experts(here)
    check_long_log(here)
end("routing")
