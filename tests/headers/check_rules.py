# SPDX-License-Identifier: Apache-2.0
"""Rules about headers that no compiler checks: who may include what, how large rooms and headers
are, and how a header begins.

usage: check_rules.py [PROJECT]
"""
import pathlib
import re
import statistics
import sys

# A room is a folder right below include/moenda. It may include rooms of its own ring and of those
# before it. Rooms that include each other in a circle are refused, also inside a ring.
RINGS = [
    ("words", ["core"]),
    ("files", ["files"]),
    ("kernels", ["kernels", "cpu", "cuda"]),
    ("operations", ["ops"]),
    ("modules", ["module", "norm", "position", "attention", "router", "expert", "loss", "input",
                 "output"]),
    ("mixtures", ["mixture"]),
    ("weights", ["weights"]),
    ("models", ["model"]),
    ("work", ["import", "train", "infer", "parallel", "data", "table", "retrieval",
              "align", "probe"]),
    ("studies", ["statistics", "energy", "record", "toml"]),
    ("report", ["report"]),
]
# Headers beside the rooms: the ring that each belongs to.
SINGLE = {"config.hpp": "words", "version.hpp": "words", "moenda.hpp": "models"}
# The same for the folders of experiments/runner; what lies beside them is the first ring.
RUNNER_RINGS = [
    ("what all share", [""]),
    ("a run", ["run"]),
    ("tasks and sweeps", ["tasks", "sweep"]),
    ("commands", ["commands"]),
]
# What one folder holds, its own files only.
LARGEST_ROOM = 25
LARGEST_HEADER = 300
# Headers that may be longer, and why.
LONG_HEADERS = {
}

FILES = {"files", "weights", "import", "data", "table", "train", "record", "report", "toml"}
# pattern of an include, the rooms that may have it, why
OTHERS_HEADERS = [
    (r"<Eigen/", {"cpu"}, "Eigen belongs to the CPU kernels"),
    (r"<toml\+\+/", {"toml"}, "toml++ belongs to toml"),
    (r"<nlohmann/", FILES - {"files", "report"}, "JSON belongs to the rooms that have files of it"),
    (r"<(pcre2|utf8proc)\.h>", {"import"}, "who reads no tokenizer.json must not need them"),
    (r"<CLI/", set(), "the command line belongs to the runner"),
    (r"<(cuda|cublas|nccl)", {"cuda"}, "CUDA belongs to cuda"),
    (r"<boost/hana\.hpp>", set(), "take the single headers of Hana"),
    (r"<boost/math", {"statistics"}, "distributions belong to statistics"),
    (r"<boost/(?!hana|math)", set(), "of Boost, only Hana and the distributions of Math"),
    (r"<(iostream|regex|filesystem)>", FILES | {"energy"}, "costs every includer compile time"),
]


