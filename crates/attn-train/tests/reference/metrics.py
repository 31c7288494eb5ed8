"""Scores of scikit-learn and scipy on random and degenerate inputs, for the tests of attn_train::metrics.

    python metrics.py        # writes ../fixtures/metrics.json

Each case holds predictions, labels and what the libraries give: a number, or null where they give NaN
or refuse.
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

OUT = pathlib.Path(__file__).parent.parent / "fixtures" / "metrics.json"


def value(call):
    """A library's number; None for NaN and for a refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            number = float(call())
        except ValueError:
            return None
    return None if math.isnan(number) else number


def classes(name, predictions, labels):
    p, l = np.array(predictions, dtype=int), np.array(labels, dtype=int)
    expected = {
        "accuracy": value(lambda: accuracy_score(l, p)),
        "matthews": value(lambda: matthews_corrcoef(l, p)),
        # The F1 of class 1 alone, which for two classes is `average="binary"`.
        "f1": value(lambda: f1_score(l, p, labels=[1], average="macro", zero_division=0)),
    }
    return {"name": name, "predictions": p.tolist(), "labels": l.tolist(), "expected": expected}


def scores(name, predictions, labels):
    p, l = np.array(predictions, dtype=np.float64), np.array(labels, dtype=np.float64)
    pearson = value(lambda: pearsonr(p, l).statistic)
    spearman = value(lambda: spearmanr(p, l).statistic)
    both = None if pearson is None or spearman is None else (pearson + spearman) / 2
    expected = {"pearson": pearson, "spearman": spearman, "pearson_spearman": both}
    return {"name": name, "predictions": p.tolist(), "labels": l.tolist(), "expected": expected}


def main():
    rng = np.random.default_rng(20191103)
    cases = []
    for n, k in ((1, 2), (2, 2), (7, 2), (60, 2), (277, 2), (90, 3), (200, 5)):
        labels = rng.integers(0, k, size=n)
        predictions = np.where(rng.random(n) < 0.6, labels, rng.integers(0, k, size=n))
        cases.append(classes(f"{n} random of {k} classes", predictions, labels))
    ten = rng.integers(0, 2, size=10)
    cases += [
        classes("constant 0 predicted", [0] * 10, ten),
        classes("constant 1 predicted", [1] * 10, ten),
        classes("one label 0 only", ten, [0] * 10),
        classes("one label 1 only", ten, [1] * 10),
        classes("all 0 on both sides", [0] * 5, [0] * 5),
        classes("all 1 on both sides", [1] * 5, [1] * 5),
        classes("all wrong", 1 - ten, ten),
        classes("all right", ten, ten),
        classes("class 2 predicted only, three classes", [2] * 6, [0, 1, 2, 0, 1, 2]),
        classes("one example, right", [1], [1]),
        classes("one example, wrong", [0], [1]),
    ]
    for n in (2, 3, 10, 150, 1000):
        labels = np.round(rng.random(n) * 5, 1)
        cases.append(scores(f"{n} random", labels + rng.normal(size=n), labels))
    cases += [
        scores("many ties", rng.integers(0, 4, size=80), rng.integers(0, 3, size=80)),
        scores("tiny numbers", rng.normal(size=30) * 1e-200, rng.normal(size=30)),
        scores("huge numbers", rng.normal(size=30) * 1e150, rng.normal(size=30)),
        scores("far from zero", 1e6 + rng.normal(size=40), 1e6 + rng.normal(size=40)),
        scores("constant predictions", [2.5] * 12, rng.random(12)),
        scores("constant predictions with rounding", [0.1] * 12, rng.random(12)),
        scores("constant labels", rng.random(12), [3.0] * 12),
        scores("exactly opposite", [1, 2, 3, 4], [8, 6, 4, 2]),
        scores("monotone, not linear", [1, 2, 3, 4, 5], [1, 10, 100, 1000, 10000]),
        scores("one pair", [1.0], [2.0]),
        scores("no pair", [], []),
    ]
    OUT.parent.mkdir(exist_ok=True)
    versions = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    rows = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{rows}\n]}}\n')
    for case in cases:
        print(case["name"], case["expected"])


if __name__ == "__main__":
    main()
