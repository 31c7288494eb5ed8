"""What NumPy, SciPy and scikit-learn say about the committed sweeps, from their stored predictions.

    pip install numpy scipy scikit-learn pandas pyarrow
    python sweeps.py > sweeps.json        # a few minutes; a report goes to stderr

- correlations: the permutation test with standardised predictions (z-scores; Pearson and Spearman of the mixtures), 9,999
  swaps, Holm over the sweep; Williams' (1959) test of Pearson's correlations beside it, for comparison;
- the studentised interval of the best of many heads, 2,000 resamples;
- thresholds: AUC and log loss by scikit-learn; F1 and accuracy after cross-fitting thresholds (10 folds, mean of 20 fold
  assignments, the middle one of the best thresholds), for two seeds: fold assignments differ from ours, and the values with them;
- F1's permutation test by drawing.
"""

import json
import pathlib
import sys

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

RESULTS = pathlib.Path(__file__).parents[4] / "results"
SWAPS = 9999


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def load(model, task):
    table = pd.read_parquet(RESULTS / f"{model}-glue" / "ablation" / task / "predictions.parquet")
    variants = list(dict.fromkeys(table["variant"]))
    n = len(table) // len(variants)
    logits = [c for c in table.columns if c.startswith("logit_")]
    values = table[logits].to_numpy(np.float64).reshape(len(variants), n, len(logits))
    return variants, table["label"].to_numpy(np.float64)[:n], values


