#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a run's choice of operation agrees with what people annotated for 253 WikiTableQuestions.

usage: routes.py MOENDA RUN...        MOENDA_DATA must hold wtq/

These are training questions, but training saw their answers alone. The annotated classes are
coarser than our operations: 'aggregate' covers count, sum and average. Questions with two classes,
and differences, which no operation computes, are left out.
"""
import collections
import csv
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

CLASS_OF = {"lookup": "lookup", "count": "aggregate", "sum": "aggregate", "average": "aggregate",
            "extremum": "superlative", "comparison": "compare"}


def lines(path):
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def chosen(program, run, question, table):
    said = subprocess.run([program, "ask", run, question, "--table", table], check=True,
                          stdout=subprocess.PIPE, encoding="utf-8").stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith("operation"))


def entropy(counts):
    total = sum(counts)
    return -sum(n / total * math.log(n / total) for n in counts if n > 0)


def measures(pairs):
    """Agreement, purity, normalised mutual information of (annotated class, chosen operation)."""
    joint = collections.Counter(pairs)
    true = collections.Counter(a for a, _ in pairs)
    route = collections.Counter(o for _, o in pairs)
    most = sum(max(n for (_, o), n in joint.items() if o == operation) for operation in route)
    both = entropy(true.values()) + entropy(route.values())
    agree = sum(n for (a, o), n in joint.items() if CLASS_OF[o] == a)
    return (agree / len(pairs), most / len(pairs),
            2 * (both - entropy(joint.values())) / both if both > 0 else 0.0)


def main():
    if len(sys.argv) < 3 or "MOENDA_DATA" not in os.environ:
        print(__doc__.strip())
        return 2
    folder = pathlib.Path(os.environ["MOENDA_DATA"]) / "wtq"
    questions = [q for q in lines(folder / "annotated-formulas.jsonl")
                 if len(q["ops"]) == 1 and q["ops"][0] in CLASS_OF.values()]
    tables = {table["id"]: table for table in lines(folder / "tables.jsonl")}
    with tempfile.TemporaryDirectory() as place:
        files = {}
        for name in {q["table"] for q in questions}:
            files[name] = os.path.join(place, f"{len(files)}.csv")
            with open(files[name], "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([tables[name]["header"], *tables[name]["rows"]])
        print(f"{len(questions)} questions:", dict(collections.Counter(q["ops"][0] for q in questions)))
        for run in sys.argv[2:]:
            pairs = [(q["ops"][0], chosen(sys.argv[1], run, q["q"], files[q["table"]]))
                     for q in questions]
            agree, purity, information = measures(pairs)
            print(f"{run}  agreement {agree:.3f}  purity {purity:.3f}  NMI {information:.3f}",
                  dict(collections.Counter(o for _, o in pairs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
