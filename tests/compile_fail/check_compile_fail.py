# SPDX-License-Identifier: Apache-2.0
"""Compiles one file twice: as it is (must succeed) and with MOENDA_MUST_FAIL (must fail and say
the sentences of its `// says: ...` lines).

usage: check_compile_fail.py FILE -- COMPILER [OPTION ...]
"""
import os
import re
import subprocess
import sys


def compile_file(command, path, *options):
    """Exit code and messages, without the quotes and line breaks in which compilers differ."""
    environment = dict(os.environ, LC_ALL="C")
    done = subprocess.run(
        [*command, "-std=c++20", "-fsyntax-only", *options, path],
        capture_output=True, text=True, errors="replace", env=environment)
    return done.returncode, done.stderr


def main():
    path, command = sys.argv[1], sys.argv[3:]
    with open(path, encoding="utf-8") as file:
        sentences = re.findall(r"^// says: (.*\S)", file.read(), re.MULTILINE)
    if not sentences:
        return f"{path}: must have a line `// says: <part of the message>`"

    code, messages = compile_file(command, path)
    if code != 0:
        return f"{path}: must compile without MOENDA_MUST_FAIL\n{messages}"
    code, messages = compile_file(command, path, "-DMOENDA_MUST_FAIL")
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
