"""Writes paired.json: what SciPy, statsmodels and scikit-learn say about small random samples.

    pip install scipy statsmodels scikit-learn
    python paired.py > paired.json
"""

import json
import sys

import numpy as np
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20191103)


def floats(values):
    return [int(v) if v == int(v) else float(v) for v in values]


def scores():
    cases = []
    for n in (7, 40, 300):
        labels = rng.integers(0, 2, n)
        predictions = np.where(rng.random(n) < 0.75, labels, 1 - labels)
        cases.append(dict(predictions=floats(predictions), labels=floats(labels),
                          accuracy=accuracy_score(labels, predictions), f1=f1_score(labels, predictions),
                          matthews=matthews_corrcoef(labels, predictions)))
    for n in (5, 60):
        a = np.round(rng.normal(size=n), 1)  # rounded, so that there are ties
        b = np.round(a + rng.normal(size=n), 1)
        cases.append(dict(predictions=floats(a), labels=floats(b), pearson=stats.pearsonr(a, b)[0],
                          spearman=stats.spearmanr(a, b)[0], ranks=floats(stats.rankdata(a))))
    return cases


def mcnemars():
    cases = []
    for n, noise in ((30, 0.2), (200, 0.1), (1000, 0.05), (3000, 0.6)):
        labels = rng.integers(0, 3, n)
        a = np.where(rng.random(n) < 0.8, labels, (labels + 1) % 3)
        b = np.where(rng.random(n) < noise, (a + rng.integers(1, 3, n)) % 3, a)
        table = [[int(np.sum(((a == labels) == i) & ((b == labels) == j)))
                  for j in (True, False)] for i in (True, False)]
        result = mcnemar(table, exact=True)
        cases.append(dict(baseline=floats(a), variant=floats(b), labels=floats(labels), lost=table[0][1],
                          gained=table[1][0], p=float(result.pvalue)))
    return cases


def permutations():
    cases = []
    for name, n, different in (("f1", 60, 9), ("pearson", 9, 9), ("f1", 400, 60), ("spearman", 120, 120)):
        if name == "f1":
            labels = rng.integers(0, 2, n).astype(float)
            a = np.where(rng.random(n) < 0.7, labels, 1 - labels)
            b = a.copy()
            places = rng.choice(n, different, replace=False)
            # Most changes are for the worse, so that p is neither 0 nor 1.
            b[places] = np.where(rng.random(different) < 0.6, 1 - labels[places], labels[places])
            score = lambda p: f1_score(labels, p)
        else:
            labels = rng.normal(size=n)
            a = labels + rng.normal(size=n)
            b = labels + 2.0 * rng.normal(size=n)
            # Correlations are swapped standardised: raw predictions of another scale are not exchangeable.
            # b has another scale and shift, which must not matter.
            b = 3.0 * b - 1.0
            correlate = stats.pearsonr if name == "pearson" else stats.spearmanr
            score = lambda p: correlate(labels, p)[0]
        raw = a, b
        if name != "f1":
            standard = stats.zscore if name == "pearson" else stats.rankdata
            a, b = standard(a), standard(b)
        swapped = np.flatnonzero(a != b)
        exact = len(swapped) <= 12

        def statistic(x, y):
            p, q = a.copy(), b.copy()
            p[swapped], q[swapped] = x, y
            return score(q) - score(p)

        result = stats.permutation_test((a[swapped], b[swapped]), statistic, permutation_type="samples",
                                        n_resamples=np.inf if exact else 4999, vectorized=False, rng=rng)
        cases.append(dict(metric=name, baseline=floats(raw[0]), variant=floats(raw[1]), labels=floats(labels),
                          exact=exact, p=float(result.pvalue)))
    return cases


def corrections():
    cases = []
    for n in (1, 8, 79):
        p = np.round(rng.random(n) ** 3, 4)  # rounded, so that there are ties
        cases.append(dict(p=floats(p), holm=floats(multipletests(p, method="holm")[1]),
                          benjamini_hochberg=floats(multipletests(p, method="fdr_bh")[1])))
    return cases


def bootstraps():
    cases = []
    for n in (72, 400):
        a = rng.normal(size=n)
        b = 0.6 * a + rng.normal(size=n)
        result = stats.bootstrap((a, b), lambda x, y: stats.spearmanr(x, y)[0], paired=True, vectorized=False,
                                 n_resamples=4000, method="percentile", rng=rng)
        cases.append(dict(a=floats(a), b=floats(b), spearman=float(stats.spearmanr(a, b)[0]),
                          low=float(result.confidence_interval.low), high=float(result.confidence_interval.high)))
    labels = rng.integers(0, 2, 400)
    a = np.where(rng.random(400) < 0.85, labels, 1 - labels)
    b = np.where(rng.random(400) < 0.12, 1 - a, a)
    result = stats.bootstrap((a, b, labels), lambda x, y, z: np.mean(y == z) - np.mean(x == z), paired=True,
                             vectorized=False, n_resamples=4000, method="percentile", rng=rng)
    difference = dict(baseline=floats(a), variant=floats(b), labels=floats(labels),
                      low=float(result.confidence_interval.low), high=float(result.confidence_interval.high))
    return cases, difference


spearmans, difference = bootstraps()
json.dump(dict(scores=scores(), mcnemar=mcnemars(), permutation=permutations(), corrections=corrections(),
               spearman_intervals=spearmans, difference_interval=difference), sys.stdout)
