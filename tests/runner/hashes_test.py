# SPDX-License-Identifier: Apache-2.0
"""A finished run keeps hashes of its files: what has changed since is said, and what may change is not."""
import json
import resource
import shutil

from program import Place, end, expect

NOTE = "not as when the run ended"


def notes(result):
    return [line for line in (result.stdout + result.stderr).splitlines() if NOTE in line]


def change(run):
    """One number of the first row."""
    header, rows = (run / "metrics.csv").read_text().split("\n", 1)
    (run / "metrics.csv").write_text(header + "\n" + rows.replace(",", ",1", 1))


with Place() as place:
    done = place.run("train", "tiny.toml")
    expect(done.returncode == 0 and not notes(done), "train", done.stderr)
    run = place.run_folder()
    listed = json.loads((run / "hashes.json").read_text())["files"]
    wanted = {p.name for p in run.iterdir() if p.is_file()} - {".lock", "hashes.json"}
    wanted.add("checkpoint/step_00000020/state.json")
    expect(set(listed) == wanted, "hashes.json", f"{sorted(listed)} / {sorted(wanted)}")

    # What commands do afterwards is no alarm.
    for command in [["train", "tiny.toml"], ["eval", "tiny.toml"], ["generate", run], ["report", run],
                    ["trace", run, "--file", run / "trace.safetensors"]]:
        done = place.run(*command)
        expect(done.returncode == 0 and not notes(done), command, done.stdout + done.stderr)
    for command in ["trace", "counterfactual"]:
        place.refused(2, "metrics.csv: must not take the place of a file in the model's folder", command, run,
                      "--file", run / "metrics.csv")
    for command in [["train", "tiny.toml", "--evaluate.test_batches=2"], ["report", run], ["train", "tiny.toml", "--force"],
                    ["report", run]]:
        done = place.run(*command)
        expect(done.returncode == 0 and not notes(done), command, done.stdout + done.stderr)

    # A digit of a log changes: named, and all goes on.
    saved = place.path / "saved"
    shutil.copytree(run, saved)
    change(run)
    for command in [["report", run], ["train", "tiny.toml"], ["eval", run], ["generate", run]]:
        done = place.run(*command)
        expect(done.returncode == 0 and len(notes(done)) == 1 and "metrics.csv;" in notes(done)[0], command,
               done.stdout + done.stderr)
    expect(NOTE in (place.path / "report.html").read_text(), "report", "the page must say it too")
    (run / "routing.json").unlink()
    done = place.run("report", run)
    expect("metrics.csv, routing.json (gone)" in "".join(notes(done)), "gone", notes(done))
    (run / "hashes.json").write_text("{")
    done = place.run("report", run)
    expect(done.returncode == 0 and "hashes.json: hashes.json" in "".join(notes(done)), "damaged", notes(done))

    # A run of an earlier version has no hashes: it is read as before.
    (run / "hashes.json").unlink()
    done = place.run("report", run)
    expect(done.returncode == 0 and not notes(done), "without hashes", done.stderr)

    # A run that goes on loses them until it ends.
    shutil.rmtree(run)
    shutil.copytree(saved, run)
    (run / "results.json").unlink()
    shutil.rmtree(run / "checkpoint" / "step_00000020")
    done = place.run("train", "tiny.toml")
    expect(done.returncode == 0 and not notes(done), "goes on", done.stderr)
    done = place.run("report", run)
    expect(done.returncode == 0 and not notes(done), "went on", done.stdout)

    # Rows that change while a run is stopped are told when it goes on, and ever after.
    for file, header in [("metrics.csv", "step,tokens"), ("routing_layers.csv", "step,layer")]:
        for what in ["a digit", "a row"]:
            shutil.rmtree(run)
            shutil.copytree(saved, run)
            for name in ["results.json", "hashes.json"]:
                (run / name).unlink()
            shutil.rmtree(run / "checkpoint" / "step_00000020")
            rows = (run / file).read_text().split("\n")
            expect(rows[0].startswith(header), file, rows[0])
            if what == "a row":
                del rows[1]
            else:
                last = rows[1].rstrip("0123456789.e-")
                rows[1] = last + "0.5"
            (run / file).write_text("\n".join(rows))
            done = place.run("train", "tiny.toml")
            expect(done.returncode == 0 and f"{file}: the rows of the steps before have changed" in done.stderr,
                   f"{file}, {what}", done.stderr)
            done = place.run("report", run)
            expect(len(notes(done)) == 1 and f"{file};" in notes(done)[0], f"{file}, {what}", done.stdout)

    # Measuring again says what has changed, and goes on saying it of what it does not write anew.
    def edit(name, old, wanted):
        text = (run / name).read_text()
        expect(old in text, name, f"must hold {old}")
        (run / name).write_text(text.replace(old, wanted, 1))

    def restore():
        shutil.rmtree(run)
        shutil.copytree(saved, run)

    restore()
    edit("results.json", '"test_loss": ', '"test_loss": 1')
    edit("results.json", '"peak_bytes": ', '"peak_bytes": 1')
    events, = run.glob("events.*")
    events.write_bytes(events.read_bytes() + b"junk")
    again = ["train", "tiny.toml", "--evaluate.test_batches=1"]
    done = place.run(*again)
    expect(done.returncode == 0 and len(notes(done)) == 1, again, done.stderr)
    expect(f"{events.name}, results.json;" in notes(done)[0], again, notes(done))
    done = place.run("report", run)
    expect(len(notes(done)) == 1 and f": {events.name};" in notes(done)[0], again, notes(done))
    training = json.loads((run / "results.json").read_text())["training"]
    expect("peak_bytes" not in training, again, "a number from a file that has changed")

    # Also where that was interrupted: early by a disk that is full, late by a folder in a file's place.
    def little_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    for early in [True, False]:
        restore()
        edit("results.json", '"test_loss": ', '"test_loss": 1')
        if not early:
            (run / "routing.json").unlink()
            (run / "routing.json").mkdir()
        done = place.run(*again, preexec_fn=little_disk if early else None)
        expect(done.returncode == 3, "interrupted", done.stderr)
        if not early:
            (run / "routing.json").rmdir()
        for command in [["report", run], again]:
            done = place.run(*command)
            expect(len(notes(done)) == 1 and ": results.json" in notes(done)[0], command, notes(done))
        done = place.run("report", run)
        expect(not notes(done), "measured whole", notes(done))

    # Weights of another step than the last.
    restore()
    last, before = (run / "checkpoint" / f"step_000000{step}" for step in [20, 10])
    shutil.copy(before / "model.safetensors", last)
    for command in [["eval", run], ["generate", run]]:
        place.refused(3, "must hold the weights with the checksum", *command)
    restore()
    shutil.rmtree(last)
    for command in [["eval", run], ["generate", run]]:
        done = place.run(*command)
        expect(done.returncode == 0 and "step_00000020/state.json (gone)" in "".join(notes(done)), command, done.stderr)
    before.rename(run / "checkpoint" / "step_00000030")
    for command in [["eval", run], ["generate", run]]:
        place.refused(3, "state.json: step must be that of the folder, got 10", *command)

    # The runs of a sweep.
    place.write("s.toml", 'extends = "tiny.toml"\n[sweep.parameters]\n"train.seed" = [1, 2]\n')
    expect(place.run("sweep", "s.toml").returncode == 0, "sweep", "")
    first = sorted(p for p in (place.path / "runs" / "s").iterdir() if (p / "results.json").exists())[0]
    expect(not notes(place.run("report", "runs/s")), "sweep", "nothing has changed")
    change(first)
    for command in [["report", "runs/s"], ["sweep", "s.toml"]]:
        done = place.run(*command)
        expect(done.returncode == 0 and f"s/{first.name}: " in "".join(notes(done)), command, done.stderr)
end("hashes")
