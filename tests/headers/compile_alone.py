# SPDX-License-Identifier: Apache-2.0
"""Every public header compiles alone, and twice in a row (#pragma once must hold).

A header that includes another anyway may find it compiled already: what it misses is missed all the
same. That takes a third of the time.

usage: compile_alone.py INCLUDE FOLDER COMPILER [OPTION ...]
"""
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

# Headers that many others include and that take long.
PRECOMPILED = ["core/context", "record/routing_json", "cpu/runtime", "core/error", "statistics/summary",
               "files/file_descriptor", "table/cells/table", "data/tokenizer/bpe_files", "module/rules",
               "weights/safetensors/header"]
NOT_ALONE = "prerequisites.hpp"  # what a level of kernels includes before its instructions are on


class Headers:
    def __init__(self, root):
        self.root = root
        self.names = {str(path.relative_to(root)) for path in root.rglob("*.hpp")}

    def directly_included(self, name):
        """Without those that only some compilations include."""
        depth = 0
        for line in (self.root / name).read_text().splitlines():
            words = re.match(r'\s*#\s*(if|endif|include)\S*\s*(?:[<"]([^>"]+)[>"])?', line)
            if words is None:
                continue
            depth += {"if": 1, "endif": -1, "include": 0}[words[1]]
            if words[1] == "include" and depth == 0 and words[2] in self.names:
                yield words[2]

    @functools.lru_cache(maxsize=None)
    def included(self, name):
        found = set()
        for one in self.directly_included(name):
            found |= {one} | self.included(one)
        return found


def is_clang(compiler):
    return "clang" in os.path.basename(compiler)


def main():
    root, folder, command = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    command = [*command, "-std=c++20", "-I", str(root)]
    headers = Headers(root)
    folder.mkdir(parents=True, exist_ok=True)

    made = {}
    for name in (f"moenda/{stem}.hpp" for stem in PRECOMPILED):
        if name not in headers.names:
            return f"{__file__}: PRECOMPILED names {name}, which is not there"
        made[name] = folder / name.replace("/", ".")
        output = str(made[name]) if is_clang(command[0]) else f"{made[name]}.gch"
        done = subprocess.run([*command, "-w", "-x", "c++-header", str(root / name), "-o", output])
        if done.returncode != 0:
            return f"{name} does not compile alone"

    def read_before(name):
        useful = headers.included(name) & made.keys()
        best = max(useful, key=lambda one: (len(headers.included(one)), one), default=None)
        if best is None:
            return []
        return ["-include-pch" if is_clang(command[0]) else "-include", str(made[best])]

    failed, tried = [], 0
    for name in sorted(headers.names):
        if name.endswith(NOT_ALONE):
            continue
        done = subprocess.run([command[0], *read_before(name), *command[1:], "-fsyntax-only", "-x", "c++", "-"],
                              input=f"#include <{name}>\n#include <{name}>\n", text=True)
        tried += 1
        if done.returncode != 0:
            failed.append(name)
    print(f"{tried} headers, {len(failed)} that do not compile alone")
    return "\n".join(failed) or 0


if __name__ == "__main__":
    sys.exit(main())
