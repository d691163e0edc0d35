# SPDX-License-Identifier: Apache-2.0
"""Writes metrics.safetensors: what scikit-learn says of predictions with ties, rare and absent classes.

    python3 -m venv venv && venv/bin/pip install -r ../../bench/peers/requirements.txt
    env -u OPENBLAS_CORETYPE venv/bin/python generate_metrics.py
"""

from __future__ import annotations

import pathlib

import numpy
from safetensors.numpy import save_file
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import metrics

FOLDER = pathlib.Path(__file__).resolve().parent


def calibration_error(probs: numpy.ndarray, labels: numpy.ndarray, bins: int) -> float:
    """Guo et al. 2017, eq. 3, as it is written: scikit-learn does not have it."""
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    error = 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def best_temperature(logits: numpy.ndarray, labels: numpy.ndarray) -> float:
    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / numpy.exp(log_temperature), axis=1)
        return -scaled[numpy.arange(len(labels)), labels].mean()

    found = minimize_scalar(loss, bounds=(-4.6, 4.6), method="bounded", options={"xatol": 1e-10})
    return float(numpy.exp(found.x))


def of_classes(random: numpy.random.Generator, rows: int, classes: int, sharpness: float) -> dict:
    labels = random.integers(0, classes, rows)
    if classes == 2:
        labels = (random.random(rows) < 0.1).astype(int)  # one in ten is positive
    logits = random.normal(size=(rows, classes)) + 1.2 * numpy.eye(classes)[labels]
    logits = numpy.round(logits * 2) / 2 * sharpness  # on a grid, so that scores tie
    probs = softmax(logits, axis=1)
    predicted = probs.argmax(axis=1)
    numbers = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "log_loss": metrics.log_loss(labels, probs, labels=range(classes)),
        "macro_f1": metrics.f1_score(labels, predicted, average="macro"),
        "calibration_error": calibration_error(probs, labels, 15),
        "temperature": best_temperature(logits, labels),
    }
    if classes == 2:
        scores = logits[:, 1] - logits[:, 0]
        numbers |= {
            "roc_auc": metrics.roc_auc_score(labels, scores),
            "average_precision": metrics.average_precision_score(labels, scores),
            "f1": metrics.f1_score(labels, predicted),
        }
    return {"logits": logits, "probs": probs, "labels": labels.astype(numpy.int64),
            **{name: numpy.float64(value) for name, value in numbers.items()}}


def of_numbers(random: numpy.random.Generator, rows: int) -> dict:
    targets = random.normal(loc=50, scale=7, size=rows)
    predicted = targets * 0.8 + random.normal(size=rows) * 3 + 9
    return {"predicted": predicted, "targets": targets,
            "root_mean_squared_error": metrics.root_mean_squared_error(targets, predicted),
            "r_squared": metrics.r2_score(targets, predicted),
            "r_squared_of_worse": metrics.r2_score(targets, targets[::-1])}


def main() -> None:
    random = numpy.random.default_rng(7)
    cases = {"two": of_classes(random, 400, 2, 1.0), "two_sharp": of_classes(random, 400, 2, 6.0),
             "five": of_classes(random, 300, 5, 0.5), "numbers": of_numbers(random, 100)}
    save_file({f"{case}.{name}": numpy.ascontiguousarray(value)
               for case, tensors in cases.items() for name, value in tensors.items()},
              FOLDER / "metrics.safetensors")


if __name__ == "__main__":
    main()
