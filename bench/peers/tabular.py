# SPDX-License-Identifier: Apache-2.0
"""Trains scikit-learn's models on tables, on the rows and by the metrics of Moenda's tabular sets.

Linear models get standardised numbers and one-hot categories, as Moenda's models do; gradient boosting
gets the columns as they are, which it is made for. Each is tuned on the validation rows over the same
small grid for every table, and what is reported is the test rows, once. Prints one line of JSON per
table, model and seed; the seed decides the split and the model's own draws.

The tables are looked for below the folder of the environment variable MOENDA_DATA.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import pathlib
import sys
import time
import warnings

import numpy
import pandas
import sklearn
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

MISSING = ["", "?", "NA", "nan", "NaN"]
MIN_COUNT = 5  # rarer categories share a column, as in data/tabular/encoder.hpp


@dataclasses.dataclass(frozen=True)
class Table:
    """Where a table is and what its columns mean; columns count from 1 where there is no header."""

    path: str
    target: str | None = None  # the last column
    number: bool = False  # the target is one
    header: bool = False
    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    test_path: str | None = None


TABLES = {
    "adult": Table("tabular/adult_train.csv", test_path="tabular/adult_test.csv"),
    "banknote": Table("tabular/banknote_authentication.csv"),
    "credit_default": Table("tabular/uci_credit_default.csv", header=True, ignore=("ID",),
                            categorical=("X2", "X3", "X4")),
    "german": Table("tabular/german.csv"),
    "mammography": Table("research_only/tabular/mammography.csv"),
    "housing": Table("tabular/california_housing.csv", header=True, number=True,
                     target="median_house_value"),
    "wine_red": Table("tabular/winequality_red.csv", number=True),
    "wine_white": Table("tabular/winequality_white.csv", number=True),
}


# ---- the same rows and columns as Moenda ----------------------------------------------------------


def split_key(seed: int, row: int) -> int:
    """As data/tabular/splits.hpp."""
    mask = (1 << 64) - 1
    z = (seed * 0xD6E8FEB86659FD93 + (row + 1) * 0x9E3779B97F4A7C15) & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return z ^ z >> 31


def split_rows(strata: list, valid_fraction: float, test_fraction: float,
               seed: int) -> tuple[list[int], list[int], list[int]]:
    """Row numbers of train, validation and test; every stratum is shared out alike."""
    sizes: dict = {}
    for stratum in strata:
        sizes[stratum] = sizes.get(stratum, 0) + 1
    seen = dict.fromkeys(sizes, 0)
    train, valid, test = [], [], []
    for row in sorted(range(len(strata)), key=lambda r: split_key(seed, r)):
        stratum = strata[row]
        tests = math.floor(test_fraction * sizes[stratum] + 0.5)
        valids = math.floor(valid_fraction * sizes[stratum] + 0.5)
        place, seen[stratum] = seen[stratum], seen[stratum] + 1
        (test if place < tests else valid if place < tests + valids else train).append(row)
    return sorted(train), sorted(valid), sorted(test)


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def class_name(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        text = text[1:-1]
    return text[:-1] if len(text) >= 2 and text.endswith(".") and not is_number(text) else text


def read_file(path: pathlib.Path, table: Table) -> pandas.DataFrame:
    frame = pandas.read_csv(path, header=0 if table.header else None, dtype=str,
                            skipinitialspace=True, keep_default_na=False)
    if not table.header:
        frame.columns = [f"column_{i + 1}" for i in range(frame.shape[1])]
    return frame.apply(lambda column: column.str.strip())


@dataclasses.dataclass
class Rows:
    features: pandas.DataFrame  # numbers as float64, categories as text; None is missing
    targets: numpy.ndarray  # class numbers, or numbers


def load(folder: pathlib.Path, table: Table, seed: int) -> dict[str, Rows]:
    frame = read_file(folder / table.path, table)
    held_out = 0
    if table.test_path:
        test = read_file(folder / table.test_path, table)
        held_out = len(test)
        frame = pandas.concat([frame, test], ignore_index=True)
    target = frame.pop(table.target or frame.columns[-1])
    frame = frame.drop(columns=list(table.ignore))
    if table.number:
        targets = target.astype(float).to_numpy()
        strata = [0] * (len(frame) - held_out)
    else:
        names = target.map(class_name)
        unique = sorted(set(names), key=float if all(map(is_number, set(names))) else None)
        targets = names.map({name: i for i, name in enumerate(unique)}).to_numpy()
        strata = targets[:len(frame) - held_out].tolist()
    for name in frame.columns:
        known = frame[name].where(~frame[name].isin(MISSING), None)
        numeric = name not in table.categorical and known.dropna().map(is_number).all()
        frame[name] = known.astype(float) if numeric else known.astype(object)
    splits = split_rows(strata, 0.15, 0 if held_out else 0.15, seed)
    rows = dict(zip(("train", "valid", "test"), splits))
    if held_out:
        rows["test"] = list(range(len(frame) - held_out, len(frame)))
    return {name: Rows(frame.iloc[r], targets[r]) for name, r in rows.items()}


# ---- models ---------------------------------------------------------------------------------------


def encoder(frame: pandas.DataFrame, linear: bool) -> ColumnTransformer:
    numeric = [c for c in frame.columns if frame[c].dtype == float]
    words = [c for c in frame.columns if c not in numeric]
    if not linear:
        as_numbers = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=numpy.nan,
                                    encoded_missing_value=numpy.nan, max_categories=254)
        return ColumnTransformer([("words", as_numbers, words), ("numbers", "passthrough", numeric)])
    standard = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(min_frequency=MIN_COUNT, handle_unknown="infrequent_if_exist")
    return ColumnTransformer([("numbers", standard, numeric), ("words", one_hot, words)])


def candidates(table: Table, frame: pandas.DataFrame, model: str, seed: int):
    """Yields every setting of the grid and a fresh pipeline with it."""
    if model == "linear":
        for strength in (0.01, 0.1, 1.0, 10.0, 100.0):
            predictor = (Ridge(alpha=1 / strength) if table.number
                         else LogisticRegression(C=strength, max_iter=2000))
            yield {"C": strength}, Pipeline([("encoder", encoder(frame, True)), ("model", predictor)])
        return
    words = sum(frame[c].dtype != float for c in frame.columns)
    kind = HistGradientBoostingRegressor if table.number else HistGradientBoostingClassifier
    for rate in (0.03, 0.1):
        for leaves in (7, 31):
            predictor = kind(learning_rate=rate, max_leaf_nodes=leaves, max_iter=500,
                             early_stopping=True, n_iter_no_change=20, random_state=seed,
                             categorical_features=list(range(words)) or None)
            yield ({"learning_rate": rate, "max_leaf_nodes": leaves},
                   Pipeline([("encoder", encoder(frame, False)), ("model", predictor)]))


def calibration_error(probs: numpy.ndarray, labels: numpy.ndarray, bins: int = 15) -> float:
    """As statistics/classification.hpp: Guo et al. 2017, eq. 3."""
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bin_of = numpy.clip(numpy.ceil(confidence * bins) - 1, 0, bins - 1).astype(int)
    excess = numpy.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(numpy.abs(excess).sum() / len(labels))


def measure(table: Table, pipeline: Pipeline, rows: Rows) -> dict[str, float]:
    if table.number:
        predicted = pipeline.predict(rows.features)
        return {"rmse": metrics.root_mean_squared_error(rows.targets, predicted),
                "r2": metrics.r2_score(rows.targets, predicted)}
    probs = pipeline.predict_proba(rows.features)
    predicted = probs.argmax(axis=1)
    return {"accuracy": metrics.accuracy_score(rows.targets, predicted),
            "log_loss": metrics.log_loss(rows.targets, probs),
            "roc_auc": metrics.roc_auc_score(rows.targets, probs[:, 1]),
            "pr_auc": metrics.average_precision_score(rows.targets, probs[:, 1]),
            "f1": metrics.f1_score(rows.targets, predicted),
            "calibration_error": calibration_error(probs, rows.targets)}


def run(folder: pathlib.Path, name: str, model: str, seed: int) -> dict:
    table = TABLES[name]
    rows = load(folder, table, seed)
    start = time.perf_counter()
    best = None
    for setting, pipeline in candidates(table, rows["train"].features, model, seed):
        pipeline.fit(rows["train"].features, rows["train"].targets)
        valid = measure(table, pipeline, rows["valid"])
        loss = valid["rmse" if table.number else "log_loss"]
        if best is None or loss < best[0]:
            best = loss, setting, pipeline
    _, setting, pipeline = best
    return {"table": name, "model": model, "seed": seed, "setting": setting,
            "rows": {split: len(r.targets) for split, r in rows.items()},
            "test": {k: round(float(v), 6) for k, v in
                     measure(table, pipeline, rows["test"]).items()},
            "seconds": round(time.perf_counter() - start, 2), "sklearn": sklearn.__version__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--tables", nargs="+", choices=sorted(TABLES), default=list(TABLES))
    parser.add_argument("--models", nargs="+", choices=("linear", "boosting"),
                        default=["linear", "boosting"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--out", type=pathlib.Path, help="also write the results to this JSON file")
    arguments = parser.parse_args()
    folder = os.environ.get("MOENDA_DATA")
    if not folder:
        sys.exit("tabular.py: set the environment variable MOENDA_DATA to the folder of the data")
    warnings.filterwarnings("ignore", message="Found unknown categories")
    results = []
    for name in arguments.tables:
        for model in arguments.models:
            for seed in arguments.seeds:
                results.append(run(pathlib.Path(folder), name, model, seed))
                print(json.dumps(results[-1]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
