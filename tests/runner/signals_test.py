# SPDX-License-Identifier: Apache-2.0
"""Signals, sudden death and two processes on one run folder: python3 signals_test.py MOENDA [seed]"""
import fcntl
import os
import random
import signal
import sys
import threading
import time

from program import (Place, end, expect, expect_same, interrupt, last_step, newest_checkpoint, outcome,
                     wait_for)

ENDLESS = ["train", "tiny.toml", "--out", "endless", "--train.steps=1000000000", "--log.every=1",
           "--train.schedule.shape=constant"]


def started(place, command, out):
    """A running process that has taken at least two steps more than before."""
    def step():
        try:
            return last_step(place.run_folder(out))
        except (OSError, AssertionError):
            return 0
    before = step()
    process = place.start(*command)
    wait_for(lambda: process.poll() is not None or step() >= before + 2, "no step was taken")
    expect(process.poll() is None, command, f"ended by itself: {process.stderr}")
    return process


def check_signals(place):
    """130, a checkpoint of the step that the message names, and the same command goes on."""
    steps = [0]
    for number in [signal.SIGINT, signal.SIGTERM, signal.SIGINT]:
        code, stderr = interrupt(started(place, ENDLESS, "endless"), number)
        expect(code == 130, number, f"exit code {code}: {stderr}")
        folder = place.run_folder("endless")
        step = int(newest_checkpoint(folder).name.split("_")[1])
        expect(f"interrupted, saved after step {step}; the same command continues" in stderr, number, stderr)
        expect(step > steps[-1], number, f"step {step} after {steps[-1]}")
        if steps[-1] > 0:
            expect(f"continuing after step {steps[-1]}" in stderr, number, stderr)
        expect(last_step(folder) == step, number, f"metrics.csv ends at {last_step(folder)}, not {step}")
        leftovers = [p.name for p in folder.rglob(".tmp-*")]
        expect(not leftovers, number, leftovers)
        steps.append(step)
    rows = [line.split(",")[0] for line in (folder / "metrics.csv").read_text().splitlines()[1:]]
    expect(rows == [str(i) for i in range(1, steps[-1] + 1)], "metrics.csv", "must have each step once")


def check_signal_at_the_end(place):
    """The test loss and the sample after the last step do not outlast a signal."""
    command = ["train", "tiny.toml", "--out", "end", "--generate.max_tokens=2000000000"]
    process = place.start(*command)
    wait_for(lambda: list(place.path.glob("end/tiny/*/checkpoint/step_00000020")), "no last checkpoint")
    time.sleep(0.1)
    code, stderr = interrupt(process, signal.SIGTERM)
    expect(code == 130 and "saved after step 20" in stderr, "signal at the end", f"{code}: {stderr}")


def check_removed(place):
    """A run whose folder is removed under it says so, whatever it still had open."""
    process = started(place, [*ENDLESS[:3], "removed", *ENDLESS[4:], "--log.checkpoint_every=50"], "removed")
    folder = place.run_folder("removed")
    folder.rename(place.path / "elsewhere")
    _, stderr = process.communicate(timeout=30)
    expect(process.returncode == 3 and f"{folder.name}: was removed while" in stderr, "removed",
           f"{process.returncode}: {stderr}")
    expect(not folder.exists(), "removed", "must not be made again")


def check_lock(place):
    """A second process is refused by name; a killed holder leaves no lock."""
    command = [*ENDLESS]
    command[3] = "locked"
    first = started(place, command, "locked")
    folder = place.run_folder("locked").relative_to(place.path)
    for extra in [[], ["--force"]]:
        place.refused(3, f"{folder}: is in use by process {first.pid}", *command, *extra)
    first.kill()
    first.communicate()
    code, stderr = interrupt(started(place, command, "locked"))
    expect(code == 130, "lock", f"after a killed holder: {code}, {stderr}")


def check_lock_of_sweep(place):
    """A run that a killed sweep left behind may take a while to save: the next sweep waits for it."""
    place.write("waits.toml", (place.path / "tiny.toml").read_text() +
                '[sweep]\nrepeat_seeds = 1\n[sweep.parameters]\n"train.steps" = [3]\n')
    command = ["sweep", "waits.toml"]
    expect(place.run(*command).returncode == 0, "sweep", "")
    run, = (p.parent for p in (place.path / "runs" / "waits").glob("*/results.json"))
    (run / "results.json").unlink()
    with open(run / ".lock", "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(0.5, lambda: fcntl.flock(held, fcntl.LOCK_UN))
        timer.start()
        done = place.run(*command)
        timer.join()
    expect(done.returncode == 0 and (run / "results.json").exists(), "sweep", done.stderr)


def check_sudden_death(place, seed, kills=30):
    """kill -9 at random moments of a run that saves every other step; then the same bytes."""
    chance = random.Random(seed)
    steps = ["--train.steps=200", "--log.every=1", "--log.checkpoint_every=2"]
    expect(place.run("train", "tiny.toml", "--out", "whole", *steps).returncode == 0, "whole", "")
    wanted = outcome(place.run_folder("whole"))
    command = ["train", "tiny.toml", "--out", "killed", *steps, "--threads", 2]
    killed = 0
    while killed < kills:
        process = place.start(*command)
        time.sleep(chance.uniform(0, 0.12))
        if process.poll() is not None:
            expect(process.returncode == 0, f"seed {seed}, after {killed} kills", process.stderr.read())
            break
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        killed += 1
        check_what_is_left(place, f"seed {seed}, kill {killed}")
    done = place.run(*command)
    expect(done.returncode == 0, f"seed {seed}, after {killed} kills", done.stderr)
    folder = place.run_folder("killed")
    expect_same(outcome(folder), wanted, f"seed {seed}, after {killed} kills")
    expect(not list(folder.rglob(".tmp-*")), f"seed {seed}", "leftovers stay")
    print(f"killed {killed} times, seed {seed}")
    return killed


def check_what_is_left(place, where):
    """Whatever has a final name is whole."""
    for checkpoint in place.path.glob("killed/tiny/*/checkpoint/step_*"):
        files = sorted(p.name for p in checkpoint.iterdir())
        expect(files == ["model.safetensors", "optimizer.safetensors", "state.json"], where, files)


with Place() as place:
    check_signals(place)
    check_signal_at_the_end(place)
    check_removed(place)
    check_lock(place)
    check_lock_of_sweep(place)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    killed = check_sudden_death(place, seed)
    expect(killed >= 5, "sudden death", f"only {killed} kills: the moments must be nearer")
end("signals")
