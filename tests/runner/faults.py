# SPDX-License-Identifier: Apache-2.0
"""System calls of a whole `moenda train` that fail, one at a time.

EIO: the run ends with a sentence and an exit code that is not 0, and the same command then ends in the
same bits; or it goes on to them. EINTR: it goes on to them. A result that stdout does not take is an error in
both cases; the run itself is there.
"""
import os
import re
import shutil
import subprocess

from program import MODEL, outcome

CALLS = ["openat", "read", "pread64", "write", "writev", "pwrite64", "fsync", "close", "rename", "renameat",
         "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "getdents64", "flock", "ftruncate",
         "newfstatat", "fstat", "lstat", "stat", "statx", "readlink", "lseek", "fcntl"]
# A signal does not interrupt these, by their manual pages.
NEVER_INTERRUPTED = {"newfstatat", "fstat", "lstat", "stat", "statx", "readlink", "lseek", "fcntl"}
TRAINING = """
[tokenizer]
kind = "trained"
vocab_size = 270
[train]
steps = 4
batch_size = 2
[evaluate]
every = 2
batches = 1
test_batches = 1
[log]
every = 2
checkpoint_every = 2
[generate]
max_tokens = 3
"""
COMMAND = ["train", "tiny.toml", "--threads=1"]


def why_not():
    """Why calls cannot be made to fail here; "" where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    traced = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return "strace may not trace here" if traced.returncode else ""


def faults_of(call):
    """The errors that a call can end in."""
    return ["EIO"] if call[0] in NEVER_INTERRUPTED else ["EIO", "EINTR"]


class Faults:
    """One command in a folder that is put back before every run."""

    def __init__(self, place, resumed=False):
        self.place, self.failures, self.counts = place, [], {}
        place.write("tiny.toml", MODEL + TRAINING)
        if resumed:
            assert place.run(*COMMAND).returncode == 0
            folder = place.run_folder()
            for name in ["results.json", "hashes.json"]:
                (folder / name).unlink()
            shutil.rmtree(folder / "checkpoint" / "step_00000004")
        self.saved = place.path.with_name(place.path.name + "-saved")
        shutil.copytree(place.path, self.saved)
        done = place.run(*COMMAND)
        assert done.returncode == 0, done.stderr
        self.wanted = outcome(place.run_folder())
        self.calls = self._record()

    def remove(self):
        shutil.rmtree(self.saved)

    def reset(self):
        for entry in self.place.path.iterdir():
            if entry.name not in ["text", "tiny.toml"]:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if (self.saved / "runs").exists():
            shutil.copytree(self.saved / "runs", self.place.path / "runs")

    def _strace(self, *arguments):
        return subprocess.run(["strace", "-f", *arguments, self.place.program, *COMMAND], cwd=self.place.path,
                              env=self.place.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                              encoding="utf-8", errors="replace", timeout=60, check=False)

    def _record(self):
        """(name, number of the call of that name, its arguments), of the calls that are the program's own: not
        those of the loader, before it reads its configuration."""
        self.reset()
        trace = self.saved / "trace"
        self._strace("-y", "-o", trace, "-e", "trace=" + ",".join("?" + name for name in CALLS))
        count, calls, begun = {}, [], False
        for line in trace.read_text(errors="replace").splitlines():
            match = re.match(r"\d+ +(\w+)\((.*)", line)
            if not match:
                continue
            name, arguments = match.groups()
            count[name] = count.get(name, 0) + 1
            begun = begun or "tiny.toml" in arguments
            if begun:
                calls.append((name, count[name], arguments))
        return calls

    def attempt(self, call, fault):
        """Makes one call fail, and looks at what becomes of the run."""
        name, number, arguments = call
        where = f"{name} {number} {fault} {arguments[:120]}"
        self.reset()
        done = self._strace("-o", os.devnull, "-e", f"trace={name}", "-e", f"inject={name}:error={fault}:when={number}")
        self.counts.setdefault((name, fault), [0, 0, 0])
        kind = 0 if done.returncode == 0 else 1
        said = re.search("^moenda: .*", done.stderr, re.M)
        printed = re.match(r"[12]<", arguments)  # a line that is lost ends the command, not the run
        if fault == "EINTR" and done.returncode != 0 and not printed:
            return self._fail(call, fault, where, f"not retried: {done.returncode} {done.stderr[-300:]}")
        if done.returncode != 0:
            jargon = "filesystem error" in done.stderr or "basic_" in done.stderr
            if done.returncode not in (2, 3) or jargon or not said:
                return self._fail(call, fault, where, f"no sentence: {done.returncode} {done.stderr[-300:]}")
            again = self.place.run(*COMMAND)
            if again.returncode != 0:
                return self._fail(call, fault, where, f"cannot go on: {again.returncode} {again.stderr[-300:]}")
        try:
            found = outcome(self.place.run_folder())
        except (OSError, ValueError, AssertionError) as error:
            return self._fail(call, fault, where, f"lost: {error}; {done.stderr[-300:]}")
        differ = [key for key in self.wanted if found.get(key) != self.wanted[key]]
        if differ:
            return self._fail(call, fault, where, f"{done.returncode}: other {differ}: {done.stderr[-300:]} "
                              + str([(found.get(key), self.wanted[key]) for key in differ])[:300])
        self.counts[name, fault][kind] += 1
        return None

    def _fail(self, call, fault, where, what):
        self.counts[call[0], fault][2] += 1
        self.failures.append(f"{where}: {what}")
        print("FAIL", self.failures[-1], flush=True)


def spread(calls, count):
    """`count` of the calls: some of every name, evenly."""
    by_name = {}
    for call in calls:
        by_name.setdefault(call[0], []).append(call)
    share, chosen = max(1, count // len(by_name)), []
    for group in by_name.values():
        take = min(share, len(group))
        chosen += [group[i * len(group) // take] for i in range(take)]
    return chosen[:count]
