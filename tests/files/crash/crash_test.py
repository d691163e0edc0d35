# SPDX-License-Identifier: Apache-2.0
"""Interrupts save_loop in every way: python3 crash_test.py SAVE_LOOP [seed]

Whatever happens, a reader must find the old or the new generation complete, leftovers must be
removable, and the next save must work. What a machine cannot do is printed as SKIP with the
reason. A killed process does not lose the page cache, so the order of the syncs that a power cut
needs is checked in the recorded system calls instead.
"""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

SYSCALLS = ["openat", "write", "fsync", "close", "rename", "renameat", "renameat2", "mkdir",
            "mkdirat", "unlink", "unlinkat", "getdents64", "flock", "ftruncate"]
MODES = ["steps", "replace"]
save_loop = os.path.abspath(sys.argv[1])
failures = []
# The leak checker of sanitizer builds cannot work in a traced process.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")


def run(*arguments, before=()):
    result = subprocess.run([*before, save_loop, *map(str, arguments)], capture_output=True,
                            text=True, timeout=60)
    return result.returncode, result.stdout.strip(), result.stderr.strip()


def expect(holds, where, what):
    if not holds:
        failures.append(f"{where}: {what}")
        print("FAIL", failures[-1], flush=True)


def leftovers(folder):
    return [name for name in os.listdir(folder) if name.startswith(".tmp-")]


def check(folder, mode, allowed, where):
    """A reader finds one of the allowed generations; afterwards saving works again."""
    code, out, err = run("check", folder)
    expect(code == 0 and int(out) in allowed, where, f"found {out!r} {err!r}, not in {allowed}")
    expect(not leftovers(folder), where, f"left {leftovers(folder)}")
    code, _, err = run("save", folder, mode, 1000, 1, 40)
    expect(code == 0, where, f"the next save failed: {err}")
    expect(run("check", folder)[1] == "1000", where, "the next save was not found")


def prepare(work, mode, generation=1, size=40):
    folder = pathlib.Path(tempfile.mkdtemp(dir=work))
    assert run("save", folder, mode, generation, 1, size)[0] == 0
    return folder


def record(work, mode):
    """The system calls of one good save, as (name, rest of the line), from the lock on."""
    folder, trace = prepare(work, mode), work / "trace"
    code, _, err = run("save", folder, mode, 2, 1, 40,
                       before=["strace", "-y", "-o", trace, "-e", "trace=" + ",".join("?" + name for name in SYSCALLS)])
    assert code == 0, err
    calls = [re.match(r"(\w+)\((.*)", line) for line in trace.read_text().splitlines()]
    calls = [call.groups() for call in calls if call]
    start = next(i for i, (_, rest) in enumerate(calls) if "/.lock" in rest)
    return folder, calls, start


def check_sync_order(folder, calls, mode):
    """Before each rename of X everything written in X is synced; after it, the parent is."""
    dirty, unsynced_parents = set(), set()
    for name, rest in calls:
        path = re.match(r"\d+<([^>]*)>", rest)
        path = path.group(1) if path else None
        if name == "write" and path and path.startswith(str(folder)) and "/.lock" not in path:
            dirty.add(path)
        elif name == "openat" and "O_CREAT" in rest and "/.lock" not in rest:
            created = re.search(r'"([^"]*)"', rest).group(1)
            dirty |= {created, os.path.dirname(created)}
        elif name == "fsync":
            dirty.discard(path)
            unsynced_parents.discard(path)
        elif name in ("rename", "renameat", "renameat2") and rest.endswith("= 0"):
            source, target = re.findall(r'"([^"]*)"', rest)
            late = [p for p in dirty if p == source or p.startswith(source + "/")]
            expect(not late, f"sync order {mode}", f"{late} not synced before rename to {target}")
            expect(os.path.dirname(target) not in unsynced_parents, f"sync order {mode}",
                   f"the rename before {target} is not synced")
            unsynced_parents.add(os.path.dirname(target))
            dirty.add(os.path.dirname(target))
    expect(not unsynced_parents, f"sync order {mode}", f"{unsynced_parents} never synced")


