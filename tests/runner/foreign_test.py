# SPDX-License-Identifier: Apache-2.0
"""Run folders that somebody else has made: nothing in them leads out of them."""
import os
import shutil

from program import Place, end, expect, newest_checkpoint

COMMAND = ["train", "tiny.toml"]
PRECIOUS = "precious\n"


class Received:
    """A run folder stopped at step 10 of 20, and beside it what must stay as it is."""

    def __init__(self, place):
        self.place = place
        expect(place.run(*COMMAND).returncode == 0, "train", "")
        self.folder = place.run_folder()
        (self.folder / "results.json").unlink()
        shutil.rmtree(self.folder / "checkpoint" / "step_00000020")
        self.saved = place.path / "saved"
        shutil.copytree(self.folder, self.saved)
        self.victim = place.write("victim", PRECIOUS)
        self.victims = place.path / "victims"
        (self.victims / ".tmp-work").mkdir(parents=True)
        (self.victims / ".tmp-work" / "file").write_text(PRECIOUS)

    def reset(self):
        if self.folder.is_symlink():
            self.folder.unlink()
        else:
            shutil.rmtree(self.folder)
        shutil.copytree(self.saved, self.folder)

    def refuses(self, path, *command):
        """Exit code 3 and the name of the link; what it leads to stays."""
        self.place.refused(3, f"{path}: must be ", *command)
        expect(self.victim.read_text() == PRECIOUS, path, f"victim holds {self.victim.read_text()!r}")
        expect((self.victims / ".tmp-work" / "file").read_text() == PRECIOUS, path, "must not be removed")
        expect(sorted(p.name for p in self.victims.iterdir()) == [".tmp-work"], path,
               f"must not be written into: {sorted(self.victims.iterdir())}")


def check_files(run):
    names = [".lock", "metrics.csv", "routing.csv", "routing_layers.csv", "config.resolved.toml",
             "meta.json", "results.json", "events.out.tfevents.1", "checkpoint/step_00000010/state.json",
             "checkpoint/step_00000010/model.safetensors"]
    for make in [os.symlink, os.link]:
        for name in names:
            run.reset()
            path = run.folder / name
            path.unlink(missing_ok=True)
            make(run.victim, path)
            shown = path.relative_to(run.place.path)
            run.refuses(shown, *COMMAND)
            run.refuses(shown, *COMMAND, "--force")
    run.reset()
    os.mkfifo(run.folder / "routing_x.csv")
    run.refuses((run.folder / "routing_x.csv").relative_to(run.place.path), *COMMAND)


def check_folders(run):
    for name in ["checkpoint", "checkpoint/step_00000010", "tokenizer"]:
        run.reset()
        path = run.folder / name
        if path.exists():
            shutil.rmtree(path)
        path.symlink_to(run.victims)
        run.refuses(path.relative_to(run.place.path), *COMMAND)
        run.refuses(path.relative_to(run.place.path), *COMMAND, "--force")
    run.reset()
    shutil.rmtree(run.folder)
    run.folder.symlink_to(run.victims)
    shown = run.folder.relative_to(run.place.path)
    for command in [COMMAND, [*COMMAND, "--force"], ["eval", "tiny.toml"], ["train", shown],
                    ["train", f"{shown}/"], ["report", shown]]:
        run.refuses(shown, *command)


def check_readers(run):
    """Commands that read only."""
    for name in ["model.safetensors"]:
        run.reset()
        weights = newest_checkpoint(run.folder) / name
        elsewhere = run.place.path / "elsewhere"
        shutil.move(weights, elsewhere)
        weights.symlink_to(elsewhere)
        for command in [["eval", "tiny.toml"], ["generate", "tiny.toml"]]:
            run.refuses(weights.relative_to(run.place.path), *command)
    run.reset()
    (run.folder / "meta.json").unlink()
    (run.folder / "meta.json").symlink_to(run.victim)
    shown = (run.folder / "meta.json").relative_to(run.place.path)
    run.refuses(shown, "report", run.folder.relative_to(run.place.path))
    (run.folder / "meta.json").unlink()
    os.mkfifo(run.folder / "meta.json")
    run.refuses(shown, "report", run.folder.relative_to(run.place.path))


def check_sweep(run):
    """What a sweep writes beside its runs."""
    run.place.write("two.toml", (run.place.path / "tiny.toml").read_text() +
                    '[sweep]\nrepeat_seeds = 1\n[sweep.parameters]\n"train.steps" = [1, 2]\n')
    command = ["sweep", "two.toml", "-j", 2]
    folder = run.place.path / "runs" / "two"
    for name in [".lock", "sweep.json", "sweep/log"]:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(run.victim)
        run.refuses((folder / name).relative_to(run.place.path), *command)
    for name in ["", "sweep"]:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = folder / name if name else folder
        if not name:
            folder.rmdir()
        path.symlink_to(run.victims)
        run.refuses(path.relative_to(run.place.path), *command)
        path.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    done = run.place.run(*command)
    expect(done.returncode == 0, "sweep", done.stderr)
    folder.rename(run.place.path / "another_place")
    folder.symlink_to(run.place.path / "another_place")
    run.place.refused(3, "must be a folder itself, and it is a link", "report", "two.toml")
    run.place.refused(3, "must be a folder itself, and it is a link", "report", folder)
    folder.unlink()
    (run.place.path / "another_place").rename(folder)
    # What the sweep wrote of a run that failed, and its folder.
    notes = folder / "sweep"
    ids = [p.name for p in folder.iterdir() if (p / "results.json").exists()]
    (folder / ids[0] / "results.json").rename(run.place.path / "results")
    failed = notes / f"{ids[0]}.failed"
    failed.symlink_to(run.victim)
    shown = failed.relative_to(run.place.path)
    run.refuses(shown, "report", "two.toml")
    failed.unlink()
    os.mkfifo(failed)
    run.refuses(shown, "report", "two.toml")
    failed.unlink()
    notes.rename(run.place.path / "notes")
    notes.symlink_to(run.place.path / "notes")
    run.refuses(notes.relative_to(run.place.path), "report", "two.toml")
    notes.unlink()
    (run.place.path / "notes").rename(notes)
    (run.place.path / "results").rename(folder / ids[0] / "results.json")
    (folder / "sweep.json").rename(run.place.path / "sweep.json")
    os.mkfifo(folder / "sweep.json")
    run.refuses((folder / "sweep.json").relative_to(run.place.path), "report", folder)
    (folder / "sweep.json").unlink()
    (run.place.path / "sweep.json").rename(folder / "sweep.json")
    of_sweep = sorted(p for p in folder.iterdir() if (p / "results.json").exists())[0]
    of_sweep.rename(run.place.path / "another_run")
    of_sweep.symlink_to(run.place.path / "another_run")
    run.place.refused(3, "must be a folder itself, and it is a link", "report", folder)


with Place() as place:
    run = Received(place)
    check_files(run)
    check_folders(run)
    check_readers(run)
    check_sweep(run)
end("foreign")
