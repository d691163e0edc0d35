# SPDX-License-Identifier: Apache-2.0
"""tools/fuzz finds a fault that is there, keeps the input, and finds none that is not there."""
import csv
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGET = """
#include <cstddef>
#include <cstdint>
#include <cstdlib>
char* volatile kept;
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size > 0 && data[0] == '!') %s;
  return 0;
}
"""


def main():
    if shutil.which("clang++") is None:
        print("skipped: clang++ is not installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="moenda-fuzz-") as name:
        folder = pathlib.Path(name)
        for target, does in {"broken": "std::abort()", "greedy": "kept = new char[100u << 20]",
                             "sound": "return 0"}.items():
            (folder / f"{target}_fuzz.cpp").write_text(TARGET % does, encoding="utf-8")
        done = subprocess.run(
            [str(ROOT / "tools" / "fuzz"), "0.1", "--sources", name, "--work", str(folder / "work"),
             "--counts", str(folder / "counts.csv")], capture_output=True, text=True,
            env={**os.environ, "ASAN_OPTIONS": ""}, check=False)
        with (folder / "counts.csv").open(encoding="utf-8", newline="") as file:
            rows = {row["target"]: row for row in csv.DictReader(file)}
        found = {target: list((folder / "corpus" / target).iterdir()) for target in rows}
        fine = (done.returncode == 1 and set(rows) == {"broken", "greedy", "sound"}
                and [rows[target]["crashes"] for target in sorted(rows)] == ["1", "1", "0"]
                and all(int(row["executions"]) > 0 for row in rows.values())
                and [len(found[target]) for target in sorted(rows)] == [1, 1, 0]
                and found["broken"][0].read_bytes().startswith(b"!"))
        if not fine:
            print(done.returncode, rows, found, done.stdout, done.stderr, sep="\n")
        return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
