# SPDX-License-Identifier: Apache-2.0
"""Instructions beyond the baseline may stand in the functions of their level's namespace alone.

usage: check_instructions.py libmoenda_kernels.a
"""
import platform
import re
import shutil
import subprocess
import sys

# What a mnemonic of AVX, AVX-512 or AMX looks like, and the registers that came with them.
NEWER = re.compile(r"^(v[a-z]|tdp|tileload|tilestore|tilezero|ldtilecfg|tilerelease)")
WIDE = re.compile(r"%([yz]mm|tmm|k[1-7])")
LEVEL = re.compile(r"moenda::cpu::(avx2|avx512)::")


def main():
    if platform.machine() != "x86_64" or not shutil.which("objdump"):
        print("skipped: this is no x86-64, or there is no objdump")
        return 77
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-C", sys.argv[1]],
                             capture_output=True, text=True, check=True).stdout
    function, found, newer = "", {}, 0
    for line in listing.splitlines():
        if line.endswith(">:"):
            function = line.split("<", 1)[1]
        elif "\t" in line:
            instruction = line.split("\t", 1)[1]
            if NEWER.match(instruction) or WIDE.search(instruction):
                newer += 1
                if not LEVEL.search(function):
                    found.setdefault(function, instruction)
    for function, instruction in found.items():
        print(f"{function[:-2]}: {instruction}")
    print(f"{newer} instructions beyond the baseline, in {len(found)} functions that are not of a "
          "level's namespace")
    return 1 if found or newer == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