class Tree:
    """A folder of headers, and the rings of its rooms. `prefix` begins the includes of its files."""

    def __init__(self, root, prefix, rings, single, suffixes):
        self.root = root
        self.prefix = prefix
        self.single = single
        self.rings = [ring for ring, _ in rings]
        self.ring_of_room = {room: ring for ring, rooms in rings for room in rooms}
        self.files = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
                      for path in sorted(root.rglob("*")) if path.suffix in suffixes}

    def room_of(self, name):
        """The room of a file; one that has a ring of its own is its own room."""
        return name if name in self.single else name.split("/")[0] if "/" in name else ""

    def ring_of(self, room):
        return self.single.get(room) or self.ring_of_room.get(room)

    def includes(self, name):
        """Line number, line, and the file of this tree that it includes."""
        for number, line in enumerate(self.files[name].splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*[<"]' + self.prefix + r'/([^>"]+)[>"]', line)
            if found:
                yield number, line.strip(), found[1]

    def ring_problems(self):
        for name in self.files:
            room = self.room_of(name)
            ring = self.ring_of(room)
            if ring is None:
                yield f"{name}: the folder {room or '.'} has no ring: give it one in check_rules.py"
                continue
            for number, line, other in self.includes(name):
                theirs = self.ring_of(self.room_of(other))
                if theirs is not None and self.rings.index(theirs) > self.rings.index(ring):
                    yield (f"{name}:{number}: {line}: {room} is in the ring "
                           f"`{ring}`, which must not include the later ring `{theirs}`")
        for name in self.files:
            for number, line, other in self.includes(name):
                if other not in self.files:
                    yield f"{name}:{number}: {line}: there is no such header"

    def graph(self):
        """room -> {other room: one include that leads there}"""
        graph = {self.room_of(name): {} for name in self.files}
        for name in self.files:
            for number, _, other in self.includes(name):
                if other in self.files and self.room_of(other) != self.room_of(name):
                    graph[self.room_of(name)].setdefault(self.room_of(other), f"{name}:{number}")
        return graph

    def circle_problems(self):
        graph = self.graph()
        for rooms in strongly_connected(graph):
            if len(rooms) > 1:
                ways = [f"  {a} -> {b}: {graph[a][b]}" for a in rooms for b in sorted(graph[a])
                        if b in rooms]
                yield "folders include each other in a circle: " + ", ".join(rooms) + "\n" + \
                    "\n".join(ways)

    def room_problems(self):
        sizes = {}
        for name in self.files:
            folder = name.rpartition("/")[0]
            sizes[folder] = sizes.get(folder, 0) + 1
        for folder, size in sizes.items():
            if size > LARGEST_ROOM:
                yield f"{folder or '.'}: a folder must hold at most {LARGEST_ROOM} files, got {size}"


def strongly_connected(graph):
    """The sorted strongly connected components of node -> nodes (Tarjan 1972)."""
    index, low, stack, components = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            components.append(sorted(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return components


def header_problems(tree):
    """Sentences about single headers."""
    for name, text in tree.files.items():
        lines = text.splitlines()
        if not lines or lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            yield f"{name}:1: the first line must be the SPDX license"
        if name.endswith(".hpp") and "#pragma once" not in lines:
            yield f"{name}: must have #pragma once"
        for number, line in enumerate(lines, 1):
            if re.match(r"\s*using namespace", line):
                yield f"{name}:{number}: no `using namespace` in a header"
            for pattern, rooms, why in OTHERS_HEADERS:
                if re.match(r"\s*#\s*include\s*" + pattern, line) and \
                        tree.room_of(name) not in rooms:
                    yield f"{name}:{number}: {line.strip()}: {why}"


def length_problems(tree):
    for name, text in tree.files.items():
        length = len(text.splitlines())
        if length > LARGEST_HEADER and name not in LONG_HEADERS:
            yield (f"{name}: a header must have at most {LARGEST_HEADER} lines, got {length}; split "
                   "it, or give a reason in LONG_HEADERS")
        if length <= LARGEST_HEADER and name in LONG_HEADERS:
            yield f"{name}: has {length} lines: take it out of LONG_HEADERS"
    for name in sorted(LONG_HEADERS.keys() - tree.files.keys()):
        yield f"{name}: is not there: take it out of LONG_HEADERS"


def reached_from(tree, name, seen):
    """All headers of ours that a header includes, itself and theirs included."""
    if name in tree.files and name not in seen:
        seen.add(name)
        for _, _, other in tree.includes(name):
            reached_from(tree, other, seen)
    return seen


def umbrella_problems(tree):
    """moenda::moenda promises to need Eigen and Hana only."""
    for name in sorted(reached_from(tree, "moenda.hpp", set())):
        found = re.search(r"<(toml\+\+|nlohmann|pcre2|utf8proc)[/.]", tree.files[name])
        if found:
            yield f"moenda.hpp reaches {name}, which needs {found[1]} (moenda::io, moenda::import)"


def trees_of(project):
    library = Tree(project / "include/moenda", "moenda", RINGS, SINGLE, {".hpp", ".ipp", ".inc", ".cuh"})
    runner = Tree(project / "experiments/runner", "runner", RUNNER_RINGS, {}, {".hpp", ".cpp"})
    return library, runner


def problems_of(project):
    library, runner = trees_of(project)
    for tree in (library, runner):
        yield from tree.ring_problems()
        yield from tree.circle_problems()
        yield from tree.room_problems()
    yield from header_problems(library)
    yield from length_problems(library)
    yield from umbrella_problems(library)


def main():
    project = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if len(sys.argv) < 2:
        project = project.parents[2]
    found = list(problems_of(project))
    print("\n".join(found))
    library, _ = trees_of(project)
    if not library.files:
        print("no headers")
        return 1
    lengths = {name: len(text.splitlines()) for name, text in library.files.items()}
    longest = max(lengths, key=lengths.get)
    print(f"{len(lengths)} headers in {len(library.graph())} rooms, median "
          f"{statistics.median(lengths.values()):g} lines, longest {longest} {lengths[longest]}; "
          f"{len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
