#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of README.md from the runs of a sweep and the results of bench/peers/tabular.py.

    experiments/tabular/table.py RUNS_FOLDER PEERS_JSON

Of the runs of one body, table and split it takes the one of least validation loss, as the peers do.
Intervals are Student's, 95 %, over the splits; a body is compared with the MLP of the same split.
"""

from __future__ import annotations

import json
import math
import pathlib
import statistics
import sys
import tomllib

# 97.5 % points of Student's t for 1, 2, ... degrees of freedom.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
BODIES = ("MLP", "soft mixture", "Gumbel mixture", "top-2", "top-2, wide")
TABLES = ("adult", "banknote", "credit_default", "german", "mammography", "housing", "wine_red",
          "wine_white")
NUMBERS = ("housing", "wine_red", "wine_white")
COLUMNS = ("linear", "boosting", *BODIES)


def interval(values: list[float]) -> float:
    if len(values) < 2:
        return math.nan
    return T[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))


def read_runs(folder: pathlib.Path) -> dict:
    """(table, body, split) -> the measures of the chosen run."""
    chosen: dict = {}
    for path in folder.glob("*/results.json"):
        measures = next(iter(json.loads(path.read_text())["results"].values()))
        config = tomllib.loads((path.parent / "config.resolved.toml").read_text())
        title = config["title"]
        table = next(t for t in TABLES if f", {t}," in title)
        body = max((b for b in BODIES if title.startswith(b + ", ")), key=len)
        key = table, body, config["data"]["table"]["split"]["seed"]
        if key not in chosen or measures["valid_loss"] < chosen[key]["valid_loss"]:
            chosen[key] = measures
    return chosen


def read_peers(path: pathlib.Path, splits: set) -> dict:
    names = {"r2": "r_squared", "log_loss": "test_loss"}
    return {(r["table"], r["model"], r["seed"]): {names.get(k, k): v for k, v in r["test"].items()}
            for r in json.loads(path.read_text()) if r["seed"] in splits}


def values(results: dict, table: str, column: str, measure: str) -> dict[int, float]:
    return {split: m[measure] for (t, c, split), m in sorted(results.items())
            if t == table and c == column}


def print_table(results: dict, tables, measure: str, digits: int) -> None:
    print(f"\n{measure}\n\n| | " + " | ".join(COLUMNS) + " |\n|---|" + "---|" * len(COLUMNS))
    for table in tables:
        cells = []
        for column in COLUMNS:
            found = list(values(results, table, column, measure).values())
            cells.append(f"{statistics.mean(found):.{digits}f} ± {interval(found):.{digits}f}"
                         if found else "")
        print(f"| {table} | " + " | ".join(cells) + " |")
    print(f"\n{measure} less that of the MLP, split by split\n\n| | " + " | ".join(
        c for c in COLUMNS if c != "MLP") + " |\n|---|" + "---|" * (len(COLUMNS) - 1))
    for table in tables:
        base, cells = values(results, table, "MLP", measure), []
        for column in COLUMNS:
            mine = values(results, table, column, measure)
            if column == "MLP" or not mine:
                continue
            differences = [mine[split] - base[split] for split in mine if split in base]
            middle, reach = statistics.mean(differences), interval(differences)
            shown = f"{middle:+.{digits}f} ± {reach:.{digits}f}"
            cells.append(f"**{shown}**" if abs(middle) > reach else shown)
        print(f"| {table} | " + " | ".join(cells) + " |")


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results = read_runs(pathlib.Path(sys.argv[1]))
    splits = {split for _, _, split in results}
    results |= read_peers(pathlib.Path(sys.argv[2]), splits)
    classes = [t for t in TABLES if t not in NUMBERS]
    for measure in ("pr_auc", "roc_auc", "accuracy", "test_loss", "calibration_error"):
        print_table(results, classes, measure, 4)
    print_table(results, NUMBERS, "r_squared", 4)
    for measure in ("calibrated_error", "calibrated_loss", "temperature"):
        print(f"\n{measure}: " + ", ".join(
            f"{t} {b} {statistics.mean(v):.3f}" for t in classes for b in BODIES
            if (v := list(values(results, t, b, measure).values()))))


if __name__ == "__main__":
    main()
