#!/usr/bin/env python3
"""Compares the maps that `attn extract` wrote with transformers' eager attention on the same texts.

    check_extract.py MODEL maps.safetensors [--input FILE.tsv]

The file holds `maps.<i>` `[layers, heads, L, L]` (and `hidden.<i>` `[layers + 1, L, width]` if it was
asked for) and, in its metadata under `tokens`, the pieces of every example as JSON. With `--input`, the
file that `attn extract` was given (one sentence or two tab-separated ones a line), transformers
tokenises the texts itself and the pieces have to be the same. Without it the pieces are taken as they
stand, which tests the model alone. Exits with 1 above the tolerances.
"""

import argparse
import json
import sys

import torch
from safetensors import safe_open
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from bert_reference import forward


def from_text(tokenizer, line, max_length):
    """Encodes a line of the input as a batch of one."""
    texts = line.split("\t")
    if len(texts) > 2:
        sys.exit(f"expected one or two tab-separated sentences, found {len(texts)}: {line!r}")
    return tokenizer(
        *texts, truncation="longest_first", max_length=max_length, return_token_type_ids=True, return_tensors="pt"
    )


def from_pieces(tokenizer, pieces):
    """Encodes pieces as a batch of one; the second segment starts where the tokenizer's pairs do."""
    ids = tokenizer.convert_tokens_to_ids(pieces)
    types = [0] * len(ids)
    # In BERT's pairs the second segment, after the first [SEP], has type 1; RoBERTa's has none.
    if max(tokenizer("a", "a", return_token_type_ids=True)["token_type_ids"]) == 1:
        first = ids.index(tokenizer.sep_token_id) + 1
        types = [int(position >= first) for position in range(len(ids))]
    return {
        "input_ids": torch.tensor([ids]),
        "token_type_ids": torch.tensor([types]),
        "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="folder in Hugging Face layout")
    parser.add_argument("maps", help="what `attn extract` wrote")
    parser.add_argument("--input", help="the TSV file that `attn extract` read")
    parser.add_argument("--max-length", type=int, default=512, help="longest input in pieces (default: %(default)s)")
    parser.add_argument("--maps-atol", type=float, default=2e-5, help="default: %(default)s")
    parser.add_argument("--hidden-atol", type=float, default=2e-4, help="default: %(default)s")
    options = parser.parse_args()
    logging.set_verbosity_error()

    tokenizer = AutoTokenizer.from_pretrained(options.model, local_files_only=True)
    # The maps need no pooler, and some checkpoints have none.
    model = AutoModel.from_pretrained(
        options.model, attn_implementation="eager", add_pooling_layer=False, local_files_only=True
    ).float()
    lines = None
    if options.input:
        with open(options.input, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line.strip()]

    failures = []
    worst = {"maps": 0.0, "hidden": 0.0}
    compared = {"maps": 0, "hidden": 0}
    with safe_open(options.maps, "pt") as written:
        tokens = json.loads((written.metadata() or {})["tokens"])
        names = set(written.keys())
        if not tokens:
            failures.append("the file holds no example")
        if lines is not None and len(lines) != len(tokens):
            failures.append(f"{len(lines)} lines of input, but {len(tokens)} examples")
            lines = None
        for index, pieces in enumerate(tokens):
            inputs = from_text(tokenizer, lines[index], options.max_length) if lines else from_pieces(tokenizer, pieces)
            expected = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
            if expected != pieces:
                failures.append(f"example {index}: pieces {pieces}, transformers has {expected}")
                continue
            if f"maps.{index}" not in names:
                failures.append(f"example {index}: no tensor maps.{index}")
                continue
            result = forward(model, inputs)
            for what in ("maps", "hidden"):
                if f"{what}.{index}" not in names:
                    continue
                ours, theirs = written.get_tensor(f"{what}.{index}"), result[what][:, 0]
                if ours.dtype != torch.float32 or ours.shape != theirs.shape:
                    found, wanted = list(ours.shape), list(theirs.shape)
                    failures.append(f"{what}.{index}: {ours.dtype} {found}, expected torch.float32 {wanted}")
                    continue
                gap = (ours - theirs).abs().max().item()
                if gap != gap:
                    failures.append(f"{what}.{index}: not a number")
                worst[what] = max(worst[what], gap)
                compared[what] += 1

    for what, limit in (("maps", options.maps_atol), ("hidden", options.hidden_atol)):
        if compared[what]:
            print(f"{what}: max abs difference {worst[what]:.3e} over {compared[what]} examples (limit {limit:g})")
            if not worst[what] <= limit:
                failures.append(f"{what}: {worst[what]:.3e} is above {limit:g}")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