def inject_everywhere(work, mode):
    folder, calls, start = record(work, mode)
    check_sync_order(folder, calls, mode)
    count = 0
    for name in SYSCALLS:
        before = sum(call == name for call, _ in calls[:start])
        total = sum(call == name for call, _ in calls)
        for n in range(before + 1, total + 1):
            for fault in ["error=ENOSPC", "error=EIO", "error=EINTR", "signal=KILL"]:
                where = f"{mode} {name} {n - before} of {total - before} {fault}"
                folder = prepare(work, mode)
                code, _, err = run("save", folder, mode, 2, 1, 40,
                                   before=["strace", "-o", work / "trace", "-e", f"trace={name}",
                                           "-e", f"inject={name}:{fault}:when={n}"])
                if fault == "error=EINTR":
                    expect(code == 0, where, f"not retried: {code} {err}")
                elif fault == "signal=KILL":
                    expect(code in (-9, 137), where, f"not killed: {code} {err}")
                else:
                    expect(code == 0 or (code == 3 and str(folder) in err), where, f"{code} {err}")
                check(folder, mode, {2} if code == 0 else {1, 2}, where)
                shutil.rmtree(folder)
                count += 1
    print(f"{mode}: {count} faults injected", flush=True)


def kill_at_random(work, mode, times, generator):
    folder, generation = prepare(work, mode), 1
    for i in range(times):
        process = subprocess.Popen([save_loop, "save", folder, mode, str(generation + 1),
                                    "1000000", "2000", "announce"], stdout=subprocess.PIPE)
        if i == 0:
            process.stdout.readline()
            code, _, err = run("save", folder, mode, 1, 1, 40)
            expect(code == 3 and f"in use by process {process.pid}" in err, f"lock {mode}", err)
        time.sleep(generator.uniform(0.002, 0.03))
        process.kill()
        said = process.communicate()[0].split()
        announced = int(said[-1]) if said else generation
        code, out, err = run("check", folder)
        where = f"kill {i} {mode}"
        expect(code == 0, where, err)
        found = int(out or 0)
        expect(found >= announced, where, f"announced {announced}, found {found}")
        expect(not leftovers(folder), where, f"left {leftovers(folder)}")
        generation = max(found, announced)
    print(f"{mode}: killed at {times} random moments, {generation} generations", flush=True)


def small_disk(work, mode):
    mount = pathlib.Path(tempfile.mkdtemp(dir=work))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mount],
                          capture_output=True, text=True)
    if made.returncode != 0:
        return print("SKIP 64 KB disk and read-only disk: mount says", made.stderr.strip())
    try:
        where = f"64 KB disk {mode}"
        assert run("save", mount, mode, 1, 1, 40)[0] == 0
        code, _, err = run("save", mount, mode, 2, 1, 20000)
        expect(code == 3 and "No space left on device" in err, where, f"{code} {err}")
        check(mount, mode, {1}, where)
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        code, _, err = run("save", mount, mode, 1001, 1, 40)
        expect(code == 3 and "Read-only file system" in err, f"read-only disk {mode}", err)
        print(f"{mode}: 64 KB disk and read-only disk", flush=True)
    finally:
        subprocess.run(["umount", mount], check=True)


def read_only_folder(work, mode):
    if os.geteuid() == 0:
        return print("SKIP read-only folder: root may write to any folder")
    folder = prepare(work, mode)
    os.chmod(folder, 0o555)
    code, _, err = run("save", folder, mode, 2, 1, 40)
    expect(code == 3 and "Permission denied" in err, f"read-only folder {mode}", f"{code} {err}")
    os.chmod(folder, 0o755)
    check(folder, mode, {1}, f"read-only folder {mode}")


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    # In memory where possible: thousands of syncs, and a kill does not lose either kind of file.
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as work:
        work = pathlib.Path(work)
        for mode in MODES:
            strace = shutil.which("strace")
            if strace is None:
                print("SKIP injected faults: strace is not installed")
            elif subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True).returncode:
                print("SKIP injected faults: strace may not trace here")
            else:
                inject_everywhere(work, mode)
            kill_at_random(work, mode, 25, random.Random(seed))
            small_disk(work, mode)
            read_only_folder(work, mode)
    print(f"{len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
