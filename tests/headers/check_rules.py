# SPDX-License-Identifier: Apache-2.0
"""Rules about headers that no compiler checks: who may include what, and how a header begins."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2] / "include" / "moenda"

# pattern of an include, the folders that may have it, why
RINGS = [
    (r"<Eigen/", {"cpu"}, "Eigen belongs to the CPU kernels"),
    (r"<toml\+\+/", {"io"}, "toml++ belongs to io"),
    (r"<nlohmann/", {"io", "data", "train"}, "JSON belongs to files: io, tokenizers, checkpoints"),
    (r"<CLI/", set(), "the command line belongs to the runner"),
    (r"<(cuda|cublas|nccl)", {"cuda"}, "CUDA belongs to cuda"),
    (r"<boost/hana\.hpp>", set(), "take the single headers of Hana"),
    (r"<boost/math", {"statistics"}, "distributions belong to statistics"),
    (r"<boost/(?!hana|math)", set(), "of Boost, only Hana and the distributions of Math"),
    (r"<(iostream|regex|filesystem)>", {"io", "data", "train", "energy"}, "costs every includer compile time"),
]


def problems_of(header):
    """Sentences about one header."""
    text = header.read_text(encoding="utf-8")
    name = header.relative_to(ROOT).as_posix()
    folder = name.split("/")[0] if "/" in name else ""
    lines = text.splitlines()
    if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
        yield f"{name}:1: the first line must be the SPDX license"
    if header.suffix == ".hpp" and "#pragma once" not in lines:
        yield f"{name}: must have #pragma once"
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*using namespace", line):
            yield f"{name}:{number}: no `using namespace` in a header"
        for pattern, folders, why in RINGS:
            if re.match(r"\s*#\s*include\s*" + pattern, line) and folder not in folders:
                yield f"{name}:{number}: {line.strip()}: {why}"


def reached_from(header, seen):
    """All headers of ours that a header includes, itself and theirs included."""
    if header in seen:
        return seen
    seen.add(header)
    for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', header.read_text(encoding="utf-8"),
                           re.MULTILINE):
        for candidate in (header.parent / name, ROOT.parent / name):
            if candidate.exists():
                reached_from(candidate.resolve(), seen)
    return seen


def umbrella_problems():
    """moenda::moenda promises to need Eigen and Hana only."""
    umbrella = ROOT / "moenda.hpp"
    for header in sorted(reached_from(umbrella, set())) if umbrella.exists() else []:
        found = re.search(r"<(toml\+\+|nlohmann)/", header.read_text(encoding="utf-8"))
        if found:
            yield f"moenda.hpp reaches {header.relative_to(ROOT)}, which needs {found[1]} (moenda::io)"


def main():
    headers = sorted(p for p in ROOT.rglob("*") if p.suffix in {".hpp", ".ipp", ".inc", ".cuh"})
    found = [problem for header in headers for problem in problems_of(header)]
    found += umbrella_problems()
    print("\n".join(found))
    print(f"{len(headers)} headers, {len(found)} problems")
    return 1 if found or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
