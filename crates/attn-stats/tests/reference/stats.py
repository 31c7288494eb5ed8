#!/usr/bin/env python3
"""The statistics of attn-stats, computed a second time with PyTorch and NumPy in float64.

Two uses:

  stats.py fixture examples.json > expected.json
      The maps of the small fixture, drawn by the formula below, which tests/reference.rs repeats.
      Needs nothing but this folder.

  stats.py check --maps maps.safetensors [--reference-maps other.safetensors]
                 --annotations DIR/MRPC.jsonl --records records.jsonl --task MRPC
      Maps of real examples, as `attn extract --task MRPC` writes them; annotations and records as
      `attn stats --tasks MRPC --annotations-out DIR` writes them, with the same --data, --seed and
      --max-eval. Compares every mean and every n. Divergences agree only where `attn stats` was
      told to take all queries (--divergence-rows 100000).

Formula of the fixture's maps: for the example with index e, the weight logits are
6 * (splitmix64(seed * 1000003 + e * 10007 * 4096 + i) >> 40) / 2^24, with i counting through
[layers, heads, query, key]; softmax over keys in float64, rounded to float32.
"""

import argparse
import json
import math
import sys

import numpy as np
import torch

torch.set_num_threads(1)  # the tensors are small
MASK = (1 << 64) - 1
OFFSETS = [o for o in range(-10, 11) if o != 0]


def splitmix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def draw(seed, example, layers, heads, rows, length):
    start = seed * 1000003 + example * 10007 * 4096
    count = layers * heads * rows * length
    logits = [6.0 * (splitmix64((start + i) & MASK) >> 40) / 2.0**24 for i in range(count)]
    logits = torch.tensor(logits, dtype=torch.float64).reshape(layers, heads, rows, length)
    if count == 0:
        return logits.float()
    return torch.softmax(logits, dim=-1).float()


class Means:
    """Means over units by metric; n counts examples."""

    def __init__(self):
        self.sum, self.n, self.units = {}, {}, {}

    def add(self, metric, values, units=1.0):
        if units <= 0:
            return
        values = torch.as_tensor(values, dtype=torch.float64).reshape(-1)
        self.sum[metric] = self.sum.get(metric, 0) + values
        self.n[metric] = self.n.get(metric, 0) + 1
        self.units[metric] = self.units.get(metric, 0.0) + units

    def result(self):
        return {
            m: {"n": self.n[m], "mean": (self.sum[m] / self.units[m]).tolist()} for m in sorted(self.sum)
        }


def xlogx(t):
    return torch.special.xlogy(t, t)


def cosine(a, b, pad_a=None, pad_b=None):
    a, b = a.flatten(2), b.flatten(2)
    if pad_a is not None:
        a, b = torch.cat([a, pad_a.flatten(2)], 2), torch.cat([b, pad_b.flatten(2)], 2)
    return torch.nn.functional.cosine_similarity(a, b, dim=2)


