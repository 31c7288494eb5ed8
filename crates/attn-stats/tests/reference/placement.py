"""Null distributions of FrameNet's score by brute force, in NumPy, for `tests/placement.rs`.

    python placement.py placement.json > placement-expected.json

Nothing is shared with the Rust code but the inputs. The `words` and `content` nulls permute the
sentence's words in every possible order, annotated runs as wholes, and keep the orders in which each
run stands on words it may stand on and target and elements are far enough apart; `distance` slides the
annotation. Each null's mean is over orders, of the greatest weight among the pairs of query and key,
then over sentences. Maps are drawn as in stats.py, whose docstring states the formula.
"""

import itertools
import json
import sys

import numpy as np

MASK = (1 << 64) - 1


def splitmix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def maps(seed, example, heads, length):
    start = seed * 1000003 + example * 10007 * 4096
    logits = [6.0 * (splitmix64((start + i) & MASK) >> 40) / 2.0**24 for i in range(heads * length * length)]
    logits = np.array(logits).reshape(heads, length, length)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32).astype(np.float64)


def distance(a, b):
    return min(abs(i - j) for i in range(*a) for j in range(*b))


def allowed(sentence, real, place, null):
    kinds = sentence["kinds"]
    here, there = [kinds[i] for i in range(*real)], [kinds[i] for i in range(*place)]
    if "punctuation" in there and "punctuation" not in here:
        return False
    return null != "content" or here.count("content") == there.count("content")


def orders(sentence, null):
    """Runs, target first, of every admissible order."""
    runs = sentence["target"] + sentence["elements"]
    count, words = len(sentence["target"]), len(sentence["words"])
    least = min(
        sentence["least_distance"],
        min(distance(t, e) for t in runs[:count] for e in runs[count:]),
    )
    if null == "distance":
        for shift in range(-words, words):
            moved = [[a + shift, b + shift] for a, b in runs]
            inside = all(0 <= a and b <= words for a, b in moved)
            if inside and all(allowed(sentence, r, m, null) for r, m in zip(runs, moved)):
                yield moved
        return
    covered = {i for run in runs for i in range(*run)}
    units = [tuple(run) for run in runs] + [(i, i + 1) for i in range(words) if i not in covered]
    for order in itertools.permutations(range(len(units))):
        moved, at = {}, 0
        for unit in order:
            size = units[unit][1] - units[unit][0]
            moved[unit] = [at, at + size]
            at += size
        moved = [moved[i] for i in range(len(runs))]
        if not all(allowed(sentence, r, m, null) for r, m in zip(runs, moved)):
            continue
        if all(distance(t, e) >= least for t in moved[:count] for e in moved[count:]):
            yield moved


def greatest(sentence, weights, runs, pairing):
    words, count = sentence["words"], len(sentence["target"])

    def tokens(run):
        return [token for i in range(*run) for token in words[i]]

    target = [token for run in runs[:count] for token in tokens(run)]
    pairs = []
    for element in map(tokens, runs[count:]):
        if pairing == "zipped":
            first = sentence["first"]
            pairs += zip([first[e] for e in element], [first[t] for t in target])
        else:
            both = itertools.product(element, target)
            pairs += both if pairing == "element_to_target" else [(t, e) for e, t in both]
    return np.max([weights[:, q, k] for q, k in pairs], axis=0)


def main():
    spec = json.load(open(sys.argv[1]))
    heads = spec["layers"] * spec["heads"]
    result = {}
    for null in ["words", "content", "distance"]:
        for pairing in ["element_to_target", "target_to_element", "zipped"]:
            means, places, real = [], [], []
            for index, sentence in enumerate(spec["sentences"]):
                weights = maps(spec["seed"], index, heads, sentence["length"])
                found = list(orders(sentence, null))
                scores = [greatest(sentence, weights, runs, pairing) for runs in found]
                means.append(np.mean(scores, axis=0))
                places.append(len({json.dumps(runs) for runs in found}))
                runs = sentence["target"] + sentence["elements"]
                real.append(greatest(sentence, weights, runs, pairing))
            result[f"{null} {pairing}"] = {
                "expected": np.mean(means, axis=0).tolist(),
                "excess": (np.mean(real, axis=0) - np.mean(means, axis=0)).tolist(),
                "places": places,
            }
    json.dump(result, sys.stdout, indent=1)
    print()


main()
