# SPDX-License-Identifier: Apache-2.0
"""Compiles one file twice: as it is (must succeed) and with MOENDA_MUST_FAIL (must fail and say
the sentences of its `// says: ...` lines). PRECOMPILED is where moenda.hpp lies compiled.

usage: check_compile_fail.py --precompile HEADER PRECOMPILED -- COMPILER [OPTION ...]
       check_compile_fail.py FILE PRECOMPILED -- COMPILER [OPTION ...]
"""
import os
import re
import subprocess
import sys


STANDARD = "-std=c++20"


def is_clang(compiler):
    return "clang" in os.path.basename(compiler)


def precompile(header, path, command):
    """g++ looks for PATH.gch where PATH is included; nothing lies at PATH itself."""
    made = path if is_clang(command[0]) else path + ".gch"
    return subprocess.run([*command, STANDARD, "-w", "-x", "c++-header", header, "-o", made]).returncode


def compile_file(path, precompiled, command, *options):
    """Exit code and messages, without the quotes and line breaks in which compilers differ."""
    environment = dict(os.environ, LC_ALL="C")
    reads = ["-include-pch", precompiled] if is_clang(command[0]) else ["-include", precompiled]
    done = subprocess.run(
        [command[0], *reads, *command[1:], STANDARD, "-fsyntax-only", *options, path],
        capture_output=True, text=True, errors="replace", env=environment)
    return done.returncode, done.stderr


def main():
    divider = sys.argv.index("--")
    command = sys.argv[divider + 1:]
    if sys.argv[1] == "--precompile":
        return precompile(sys.argv[2], sys.argv[3], command)
    path, precompiled = sys.argv[1:divider]
    with open(path, encoding="utf-8") as file:
        sentences = re.findall(r"^// says: (.*\S)", file.read(), re.MULTILINE)
    if not sentences:
        return f"{path}: must have a line `// says: <part of the message>`"

    code, messages = compile_file(path, precompiled, command)
    if code != 0:
        return f"{path}: must compile without MOENDA_MUST_FAIL\n{messages}"
    code, messages = compile_file(path, precompiled, command, "-DMOENDA_MUST_FAIL")
    if code == 0:
        return f"{path}: must not compile with MOENDA_MUST_FAIL"
    if code < 0 or "internal compiler error" in messages:
        return f"{path}: the compiler crashed\n{messages}"

    flat = " ".join(messages.split())
    missing = [s for s in sentences if " ".join(s.split()) not in flat]
    if missing:
        return "\n".join(f"{path}: the messages must contain: {s}" for s in missing) + "\n" + messages
    # How much a user has to read.
    print(f"{len(sentences)} sentences found; {messages.count('error: ')} errors, "
          f"{len(messages.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