def example(means, maps, reference, padding, annotation):
    """All statistics of one example; maps are [layers, heads, L, L] in float64."""
    layers, heads, length, _ = maps.shape
    if length == 0:
        return
    features, words = annotation.get("features", {}), annotation.get("words", [])
    models = [("", maps)] + ([("reference_", reference)] if reference is not None else [])

    if reference is not None:
        means.add("cosine_paper", cosine(maps, reference))
        means.add("cosine_paper_layer_mean", cosine(maps, reference).mean(1))
        if padding is not None:
            means.add("cosine_authors", cosine(maps, reference, *padding))

    for name in FEATURES:
        positions = features.get(name, [])
        for prefix, m in models:
            columns = m.mean(2)  # [layers, heads, key]
            if positions:
                score = columns[:, :, positions].amax(2)
                means.add(f"{prefix}attention_to_{name}", score)
                means.add(f"{prefix}attention_to_{name}_layer_mean", score.mean(1))
                means.add(f"{prefix}attention_to_{name}_authors", score)
            else:
                means.add(f"{prefix}attention_to_{name}_authors", torch.zeros(layers, heads))
            if positions and features.get("cls"):
                means.add(f"{prefix}cls_row_{name}", m[-1, :, features["cls"][0]][:, positions].amax(1))
        if positions and reference is not None:
            both = [m.mean(2)[:, :, positions].amax(2) for _, m in models]
            means.add(f"difference_attention_to_{name}", both[0] - both[1])

    for name, pairs in annotation.get("pairs", {}).items():
        if pairs:
            q, k = np.array(pairs).T
            means.add(f"pairs_{name}", maps[:, :, q, k].amax(2))
            means.add(f"pairs_{name}_authors", maps[:, :, q, k].amax(2))
        else:
            means.add(f"pairs_{name}_authors", torch.zeros(layers, heads))

    def link_weight(a, b):
        return maps[:, :, words[a]][:, :, :, words[b]].flatten(2).amax(2)

    for name in LINKS:
        for direction in ("forward", "backward"):
            links = {tuple(l) if direction == "forward" else (l[1], l[0]) for l in annotation.get("links", {}).get(name, [])}
            links = sorted(l for l in links if words[l[0]] and words[l[1]] and l[0] != l[1])
            if not links:
                continue
            weights = torch.stack([link_weight(a, b) for a, b in links])
            means.add(f"{name}_{direction}_link_mean", weights.mean(0))
            means.add(f"{name}_{direction}_example_maximum", weights.amax(0))
            present = [i for i, w in enumerate(words) if w]
            if len(present) < 2:
                continue
            right, baseline = torch.zeros(layers, heads), torch.zeros(len(OFFSETS))
            sources = sorted({a for a, _ in links})
            for a in sources:
                to = {b for x, b in links if x == a}
                row = maps[:, :, words[a]].mean(2)
                candidates = [i for i in present if i != a]
                score = torch.stack([row[:, :, words[c]].sum(2) for c in candidates], 2)
                found = score.argmax(2)
                hit = torch.tensor([c in to for c in candidates])
                right += hit[found].double()
                baseline += torch.tensor([float(a + o in to) for o in OFFSETS])
            means.add(f"{name}_{direction}_accuracy", right, len(sources))
            means.add(f"{name}_{direction}_offsets", baseline, len(sources))

    links = annotation.get("links", {}).get(SHARED)
    if links is not None:
        linked = {tuple(l) for l in links} | {(b, a) for a, b in links}
        inside = [set(features.get(f, [])) for f in ("first_text", "second_text")]
        texts = [[i for i, w in enumerate(words) if w and set(w) <= text] for text in inside]
        twins, others = [], []
        for a in texts[0]:
            for b in texts[1]:
                (twins if (a, b) in linked else others).append((a, b))
        if twins and others:
            for metric, pairs in (("twins", twins), ("others", others)):
                both = [(link_weight(a, b) + link_weight(b, a)) / 2 for a, b in pairs]
                means.add(f"shared_{metric}", torch.stack(both).mean(0))

    entropy = -xlogx(maps).sum(3)
    means.add("entropy", entropy.mean(2))
    index = torch.arange(length)
    means.add("attention_to_itself", maps[:, :, index, index].mean(2))
    distance = (index[:, None] - index[None, :]).abs().double()
    means.add("mean_distance", (maps * distance).sum(3).mean(2))
    if length > 1:
        means.add("attention_to_previous", maps[:, :, index[1:], index[:-1]].mean(2))
        means.add("attention_to_next", maps[:, :, index[:-1], index[1:]].mean(2))

    if not DIVERGENCE:
        return
    flat = maps.reshape(layers * heads, length, length)
    own = entropy.reshape(layers * heads, length)
    pairs = []
    for i in range(len(flat)):
        mixed = -xlogx((flat[i] + flat[i + 1 :]) / 2).sum(2)
        pairs.append((mixed - (own[i] + own[i + 1 :]) / 2).mean(1))
    pairs = torch.cat(pairs)
    means.add("jensen_shannon", pairs)
    grid = layers * heads
    matrix = torch.zeros(grid, grid, dtype=torch.float64)
    rows, columns = torch.triu_indices(grid, grid, 1)
    matrix[rows, columns] = pairs
    matrix = matrix + matrix.T
    same = (torch.arange(grid)[:, None] // heads) == (torch.arange(grid)[None, :] // heads)
    means.add("jensen_shannon_within_layer", (matrix * same).sum(1) / max(heads - 1, 1))
    means.add("jensen_shannon_across_layers", (matrix * ~same).sum(1) / max(grid - heads, 1))


def mds(pairs, grid):
    """Pairwise distances in the plane of classical scaling: they do not depend on its axes' signs."""
    squared = np.zeros((grid, grid))
    squared[np.triu_indices(grid, 1)] = pairs
    squared += squared.T
    centre = np.eye(grid) - 1.0 / grid
    values, vectors = np.linalg.eigh(-0.5 * centre @ squared @ centre)
    order = np.argsort(values)[::-1][:2]
    points = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    plane = ((points[:, None] - points[None]) ** 2).sum(2)
    share = np.maximum(values[order], 0).sum() / np.maximum(values, 0).sum()
    return {"share": share, "squared": plane[np.triu_indices(grid, 1)].tolist()}


DIVERGENCE = True
FEATURES = ["cls", "sep", "noun", "verb", "negation"]
LINKS = ["verb_subject", "noun_pronoun"]
SHARED = "shared_word"


def fixture(path):
    spec = json.load(open(path))
    means, grid = Means(), (spec["layers"], spec["heads"])
    for index, annotation in enumerate(spec["examples"]):
        length, rows = annotation["length"], spec["padding"]
        own, other = (draw(seed, index, *grid, length, length).double() for seed in spec["seeds"])
        padding = [draw(seed + 2, index, *grid, rows, length).double() for seed in spec["seeds"]]
        example(means, own, other, padding, annotation)
    result = means.result()
    scores = torch.tensor(result["pairs_frame"]["mean"], dtype=torch.float64)
    result = {
        "metrics": result,
        "frame_99th_percentile": float(np.percentile(scores.numpy(), 99)),
        "mds": mds(result["jensen_shannon"]["mean"], grid[0] * grid[1]),
    }
    json.dump(result, sys.stdout, indent=1)
    print()


def check(args):
    global FEATURES, DIVERGENCE
    DIVERGENCE = args.divergence
    from safetensors import safe_open

    annotations = [json.loads(line) for line in open(args.annotations)]
    FEATURES = sorted({f for a in annotations for f in a["features"]} - {"first_text", "second_text"})
    means = Means()
    own = safe_open(args.maps, "numpy")
    other = safe_open(args.reference_maps, "numpy") if args.reference_maps else None
    for annotation in annotations:
        key = f"maps.{annotation['index']}"
        maps = torch.from_numpy(own.get_tensor(key)).double()
        reference = torch.from_numpy(other.get_tensor(key)).double() if other else None
        example(means, maps, reference, None, annotation)
    result, heads = means.result(), maps.shape[1]
    compared, worst, skipped = 0, (0.0, ""), set()
    for line in open(args.records):
        record = json.loads(line)
        if record["task"] != args.task:
            continue
        metric, layer, head = record["metric"], record["layer"], record["head"]
        if metric not in result or layer is None:
            skipped.add(metric)
            continue
        cell = head if metric.startswith(("cls_row", "reference_cls_row")) else layer if head is None else layer * heads + head
        value = result[metric]["mean"][cell]
        assert record["n"] == result[metric]["n"], (metric, record["n"], result[metric]["n"])
        worst = max(worst, (abs(value - record["value"]), f"{metric} layer {layer} head {head}"))
        compared += 1
    print(f"{compared} numbers compared; greatest difference {worst[0]:.2e} ({worst[1]})")
    print("not compared:", ", ".join(sorted(skipped)) or "nothing")
    if not compared or math.isnan(worst[0]) or worst[0] > 1e-5:
        sys.exit("FAILED: differences above 1e-5, or nothing to compare")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("fixture")
    command.add_argument("examples")
    command.set_defaults(run=lambda a: fixture(a.examples))
    command = commands.add_parser("check")
    command.add_argument("--maps", required=True)
    command.add_argument("--reference-maps")
    command.add_argument("--annotations", required=True)
    command.add_argument("--records", required=True)
    command.add_argument("--task", required=True)
    command.add_argument("--divergence", action="store_true", help="all queries were taken: compare them, too")
    command.set_defaults(run=check)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
