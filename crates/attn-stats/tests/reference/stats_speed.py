"""Forward pass and all statistics of `attn stats` with PyTorch and transformers: the peer of
`cargo xtask bench extract`.

    python stats_speed.py --model DIR [--reference DIR] --annotations ANNOTATIONS/QNLI.jsonl
                          [--records RUN/records.jsonl] [--divergence-rows 8] [--threads 2]

The annotations are those of `attn stats --annotations-out` and hold the word pieces, too. What makes this
a fair opponent: eager attention (the only kind that gives maps) in batches of examples of like length; per
example tensor operations over all layers and heads at once, in float32; everything that follows from the
annotations alone is computed before the clock starts, and layer means and differences are taken from the
heads' bootstrap sums at the end. NaN is not looked for. stats.py has the same statistics in plain words.

With --records every mean is compared with ours; an argmax may fall the other way where two words are
equally strong but for rounding, so accuracies may differ by a few words, which are counted. The divergence
takes other random queries than ours and is compared only where all of them are taken.
The last line is JSON: seconds without start-up, loading and comparing.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
import transformers

import stats

REPLICATES, PAIR_REPLICATES = 1000, 200
STRUCTURES = ["attention_to_itself", "attention_to_previous", "attention_to_next", "mean_distance"]
DIRECTIONS = ["forward", "backward"]
KINDS = [(name, direction) for name in stats.LINKS for direction in DIRECTIONS]


class Example:
    """What follows from an example's annotation alone."""

    def __init__(self, line, features):
        self.ids, self.segments = line["ids"], line["segments"]
        self.length = length = line["length"]
        self.mask = torch.zeros(len(features), length, dtype=torch.bool)
        for row, name in zip(self.mask, features):
            row[line["features"].get(name, [])] = True
        self.present = self.mask.any(1)
        self.cls = line["features"]["cls"][0]
        words = line["words"]
        place = {word: i for i, word in enumerate(w for w, pieces in enumerate(words) if pieces)}
        count = len(place)
        pieces = [words[word] for word in place]
        widest = max(map(len, pieces), default=1)
        # Repeating a piece leaves a maximum as it is.
        self.pieces = torch.tensor([p + p[:1] * (widest - len(p)) for p in pieces]).reshape(count, -1)
        self.total = torch.zeros(length, count)
        for i, p in enumerate(pieces):
            self.total[p, i] = 1.0
        mean = (self.total / self.total.sum(0)).T
        self.links, self.linked, self.sources, self.offsets = [], [], [], []
        share = []
        for name, direction in KINDS:
            links = {(a, b) if direction == "forward" else (b, a) for a, b in line["links"].get(name, [])}
            links = sorted((a, b) for a, b in links if a in place and b in place and a != b)
            matrix = torch.zeros(count, count)
            if links:
                index = torch.tensor([[place[a], place[b]] for a, b in links]).T
                matrix[index[0], index[1]] = 1.0
            self.links.append(index[0] * count + index[1] if links else None)
            self.linked.append(matrix.bool())
            share.append(matrix / max(len(links), 1))
            sources = sorted({a for a, _ in links}) if count > 1 else []
            self.sources.append(len(sources))
            linked = set(links)
            self.offsets.append([float(sum((a, a + o) in linked for a in sources)) for o in stats.OFFSETS])
        self.linked = torch.stack(self.linked)
        rows = self.linked.any(2).any(0).nonzero().flatten() if count > 1 else torch.zeros(0, dtype=torch.long)
        self.rows, self.mean, self.linked = rows, mean[rows], self.linked[:, rows]
        self.shared = False
        twins, others = torch.zeros(count, count), torch.zeros(count, count)
        if stats.SHARED in line["links"]:
            linked = {tuple(l) for l in line["links"][stats.SHARED]}
            linked |= {(b, a) for a, b in linked}
            inside = [set(line["features"].get(f, [])) for f in ("first_text", "second_text")]
            texts = [[w for w in place if set(words[w]) <= text] for text in inside]
            for a in texts[0]:
                for b in texts[1]:
                    matrix = twins if (a, b) in linked else others
                    matrix[place[a], place[b]] = matrix[place[b], place[a]] = 1.0
            self.shared = bool(twins.any() and others.any())
        share += [matrix / matrix.sum().clamp(min=1) for matrix in (twins, others)]
        self.share = torch.stack(share).flatten(1).T
        # Does any statistic look at words?
        self.words = bool(self.shared or any(link is not None for link in self.links))


