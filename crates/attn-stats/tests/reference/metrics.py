"""Scores of scikit-learn and scipy on random and degenerate inputs, for the tests of attn_stats::metrics.

    python metrics.py        # writes metrics.json

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
from sklearn.metrics import accuracy_score, f1_score, log_loss, matthews_corrcoef, roc_auc_score

OUT = pathlib.Path(__file__).parent / "metrics.json"


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


def areas(name, values, labels):
    """AUC of class 1 against the others."""
    v, l = np.array(values, dtype=np.float64), np.array(labels, dtype=int)
    auc = value(lambda: roc_auc_score(l == 1, v))
    return {"name": name, "predictions": v.tolist(), "labels": l.tolist(), "auc": auc}


def losses(name, logits, labels):
    z = np.array(logits, dtype=np.float64)
    p = np.exp(z - z.max(1, keepdims=True))
    loss = log_loss(labels, p / p.sum(1, keepdims=True), labels=range(z.shape[1]))
    return {"name": name, "logits": z.tolist(), "labels": np.array(labels).tolist(), "log_loss": float(loss)}


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
        scores("199 of 200 equal", [0.1] * 17 + [0.2] + [0.1] * 182, rng.random(200)),
        scores("200 of 200 equal", [0.1] * 200, rng.random(200)),
        scores("one pair", [1.0], [2.0]),
        scores("no pair", [], []),
    ]
    threshold_free = [
        areas("random", rng.normal(size=100), rng.integers(0, 2, size=100)),
        areas("many ties", rng.integers(0, 4, size=90), rng.integers(0, 2, size=90)),
        areas("three classes", rng.normal(size=50), rng.integers(0, 3, size=50)),
        areas("constant", [2.0] * 10, ten),
        areas("one label only", rng.normal(size=5), [1] * 5),
        areas("two examples", [0.3, 0.2], [1, 0]),
    ]
    log_losses = [
        losses("two classes", rng.normal(size=(40, 2)), rng.integers(0, 2, size=40)),
        losses("three classes, far apart", 4 * rng.normal(size=(40, 3)) + 500, rng.integers(0, 3, size=40)),
    ]
    versions = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    rows, areas_, losses_ = (",\n".join(json.dumps(c) for c in all) for all in (cases, threshold_free, log_losses))
    OUT.write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{rows}\n], "auc": [\n{areas_}\n],'
                   f' "log_loss": [\n{losses_}\n]}}\n')
    for case in cases:
        print(case["name"], case["expected"])


if __name__ == "__main__":
    main()
