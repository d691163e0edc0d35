# SPDX-License-Identifier: Apache-2.0
"""A run that begins with the weights of another one, and tensors that stay as they are."""

import json
import os
import shutil

from program import MODEL, TRAINING, Place, end, expect, newest_checkpoint, rows_of

DENSE = MODEL + TRAINING + """
[tokenizer]
kind = "trained"
vocab_size = 300
[model.block]
ffn = { type = "swiglu", hidden = 16 }
"""


def valid_loss_at_start(place, name):
    """The training loss of step 1, before any update."""
    folders = [p for p in (place.path / "runs" / name).iterdir() if p.is_dir()]
    return float(rows_of(folders[0] / "metrics.csv")[0]["train_loss"]), folders[0]


def results_of(place, name):
    file, = (place.path / "runs" / name).glob("*/results.json")
    return json.loads(file.read_text())["results"]["language_modeling"]


def check_received(place):
    """The run that is begun with is damaged, or leads elsewhere."""
    first, = (place.path / "runs" / "dense").iterdir()
    saved = place.path / "saved_dense"
    shutil.copytree(first, saved)

    def begins():
        """A run that has not begun, from what the first one is now."""
        return ["train", "tuned.toml", "--force"]

    def restore():
        shutil.rmtree(first)
        shutil.copytree(saved, first)

    weights = newest_checkpoint(first) / "model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-40] ^= 1
    weights.write_bytes(damaged)
    place.refused(3, "model.safetensors: the file is damaged", *begins())
    restore()
    merges = first / "tokenizer" / "encoder.json"
    swapped = merges.read_text().replace(": 65,", ": x,").replace(": 66,", ": 65,").replace(": x,", ": 66,")
    expect(swapped != merges.read_text(), "encoder.json", "must have ids 65 and 66")
    merges.write_text(swapped)
    done = place.run(*begins())
    expect(done.returncode == 0 and "by its hashes.json: tokenizer/encoder.json" in done.stderr,
           "tokenizer", done.stderr)
    for name in ["tokenizer", "config.resolved.toml"]:
        restore()
        (first / name).rename(place.path / "elsewhere")
        (first / name).symlink_to(place.path / "elsewhere")
        place.refused(3, f"{name}: must be ", *begins())
        (first / name).unlink()
        (place.path / "elsewhere").rename(first / name)
    restore()
    # A run that has begun knows what it began with.
    place.run("train", "tuned.toml", "--force")
    expect(place.run("train", "tuned.toml").returncode == 0, "the same", "must be trained")
    place.run("train", "dense.toml", "--out", "others", "--train.seed=9")
    another, = (place.path / "others" / "dense").iterdir()
    shutil.rmtree(first)
    shutil.copytree(another, first)
    note = "start_from names other weights by now"
    done = place.run("train", "tuned.toml")
    expect(done.returncode == 0 and note in done.stderr, "another", done.stderr)
    shutil.rmtree(first / "checkpoint")
    done = place.run("train", "tuned.toml")
    expect(done.returncode == 0 and note not in done.stderr, "gone", done.stderr)
    restore()


with Place() as here:
    here.write("dense.toml", MODEL.split("[model.block.ffn]")[0] + DENSE.replace(MODEL, ""))
    here.write("more_dense.toml", 'extends = "dense.toml"\nstart_from = "dense.toml"\n')
    here.write("upcycled.toml", 'extends = "dense.toml"\nstart_from = "dense.toml"\n'
               '[train]\nfreeze = ["*.attention.*"]\n'
               '[model.block.ffn]\ntype = "mixture"\nrouter = { type = "top_k", top_k = 2 }\n'
               'experts = { count = 3, each = { type = "swiglu", hidden = 16 } }\n')
    here.refused(3, "must be trained first", "train", "more_dense.toml")
    done = here.run("train", "dense.toml")
    expect(done.returncode == 0, "dense", done.stderr)
    for name in ["more_dense", "upcycled"]:
        done = here.run("train", f"{name}.toml")
        expect(done.returncode == 0 and "begins with" in done.stderr, name, done.stderr)
    first, _ = valid_loss_at_start(here, "more_dense")
    other, folder = valid_loss_at_start(here, "upcycled")
    expect(abs(first - other) < 1e-4, "upcycled", f"must begin with {first}, got {other}")
    untrained, _ = valid_loss_at_start(here, "dense")
    expect(untrained - first > 0.1, "more_dense", f"must begin below {untrained}, got {first}")
    resolved = (folder / "config.resolved.toml").read_text()
    expect('start_from = "dense/' in resolved, "config.resolved.toml", resolved[:300])
    expect((folder / "tokenizer").is_dir(), "tokenizer", "must be kept")
    (here.path / "other").mkdir()
    (here.path / "other" / "0.txt").write_text("x = y + z; return x\n" * 400)
    here.write("tuned.toml", 'extends = "dense.toml"\nstart_from = "dense.toml"\n'
               'data = { paths = ["other"], split = "position" }\n'
               '[train]\nsteps = 1\noptimizer = { learning_rate = 0.0 }\n')
    done = here.run("train", "tuned.toml")
    expect(done.returncode == 0, "tuned", done.stderr)
    first, tuned, same = (results_of(here, name) for name in ["dense", "tuned", "more_dense"])
    expect(abs(tuned.get("old_test_loss", 0) - first["test_loss"]) < 1e-9, "old_test_loss",
           f"must be {first['test_loss']} before anything is learnt, got {tuned}")
    expect(abs(tuned["test_loss"] - first["test_loss"]) > 0.01, "tuned", "another text")
    expect("old_test_loss" not in same, "more_dense", "has the text that it began with")
    check_received(here)
    own, = (here.path / "runs" / "tuned").iterdir()
    (own / "config.resolved.toml").unlink()
    os.mkfifo(own / "config.resolved.toml")
    here.refused(3, "config.resolved.toml: must be a regular file", "train", "tuned.toml")
    here.write("nowhere.toml", 'extends = "dense.toml"\nstart_from = "absent.toml"\n')
    here.refused(3, "there is no such configuration file", "train", "nowhere.toml")
    here.write("misfit.toml", 'extends = "dense.toml"\nstart_from = "dense.toml"\n'
               '[model.block]\nffn = { type = "swiglu", hidden = 17 }\n')
    here.refused(3, "must have the shape of", "train", "misfit.toml")
    here.write("frozen.toml", 'extends = "dense.toml"\ntrain.freeze = ["*.ruter.*"]\n')
    here.refused(2, "freeze must name tensors of the model", "train", "frozen.toml")
end("start_from")