class Table:
    """Sums and bootstrap sums of all numbers of an example, laid side by side."""

    def __init__(self, parts):
        self.parts, at = {}, 0
        for number, (name, width) in enumerate(parts):
            self.parts[name] = (number, slice(at, at + width))
            at += width
        self.widths = torch.tensor([width for _, width in parts])
        self.sums, self.units = torch.zeros(at, dtype=torch.float64), torch.zeros(len(parts), dtype=torch.float64)
        self.n = torch.zeros(len(parts), dtype=torch.long)
        self.replicates, self.weights = torch.zeros(REPLICATES, at), torch.zeros(REPLICATES, len(parts))

    def add(self, values, units, counts):
        """values [examples, cells] are 0 where an example lacks a part; units [examples, parts]."""
        self.sums += values.sum(0, dtype=torch.float64)
        self.units += units.sum(0, dtype=torch.float64)
        self.n += (units > 0).sum(0)
        self.replicates.addmm_(counts.T, values)
        self.weights.addmm_(counts.T, units)

    def part(self, name):
        """Means [cells], those of the replicates [replicates, cells], n; None without examples."""
        number, cells = self.parts[name]
        if self.n[number] == 0:
            return None
        means = self.sums[cells] / self.units[number]
        return means, self.replicates[:, cells] / self.weights[:, number, None], int(self.n[number])


