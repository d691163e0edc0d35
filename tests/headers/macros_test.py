# SPDX-License-Identifier: Apache-2.0
"""Which macros of ours a user has after including every header: those that are promised, no others.

Tried with $CXX and with every other compiler that is installed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
PROMISED = {
    "MOENDA_FIELDS": "lists the members of a Config, Params or Cache",
    "MOENDA_HEADER_ONLY": "a switch (config.hpp)",
    "MOENDA_CUDA": "a switch (config.hpp)",
    "MOENDA_QUIET": "a switch (config.hpp)",
    "MOENDA_LEVEL": "the namespace of kernels (cpu/levels/instructions.hpp)",
    **dict.fromkeys(["MOENDA_AVX2", "MOENDA_AVX512", "MOENDA_AVX512_BF16", "MOENDA_AMX",
                     "MOENDA_BF16_WITHOUT_DOTS", "MOENDA_EIGEN"], "what kernels are compiled for"),
    "MOENDA_RULE_CAUSAL": "a sentence of rules.hpp, for tests of routers",
    "MOENDA_RULE_CAUSAL_ATTENTION": "the same, of attention",
    "MOENDA_RULE_GRANULARITY": "the same",
    "MOENDA_RULE_BALANCE": "the same",
    "MOENDA_RULE_EXPERT_BIAS": "the same, of experts",
    "MOENDA_RULE_NOISE": "the same",
    # What MOENDA_FIELDS expands to, where a user writes it.
    **dict.fromkeys(["MOENDA_PARENS", "MOENDA_EXPAND", "MOENDA_EXPAND1", "MOENDA_EXPAND2",
                     "MOENDA_EXPAND3", "MOENDA_EACH", "MOENDA_EACH_AGAIN"], "a part of FIELDS"),
}


def headers():
    """All headers that a user may include together; prerequisites.hpp is for compiled kernels."""
    return [path.relative_to(INCLUDE).as_posix() for path in sorted(INCLUDE.rglob("*.hpp"))
            if "/cuda/kernels/" not in path.as_posix() and path.name != "prerequisites.hpp"]


def macros_of(compiler, names):
    """Our macros that are defined after including `names`."""
    text = "".join(f"#include <{name}>\n" for name in names)
    done = subprocess.run([compiler, "-std=c++20", f"-I{INCLUDE}", "-isystem/usr/include/eigen3",
                           "-x", "c++", "-dM", "-E", "-"], input=text, capture_output=True,
                          text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"{compiler}: {done.stderr}")
    return set(re.findall(r"^#define (MOENDA_\w+)", done.stdout, re.MULTILINE))


def main():
    found = filter(None, map(shutil.which, [os.environ.get("CXX", "c++"), "g++", "clang++"]))
    compilers = {os.path.realpath(path): path for path in found}  # c++ is often one of the others
    problems = []
    for compiler in compilers.values():
        for what, names in [("moenda.hpp", ["moenda/moenda.hpp"]), ("all headers", headers())]:
            found = macros_of(compiler, names)
            for name in sorted(found - PROMISED.keys()):
                problems.append(f"{compiler}, {what}: {name} is defined for users; #undef it at the "
                                "end of the header that needs it, or promise it here")
            for name in sorted(PROMISED.keys() - found):
                problems.append(f"{compiler}, {what}: {name} is promised and not defined")
    print("\n".join(problems) or "no macro but those that are promised")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