def unit(x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def ranks(rows):
    """Ranks of each row; swapped z-scores of different models hardly ever tie."""
    order = np.argsort(rows, axis=1)
    out = np.empty_like(rows)
    np.put_along_axis(out, order, np.broadcast_to(np.arange(1.0, rows.shape[1] + 1), rows.shape), 1)
    return out


def holm(p):
    order, m, out, largest = np.argsort(p), len(p), np.empty(len(p)), 0.0
    for i, j in enumerate(order):
        largest = max(largest, min(1.0, p[j] * (m - i)))
        out[j] = largest
    return out


def williams(r12, r13, r23, n):
    """Two-sided p of 'the correlations r12 and r13 of two models with the labels are equal'."""
    det = 1 - r12**2 - r13**2 - r23**2 + 2 * r12 * r13 * r23
    mean = (r12 + r13) / 2
    t = (r12 - r13) * np.sqrt((n - 1) * (1 + r23) / (2 * det * (n - 1) / (n - 3) + mean**2 * (1 - r23) ** 3))
    return 2 * stats.t.sf(abs(t), n - 3)


def correlations(model):
    variants, labels, logits = load(model, "STS-B")
    p, n = logits[:, :, 0], len(labels)
    rng = np.random.default_rng(20191103)
    swap = rng.integers(0, 2, (SWAPS, n)).astype(bool)
    z, zl, rl = unit(p), unit(labels), unit(stats.rankdata(labels))
    own = np.array([(stats.pearsonr(x, labels)[0], stats.spearmanr(x, labels)[0]) for x in p])
    score = own.mean(1)
    values, pw = [], []
    for v in range(1, len(variants)):
        a, b = np.where(swap, z[v], z[0]), np.where(swap, z[0], z[v])
        drawn = ((unit(b) - unit(a)) @ zl + (unit(ranks(b)) - unit(ranks(a))) @ rl) / 2
        values.append((1 + np.sum(np.abs(drawn) >= abs(score[v] - score[0]) - 1e-11)) / (1 + SWAPS))
        pw.append(williams(own[0, 0], own[v, 0], stats.pearsonr(p[0], p[v])[0], n))
    corrected, other = holm(np.array(values)), holm(np.array(pw))
    rows = []
    for name in ("head-3:8", "head-3:5"):
        v = variants.index(name)
        rows.append(dict(variant=name, difference=score[v] - score[0], p=values[v - 1], holm=corrected[v - 1]))
        say(model, rows[-1], "Williams' p of Pearson's, Holm:", other[v - 1])
    gains = [i for i in range(len(corrected)) if corrected[i] < 0.05 and score[i + 1] > score[0]]
    best = variants[max(gains, key=lambda i: score[i + 1]) + 1] if gains else None
    say(model, (corrected < 0.05).sum(), "of", len(corrected), "; Williams", (other < 0.05).sum(), "; best gain", best)
    found = dict(model=model, significant=int((corrected < 0.05).sum()), tests=len(corrected), best_gain=best, rows=rows)
    if best:
        found["interval"] = best_of_many(variants, labels, p, score, best)
        say(model, "studentised", found["interval"])
    return found


def best_of_many(variants, labels, p, score, best):
    heads = [v for v, name in enumerate(variants) if name.startswith("head-")]
    rng, samples = np.random.default_rng(7), []
    for _ in range(2000):
        i = rng.integers(0, len(labels), len(labels))
        zl, rl = unit(labels[i]), unit(stats.rankdata(labels[i]))
        q = p[[0, *heads]][:, i]
        s = (unit(q) @ zl + unit(stats.rankdata(q, axis=1)) @ rl) / 2
        samples.append(s[1:] - s[0])
    samples, estimate = np.array(samples), score[heads] - score[0]
    error = samples.std(0, ddof=1)
    up = np.quantile(((samples - estimate) / error).max(1), 0.975)
    down = np.quantile((-(samples - estimate) / error).max(1), 0.975)
    at = heads.index(variants.index(best))
    return [estimate[at] - up * error[at], estimate[at] + down * error[at]]


def best_threshold(margins, labels, metric):
    order = np.argsort(margins, kind="stable")
    m, y = margins[order], labels[order]
    n, there = len(m), y.sum()
    right, predicted = there - np.concatenate([[0], np.cumsum(y)]), n - np.arange(n + 1)
    if metric == "f1":
        value = 2 * right / np.maximum(predicted + there, 1)
    else:
        value = (right + (n - there) - (predicted - right)) / n
    value[1:-1][m[1:] == m[:-1]] = -1
    ties = np.flatnonzero(value >= value.max() - 1e-12)
    cut = ties[len(ties) // 2]
    return m[0] - 1 if cut == 0 else m[-1] + 1 if cut == n else (m[cut - 1] + m[cut]) / 2


def refitted(margins, labels, metric, seed):
    n, thresholds = len(labels), np.zeros(len(labels))
    for repeat in range(20):
        fold = np.random.default_rng([seed, repeat]).permutation(n) % 10
        for f in range(10):
            thresholds[fold == f] += best_threshold(margins[fold != f], labels[fold != f], metric) / 20
    return (margins > thresholds).astype(float)


def thresholds():
    cases = []
    wanted = (("MRPC", "f1", ("head-2:7", "layer-1")), ("QQP", "f1", ("head-4:2",)),
              ("QNLI", "accuracy", ("head-2:4", "head-1:1", "head-2:9")))
    for task, metric, names in wanted:
        variants, labels, logits = load("all-MiniLM-L6-v2", task)
        margins = logits[:, :, 1] - logits[:, :, 0]
        score = (lambda x: f1_score(labels, x)) if metric == "f1" else (lambda x: accuracy_score(labels, x))
        for name in names:
            v = variants.index(name)
            a, b = (margins[0] > 0).astype(float), (margins[v] > 0).astype(float)
            values = [score(refitted(margins[v], labels, metric, s)) - score(refitted(margins[0], labels, metric, s))
                      for s in (1, 2)]
            case = dict(task=task, metric=metric, variant=name, difference=score(b) - score(a),
                        auc=roc_auc_score(labels, margins[v]) - roc_auc_score(labels, margins[0]), refitted=values)
            if metric == "f1":
                case["p"] = drawn_f1(a, b, labels)
            cases.append(case)
            say(case)
    variants, labels, logits = load("all-MiniLM-L6-v2", "MNLI")
    p = np.exp(logits - logits.max(2, keepdims=True))
    p /= p.sum(2, keepdims=True)
    v = variants.index("head-2:7")
    loss = log_loss(labels, p[v], labels=range(3)) - log_loss(labels, p[0], labels=range(3))
    return cases, dict(task="MNLI", variant="head-2:7", difference=loss)


def drawn_f1(a, b, labels):
    rng, large = np.random.default_rng(3), 0
    observed = abs(f1_score(labels, b) - f1_score(labels, a))

    def f1(x):
        return 2 * (x * labels).sum(1) / (x.sum(1) + labels.sum())

    for _ in range(20):
        swap = rng.integers(0, 2, (1000, len(a))).astype(bool)
        x, y = np.where(swap, b, a), np.where(swap, a, b)
        large += np.sum(np.abs(f1(y) - f1(x)) >= observed - 1e-11)
    return (1 + large) / 20001


cases, loss = thresholds()
found = dict(thresholds=cases, log_loss=loss,
             correlations=[correlations(m) for m in ("multilingual-e5-small-en-pt", "all-MiniLM-L6-v2")])
json.dump(found, sys.stdout, indent=1, default=float)
print()