class Statistics:
    """All statistics of a run."""

    def __init__(self, grid, features, paired, rows):
        self.layers, self.heads = grid
        self.grid, self.features, self.rows = grid[0] * grid[1], features, rows
        self.prefixes = ["", "reference_"] if paired else [""]
        parts = [(f"{p}attention_to_{f}", self.grid) for p in self.prefixes for f in features]
        parts += [(f"{p}cls_row_{f}", self.heads) for p in self.prefixes for f in features]
        parts += [(name, self.grid) for name in STRUCTURES + ["entropy"]]
        parts += [(f"jensen_shannon_{name}", self.grid) for name in ("within_layer", "across_layers")]
        names = [f"{name}_{direction}" for name, direction in KINDS]
        parts += [(f"{n}_link_mean", self.grid) for n in names] + [("shared_twins", self.grid), ("shared_others", self.grid)]
        parts += [(f"{n}_example_maximum", self.grid) for n in names] + [(f"{n}_accuracy", self.grid) for n in names]
        parts += [(f"{n}_offsets", len(stats.OFFSETS)) for n in names]
        parts += [("cosine_paper", self.grid)] if paired else []
        self.table = Table(parts)
        self.first, self.second = torch.triu_indices(self.grid, self.grid, 1)
        self.pairs = torch.zeros(PAIR_REPLICATES, len(self.first))
        layer = torch.arange(self.grid) // self.heads
        same = layer[:, None] == layer[None, :]
        self.within = same / max(self.heads - 1, 1)
        self.across = ~same / max(self.grid - self.heads, 1)
        self.shapes = {}

    def shape(self, length):
        """Weights that turn a flattened map into STRUCTURES."""
        if length not in self.shapes:
            index = torch.arange(length)
            distance = (index[:, None] - index[None, :]).float()
            masks = [distance == 0, distance == 1, distance == -1]
            masks = [mask.float() / mask.sum().clamp(min=1) for mask in masks] + [distance.abs() / length]
            self.shapes[length] = torch.stack(masks).flatten(1).T.contiguous()
        return self.shapes[length]

    def divergence(self, maps, length):
        count = min(self.rows, length)
        queries = torch.randperm(length)[:count] if count < length else torch.arange(length)
        # Halves, so that a sum of two is their mixture; x ln x of so little more than nothing is 0.
        half = maps[:, queries].transpose(0, 1).contiguous() * 0.5 + 1e-30
        own = torch.linalg.vecdot(2 * half, (2 * half).log()).sum(0)
        pairs = (own[self.first] + own[self.second]) / 2
        # A query at a time: the mixtures of all pairs then stay in the processor's cache, which is two to
        # four times faster than all queries at once.
        for row in half:
            mixed = row.index_select(0, self.first).add_(row.index_select(0, self.second))
            pairs -= torch.linalg.vecdot(mixed, mixed.log())
        return pairs / count

    def example(self, example, models):
        """One example's numbers and units, in the table's order; models hold [layers, heads, L, L]."""
        length, count = example.length, len(example.pieces)
        maps = models[0].reshape(self.grid, length, length)
        values, absent = [], ~example.present[:, None]
        columns = [m.mean(2).reshape(self.grid, length) for m in models]
        for rows in columns + [m[-1, :, example.cls] for m in models]:
            score = rows[None].masked_fill(~example.mask[:, None], -1.0).amax(2)
            values.append(score.masked_fill_(absent, 0.0).flatten())
        flat = maps.flatten(1)
        values.append((self.shape(length).T @ flat.T).flatten())
        values.append(torch.linalg.vecdot(flat, (flat + 1e-30).log_()) / -length)
        pairs = self.divergence(maps, length)
        matrix = torch.zeros(self.grid, self.grid)
        matrix[self.first, self.second] = pairs
        matrix = matrix + matrix.T
        values += [(matrix * self.within).sum(1), (matrix * self.across).sum(1)]
        blank = torch.zeros(self.grid)
        if example.words:
            widest = maps[:, :, example.pieces].amax(3)  # [grid, query, word]
            widest = widest[:, example.pieces].amax(2).flatten(1)  # [grid, word * word]
            values.append((example.share.T @ widest.T).flatten())
            if not example.shared:
                values[-1][-2 * self.grid :] = 0.0
            values += [blank if l is None else widest[:, l].amax(1) for l in example.links]
        else:
            values.append(torch.zeros((len(KINDS) + 2 + len(KINDS)) * self.grid))
        if len(example.rows):
            strength = (example.mean @ maps) @ example.total  # [grid, source, word]
            strength[:, torch.arange(len(example.rows)), example.rows] = -1.0
            found = strength.argmax(2)
            hits = example.linked[:, torch.arange(len(example.rows)), found]  # [kind, grid, source]
            values.append(hits.sum(2).float().flatten())
        else:
            values.append(torch.zeros(len(KINDS) * self.grid))
        values.append(torch.tensor(example.offsets).flatten())
        units = example.present.float().repeat(2 * len(models)).tolist()
        units += [1.0, float(length > 1), float(length > 1), 1.0, 1.0, 1.0, 1.0]
        has = [float(link is not None) for link in example.links]
        units += has + [float(example.shared)] * 2 + has + [float(s) for s in example.sources] * 2
        if len(models) > 1:
            values.append(stats.cosine(*models).flatten())
            units.append(1.0)
        return torch.cat(values), torch.tensor(units), pairs

    def add(self, rows):
        values, units, pairs = (torch.stack(column) for column in zip(*rows))
        counts = torch.poisson(torch.ones(len(rows), REPLICATES))
        self.table.add(values, units, counts)
        self.pairs.addmm_(counts[:, :PAIR_REPLICATES].T, pairs)

    def results(self):
        """Every metric with its means, intervals and n."""
        results = {}

        def put(name, part):
            means, replicates, n = part
            replicates = replicates.T.contiguous()
            quantile = torch.nanquantile if replicates.isnan().any() else torch.quantile
            results[name] = (means, quantile(replicates, torch.tensor([0.025, 0.975]), dim=1), n)

        def with_layers(name, part):
            means, replicates, n = part
            put(name, part)
            put(f"{name}_layer_mean", (means.reshape(-1, self.heads).mean(1), replicates.reshape(REPLICATES, -1, self.heads).mean(2), n))

        def less(a, b):
            return a[0] - b[0], a[1] - b[1], a[2]

        get = self.table.part
        for kind in ("attention_to", "cls_row"):
            for feature in self.features:
                parts = [get(f"{prefix}{kind}_{feature}") for prefix in self.prefixes]
                if parts[0] is None:
                    continue
                for prefix, part in zip(self.prefixes, parts):
                    with_layers(f"{prefix}{kind}_{feature}", part)
                if len(parts) > 1:
                    with_layers(f"difference_{kind}_{feature}", less(*parts))
        for name in STRUCTURES + ["entropy"] + ["cosine_paper"] * (len(self.prefixes) - 1):
            with_layers(name, get(name))
        for name in ("within_layer", "across_layers"):
            put(f"jensen_shannon_{name}", get(f"jensen_shannon_{name}"))
        for name in (f"{name}_{direction}" for name, direction in KINDS):
            for what in ("link_mean", "example_maximum"):
                if (part := get(f"{name}_{what}")) is not None:
                    put(f"{name}_{what}", part)
            if (part := get(f"{name}_accuracy")) is None:
                continue
            offsets = get(f"{name}_offsets")
            best = max(range(len(stats.OFFSETS)), key=lambda i: (float(offsets[0][i]), -abs(stats.OFFSETS[i])))
            best = offsets[0][best : best + 1], offsets[1][:, best : best + 1], offsets[2]
            put(f"{name}_accuracy", part)
            put(f"{name}_best_offset_accuracy", best)
            put(f"{name}_accuracy_above_offset", less(part, best))
        if (twins := get("shared_twins")) is not None:
            others = get("shared_others")
            for name, part in (("twins", twins), ("others", others), ("difference", less(twins, others))):
                put(f"shared_{name}", part)
        return results


