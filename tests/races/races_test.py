# SPDX-License-Identifier: Apache-2.0
"""The thread sanitizer finds no race in what runs on several threads, and it finds the one that is
made on purpose.

Compiles both programs with clang++. The runner's `sweep -j` needs nothing here: its runs are
processes, and the program that starts them has one thread.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# The sanitizer's shadow memory and a kernel with more than 28 random address bits collide.
FIXED_ADDRESSES = ["setarch", "-R"] if shutil.which("setarch") else []


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def built(folder, name):
    program = folder / name
    subprocess.run(
        ["clang++", "-std=c++20", "-O1", "-gline-tables-only", "-fsanitize=thread", "-pthread",
         "-DMOENDA_QUIET=1", f"-I{ROOT}/include", "-isystem", "/usr/include/eigen3",
         str(HERE / "programs" / f"{name}.cpp"), "-o", str(program)], check=True)
    return program


def run(program):
    return subprocess.run([*FIXED_ADDRESSES, str(program)], capture_output=True, text=True,
                          errors="replace", timeout=300, check=False,
                          env={**os.environ, "TSAN_OPTIONS": "exitcode=66"})


def main():
    if shutil.which("clang++") is None:
        skip("clang++ is not installed")
    with tempfile.TemporaryDirectory(prefix="moenda-races-") as name:
        folder = pathlib.Path(name)
        deliberate = run(built(folder, "deliberate"))
        if deliberate.returncode != 66 or "data race" not in deliberate.stderr:
            print(f"the race on purpose was not reported: {deliberate.returncode}\n{deliberate.stderr}")
            return 1
        concurrent = run(built(folder, "concurrent"))
        if concurrent.returncode != 0 or "ThreadSanitizer" in concurrent.stderr:
            print(f"a race: {concurrent.returncode}\n{concurrent.stdout}{concurrent.stderr}")
            return 1
    print(f"1 race on purpose, reported; none in {concurrent.stdout.strip()}")
    if "MOENDA_COUNTS" in os.environ:
        with open(os.environ["MOENDA_COUNTS"], "a", encoding="utf-8") as file:
            file.write("L,races made on purpose and reported,1\n")
            for number, what in re.findall(r"(\d+) ([^,\n]+)", concurrent.stdout):
                file.write(f"L,{what} without a race,{number}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
