# SPDX-License-Identifier: Apache-2.0
"""Damaged checkpoints and run folders, full disks: exit code 3, a sentence, and nothing lost."""
import json
import resource
import shutil
import signal
import subprocess

from program import Place, end, expect, expect_same, newest_checkpoint, outcome

FILES = ["model.safetensors", "optimizer.safetensors", "state.json"]
COMMAND = ["train", "tiny.toml"]


def flipped(content, at, bit=1):
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1:]


def damages(name, content):
    yield "empty", b""
    yield "one byte", content[:1]
    yield "half", content[:len(content) // 2]
    yield "last byte gone", content[:-1]
    yield "one byte more", content + b"x"
    yield "first bit flipped", flipped(content, 0)
    if name.endswith("safetensors"):
        yield "header flipped", flipped(content, 9)
        yield "zeros", b"\0" * len(content)
        yield "length 2^63", (1 << 63).to_bytes(8, "little") + content[8:]
    else:
        state = json.loads(content)
        for key, value in [("step", -1), ("step", 11), ("step", 10**18), ("step", 2**64), ("step", 1.5),
                           ("step", "10"), ("step", None), ("optimizer_step", -1), ("seconds", -1), ("joules", -1)]:
            yield f"{key} = {value}", json.dumps({**state, key: value}, indent=2).encode() + b"\n"
        yield "array", b"[" * 60_000
        yield "large", content + b" " * 100_000
        yield "not UTF-8", b"\xff" * 100


class Unfinished:
    """A run folder stopped at step 10 of 20, put back before every attempt."""

    def __init__(self, place):
        self.place = place
        expect(place.run(*COMMAND).returncode == 0, "train", "")
        self.folder = place.run_folder()
        self.wanted = outcome(self.folder)
        (self.folder / "results.json").unlink()
        shutil.rmtree(self.folder / "checkpoint" / "step_00000020")
        self.saved = place.path / "saved"
        shutil.copytree(self.folder, self.saved)

    def reset(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.saved, self.folder)
        return newest_checkpoint(self.folder)

    def must_finish(self, where):
        done = self.place.run(*COMMAND)
        expect(done.returncode == 0, where, done.stderr)
        expect_same(outcome(self.folder), self.wanted, where, but=["files"])


def check_checkpoint_files(run):
    for name in FILES:
        content = (run.saved / "checkpoint" / "step_00000010" / name).read_bytes()
        for what, damaged in damages(name, content):
            checkpoint = run.reset()
            (checkpoint / name).write_bytes(damaged)
            done = run.place.run(*COMMAND)
            where = f"{name}, {what}"
            expect(done.returncode == 3 and f"step_00000010/{name}: " in done.stderr, where,
                   f"exit code {done.returncode}: {done.stderr[-300:]}")
            expect("exception" not in done.stderr, where, done.stderr)
            expect([p.name for p in (run.folder / "checkpoint").iterdir()] == ["step_00000010"], where,
                   "must not touch the checkpoints")
        checkpoint = run.reset()
        (checkpoint / name).unlink()
        run.place.refused(3, f"step_00000010/{name}", *COMMAND)
        if name == "model.safetensors":
            run.place.refused(3, "model.safetensors", "eval", "tiny.toml")
            run.place.refused(3, "model.safetensors", "generate", "tiny.toml")
    run.reset()
    run.must_finish("untouched")


def check_flipped_data(run):
    """A bit of the weights can only be noticed by a checksum."""
    for name in FILES[:2]:
        checkpoint = run.reset()
        content = (checkpoint / name).read_bytes()
        (checkpoint / name).write_bytes(flipped(content, len(content) - 3, 64))
        run.place.refused(3, "damaged", *COMMAND)
        if name == FILES[0]:
            run.place.refused(3, "damaged", "export", "tiny.toml", "exported")
            expect(not (run.place.path / "exported").exists(), "export", "must write nothing")


def check_swapped(run):
    """Files of another model, or of another step."""
    other = ["--out", "other", "--model.d_model=32"]
    expect(run.place.run(*COMMAND, *other).returncode == 0, "other", "")
    others = newest_checkpoint(run.place.run_folder("other"))
    for name in FILES:
        checkpoint = run.reset()
        shutil.copy(others / name, checkpoint / name)
        run.place.refused(3, name, *COMMAND)
    checkpoint = run.reset()
    shutil.copy(checkpoint / FILES[0], checkpoint / FILES[1])
    run.place.refused(3, "optimizer.safetensors", *COMMAND)
    run.reset().rename(run.folder / "checkpoint" / "step_00000013")
    run.place.refused(3, "step must be that of the folder", *COMMAND)
    run.reset().rename(run.folder / "checkpoint" / "step_x")  # not a checkpoint's name
    expect(run.place.run(*COMMAND).returncode == 0, "step_x", "must train from the beginning")


def check_other_files(run):
    run.reset()
    (run.folder / "metrics.csv").write_text("nonsense\n1,2,3\n")
    refused = run.place.refused(3, "metrics.csv:", *COMMAND)
    expect("without the file the run goes on" in refused.stderr, "metrics.csv", refused.stderr)
    run.reset()
    for name, rows in [("routing_layers.csv", "step,layer,evenness\n1,0,1\n"), ("routing.csv", "step,expert\n1,0\n")]:
        before = {path: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}
        (run.folder / name).write_text(rows)
        run.place.refused(3, f"{name}:1: the header must be", *COMMAND)
        expect((run.folder / name).read_text() == rows, name, "must stay as it was")
        for path, content in before.items():
            if path.name not in [name, ".lock"]:
                expect(path.read_bytes() == content, name, f"{path.name} must stay as it was")
        run.reset()
    for name in ["metrics.csv", "routing.csv", "routing_layers.csv"]:  # a run needs no rows to go on
        lines = (run.saved / name).read_text().splitlines()
        for what, content in [("removed", None), ("half", "\n".join(lines[:len(lines) // 2]) + "\n"),
                              ("header without its end", lines[0])]:
            run.reset()
            if content is None:
                (run.folder / name).unlink()
            else:
                (run.folder / name).write_text(content)
            done = run.place.run(*COMMAND)
            where = f"{name}, {what}"
            expect(done.returncode == 0, where, done.stderr)
            expect(f"{name}: the rows of the steps before have changed" in done.stderr, where, done.stderr)
            expect((run.folder / name).read_text().startswith(lines[0] + "\n"), where, "must have its header")
            expect(run.place.run("report", "tiny.toml").returncode == 0, where, "must be reported")
    run.reset()
    metrics = (run.folder / "metrics.csv").read_text()
    (run.folder / "metrics.csv").write_text(metrics + "15,9")  # a row cut short by a crash
    (run.folder / ".tmp-metrics.csv").write_text("x")
    (run.folder / "checkpoint" / ".tmp-step_00000020").mkdir()
    run.must_finish("a cut row and leftovers")
    expect(not list(run.folder.rglob(".tmp-*")), "leftovers", "must be removed")
    (run.folder / "results.json").unlink()
    run.must_finish("ended after the last checkpoint, before results.json")
    for text in ["", "{", "[]", "{}", '{"training": 1, "results": {}}', "[" * 50_000]:
        (run.folder / "results.json").write_text(text)
        run.place.refused(3, "results.json: the file is damaged", *COMMAND)
    run.reset()
    shutil.rmtree(run.folder / "checkpoint")
    (run.folder / "checkpoint").write_text("a file")
    run.place.refused(3, "checkpoint", *COMMAND)
    for cache in (run.place.path / "runs" / "cache").iterdir():
        cache.write_bytes(cache.read_bytes()[:100])
    run.reset()
    run.must_finish("a damaged token cache")


def check_full_disk(run):
    """Files may not grow beyond a limit, as on a full disk: exit 3; with room again, all goes on."""
    for limit in [0, 100, 4_000, 30_000, 60_000]:
        run.reset()

        def restrict():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # which would end the program
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        done = run.place.run(*COMMAND, preexec_fn=restrict)
        where = f"at most {limit} bytes a file"
        expect(done.returncode == 3 and "moenda: " in done.stderr, where, f"{done.returncode}: {done.stderr}")
        run.must_finish(where)
    check_small_file_system(run)


def check_small_file_system(run):
    small = run.place.path / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small], capture_output=True,
                           text=True, check=False)
    if mount.returncode != 0:
        print(f"skipped: the small file system ({mount.stderr.strip()})")
        return
    try:
        run.place.refused(3, "No space left on device", *COMMAND, "--out", "small")
    finally:
        subprocess.run(["umount", small], check=True)


with Place() as place:
    run = Unfinished(place)
    check_checkpoint_files(run)
    check_flipped_data(run)
    check_swapped(run)
    check_other_files(run)
    check_full_disk(run)
end("damage")