def compare(statistics, results, path, all_rows):
    """Our records with these results: how many agree, how far apart they are."""
    facts = {"compared": 0, "largest_difference": 0.0, "where": "", "words_apart": 0.0, "skipped": set(), "unequal": 0}
    seen = set()
    for line in open(path):
        record = json.loads(line)
        metric, layer, head = record["metric"], record["layer"], record["head"]
        if metric not in results or (metric.startswith("jensen_shannon") and not all_rows):
            facts["skipped"].add(metric)
            continue
        means, _, n = results[metric]
        if "cls_row" in metric or layer is None:
            cell = head or 0  # of the last layer alone, or of the whole model
        else:
            cell = layer if head is None else layer * statistics.heads + head
        difference = abs(float(means[cell]) - record["value"])
        seen.add(metric)
        facts["compared"] += 1
        facts["unequal"] += n != record["n"]
        if "_accuracy" in metric:
            kind = metric.split("_accuracy")[0].removesuffix("_best_offset")
            words = difference * float(statistics.table.units[statistics.table.parts[f"{kind}_accuracy"][0]])
            facts["words_apart"] = max(facts["words_apart"], words)
        elif not difference <= facts["largest_difference"]:  # NaN counts as larger
            facts["largest_difference"], facts["where"] = difference, f"{metric} layer {layer} head {head}"
    expected = {m for m in results if all_rows or not m.startswith("jensen_shannon")}
    facts["missing"] = sorted(expected - seen)
    facts["skipped"] = sorted(facts["skipped"])
    facts["words_apart"] = round(facts["words_apart"], 3)
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference")
    parser.add_argument("--annotations", required=True, type=pathlib.Path)
    parser.add_argument("--records", type=pathlib.Path)
    parser.add_argument("--divergence-rows", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)  # stats.py sets one
    torch.manual_seed(42)

    lines = [json.loads(line) for line in open(options.annotations)]
    features = sorted({f for line in lines for f in line["features"]} - {"first_text", "second_text"})
    examples = sorted((Example(line, features) for line in lines), key=lambda e: e.length)
    folders = [options.model] + ([options.reference] if options.reference else [])
    models = [
        transformers.BertModel.from_pretrained(f, attn_implementation="eager", add_pooling_layer=False, dtype=torch.float32).eval()
        for f in folders
    ]
    config = models[0].config
    grid = (config.num_hidden_layers, config.num_attention_heads)

    start = time.perf_counter()
    forward, padded = 0.0, 0
    statistics = Statistics(grid, features, options.reference is not None, options.divergence_rows)
    with torch.inference_mode():
        for at in range(0, len(examples), options.batch):
            batch = examples[at : at + options.batch]
            begun, width = time.perf_counter(), max(e.length for e in batch)
            ids = torch.tensor([e.ids + [0] * (width - e.length) for e in batch])
            segments = torch.tensor([e.segments + [0] * (width - e.length) for e in batch])
            mask = torch.tensor([[1] * e.length + [0] * (width - e.length) for e in batch])
            padded += ids.numel()
            outputs = [
                model(input_ids=ids, token_type_ids=segments, attention_mask=mask, output_attentions=True) for model in models
            ]
            maps = [torch.stack(output.attentions, 1) for output in outputs]
            del outputs
            forward += time.perf_counter() - begun
            rows = []
            for i, e in enumerate(batch):
                rows.append(statistics.example(e, [m[i, :, :, : e.length, : e.length] for m in maps]))
            statistics.add(rows)
        results = statistics.results()
    seconds = time.perf_counter() - start

    result = {
        "seconds": seconds,
        "forward": forward,
        "examples": len(examples),
        "tokens": sum(e.length for e in examples),
        "padding": 1 - sum(e.length for e in examples) / max(padded, 1),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    if options.records:
        all_rows = options.divergence_rows >= max(e.length for e in examples)
        result |= compare(statistics, results, options.records, all_rows)
    print(json.dumps(result))


if __name__ == "__main__":
    sys.exit(main())
