# SPDX-License-Identifier: Apache-2.0
"""What a run keeps when it dies while it begins, and when it is trained again with --force."""
import resource
import shutil
import subprocess

from program import Place, end, expect, expect_same, outcome

LEARNT = ["train", "tiny.toml", "--tokenizer.kind=trained", "--tokenizer.vocab_size=300",
          "--train.steps=4", "--log.checkpoint_every=2"]
COMMAND = ["train", "tiny.toml"]


def check_torn_tokenizer(place):
    """What earlier versions left when they died while they saved a tokenizer."""
    expect(place.run(*LEARNT, "--out", "whole").returncode == 0, "whole", "")
    whole = place.run_folder("whole")
    wanted = outcome(whole)
    encoder = (whole / "tokenizer" / "encoder.json").read_bytes()
    for files in [{}, {"encoder.json": encoder}, {"vocab.bpe": b""}, {"encoder.json": encoder[:99], "vocab.bpe": b""},
                  {".tmp-12-0": b"half"}]:
        folder = place.path / "torn" / "tiny" / whole.name
        shutil.rmtree(place.path / "torn", ignore_errors=True)
        (folder / "tokenizer").mkdir(parents=True)
        for name, content in files.items():
            (folder / "tokenizer" / name).write_bytes(content)
        done = place.run(*LEARNT, "--out", "torn")
        where = f"a tokenizer with {sorted(files)}"
        expect(done.returncode == 0, where, done.stderr)
        if done.returncode == 0:
            expect_same(outcome(folder), wanted, where)
            expect(sorted(p.name for p in (folder / "tokenizer").iterdir()) == ["encoder.json", "vocab.bpe"],
                   where, "must be whole")
    # With a checkpoint, the tokenizer is a part of the model.
    (whole / "results.json").unlink()
    (whole / "tokenizer" / "vocab.bpe").unlink()
    place.refused(3, "vocab.bpe", *LEARNT, "--out", "whole")


def check_death_at_renames(place):
    """Killed at the n-th rename, for every n; then the same command ends in the same bytes."""
    if shutil.which("strace") is None:
        print("skipped: death at renames (strace is not installed)")
        return
    wanted = outcome(place.run_folder("torn"))
    for at in range(1, 40):
        shutil.rmtree(place.path / "killed", ignore_errors=True)
        command = [place.program, *LEARNT, "--out", "killed"]
        traced = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                                 f"inject=rename,renameat2:signal=KILL:when={at}", *command],
                                cwd=place.path, env=place.environment(), capture_output=True, check=False)
        if traced.returncode == 0:
            expect(at > 10, "renames", f"only {at}")
            return
        expect(traced.returncode in (-9, 137), f"rename {at}", traced)
        done = place.run(*LEARNT, "--out", "killed")
        expect(done.returncode == 0, f"rename {at}", done.stderr)
        if done.returncode == 0:
            expect_same(outcome(place.run_folder("killed")), wanted, f"rename {at}")
    expect(False, "renames", "must come to an end")


def check_force_that_cannot_train(place):
    """The trained run is there until a new one is."""
    expect(place.run(*COMMAND).returncode == 0, "train", "")
    folder = place.run_folder()
    wanted = outcome(folder)
    (place.path / "text").rename(place.path / "elsewhere")
    place.refused(3, "data: 'text' must exist", *COMMAND, "--force")
    (place.path / "elsewhere").rename(place.path / "text")
    expect_same(outcome(folder), wanted, "without data")

    least = 24  # with less the system cannot load the program's libraries
    for megabytes in range(least, 200, 2):

        def little_memory(limit=megabytes << 20):
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

        done = place.run(*COMMAND, "--force", "--threads", 1, preexec_fn=little_memory)
        if done.returncode == 0:
            break
        where = f"{megabytes} MB"
        expect(done.returncode == 3, where, f"{done.returncode}: {done.stderr}")
        aside = folder / "before_force"
        expect_same(outcome(aside if aside.exists() else folder), wanted, where, but=["files"])
    expect(megabytes > least, "little memory", "must not be enough at first")
    expect_same(outcome(folder), wanted, "enough memory")


def check_set_aside(place):
    """A new run that has no checkpoint yet leaves the old one whole in a folder that it names."""
    folder = place.run_folder()
    aside = folder / "before_force"
    wanted = outcome(folder)
    # Files may not grow, so the first checkpoint fails.
    forced = [*COMMAND, "--force", "--log.checkpoint_every=2"]

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))

    for attempt in range(2):
        done = place.run(*forced, preexec_fn=small_files)
        where = f"forced, attempt {attempt}"
        expect(done.returncode not in (0, 2), where, f"{done.returncode}: {done.stderr}")
        expect(f"lies in {aside.relative_to(place.path)}" in done.stderr, where, done.stderr)
        expect(not (folder / "results.json").exists(), where, "the run must be an unfinished one")
        expect_same(outcome(aside), wanted, where, but=["files"])
        used = place.run("eval", aside)
        expect(used.returncode == 0, where, used.stderr)
    # Without --force the new run goes on, and then nothing is left of the old one.
    done = place.run(*COMMAND)
    expect(done.returncode == 0 and not aside.exists(), "goes on", done.stderr)
    expect_same(outcome(folder), wanted, "goes on")
    expect(place.run(*COMMAND, "--force").returncode == 0 and not aside.exists(), "forced", "")
    expect_same(outcome(folder), wanted, "forced")


with Place() as place:
    check_torn_tokenizer(place)
    check_death_at_renames(place)
    check_force_that_cannot_train(place)
    check_set_aside(place)
end("kept")
