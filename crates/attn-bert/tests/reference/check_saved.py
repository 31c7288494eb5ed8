#!/usr/bin/env python3
"""Checks that a folder saved by attn-bert loads in transformers and equals the checkpoint it came from.

    check_saved.py SAVED ORIGINAL [--atol 0]

Loads both with transformers: as BertForSequenceClassification if the saved folder has a classifier,
as BertModel otherwise. Fails (exit 1) if the saved folder lacks a tensor that its model needs, has one
that the model does not know, or differs from the original in a tensor, in the logits or in the maps.
What the original lacks (a classifier that was initialised afresh) is listed and left out of the
comparison. `--atol` allows for a change of precision (fp16 or bf16 original, fp32 saved: 0 still holds).
"""

import argparse
import pathlib
import sys

import torch
from safetensors import safe_open
from transformers import BertForSequenceClassification, BertModel
from transformers.utils import logging

from bert_reference import encoder_of, forward


def stored_names(folder):
    """The names of the tensors in a folder's weights file."""
    file = folder / "model.safetensors"
    if file.exists():
        with safe_open(file, "pt") as weights:
            return set(weights.keys())
    return set(torch.load(folder / "pytorch_model.bin", weights_only=True))


def load(folder, classifies, pooler):
    """A model in float32 and what transformers said of its loading."""
    if classifies:
        kind, options = BertForSequenceClassification, {}
    else:
        kind, options = BertModel, {"add_pooling_layer": pooler}
    model, report = kind.from_pretrained(
        folder, attn_implementation="eager", output_loading_info=True, local_files_only=True, **options
    )
    return model.float().eval(), report


def sample(config, seed=0):
    """A padded batch of random ids that both models can take."""
    generator = torch.Generator().manual_seed(seed)
    longest = min(16, config.max_position_embeddings)
    lengths = torch.tensor([longest, 3, longest // 2])
    mask = (torch.arange(longest)[None] < lengths[:, None]).long()
    ids = torch.randint(config.vocab_size, mask.shape, generator=generator) * mask
    types = torch.randint(config.type_vocab_size, mask.shape, generator=generator) * mask
    return {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("saved", type=pathlib.Path)
    parser.add_argument("original", type=pathlib.Path)
    parser.add_argument("--atol", type=float, default=0.0, help="largest difference allowed (default: %(default)s)")
    options = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    failures = []

    names = stored_names(options.saved)
    classifies = "classifier.weight" in names
    pooler = classifies or any(name.endswith("pooler.dense.weight") for name in names)
    saved, report = load(options.saved, classifies, pooler)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[what]:
            failures.append(f"{options.saved}: {what.replace('_', ' ')}: {sorted(report[what])}")

    original, report = load(options.original, classifies, pooler)
    fresh = set(report["missing_keys"])
    if fresh:
        print(f"not in the original, not compared: {sorted(fresh)}")

    for field in ("hidden_act", "layer_norm_eps", "num_attention_heads", "num_labels", "pad_token_id",
                  "hidden_dropout_prob", "attention_probs_dropout_prob"):
        ours, theirs = getattr(saved.config, field), getattr(original.config, field)
        if ours != theirs and not (field == "num_labels" and fresh):
            failures.append(f"config.json: {field} is {ours}, in the original {theirs}")

    mine, reference = saved.state_dict(), original.state_dict()
    compared = 0
    for name in sorted(set(mine) - fresh):
        if mine[name].shape != reference[name].shape:
            failures.append(f"{name}: shape {list(mine[name].shape)}, in the original {list(reference[name].shape)}")
            continue
        gap = (mine[name] - reference[name]).abs().max().item()
        if not gap <= options.atol:  # so that NaN fails
            failures.append(f"{name}: differs by {gap:.3e}")
        compared += 1

    # A fresh classifier or pooler would differ by chance: then only the encoder is run.
    run = encoder_of if fresh else (lambda model: model)
    inputs = sample(original.config)
    ours, theirs = forward(run(saved), inputs), forward(run(original), inputs)
    for what in theirs:
        if fresh and what in ("pooled", "logits"):
            continue
        gap = (ours[what] - theirs[what]).abs().max().item()
        print(f"{what}: max abs difference {gap:.3e}")
        if not gap <= options.atol:
            failures.append(f"{what}: differ by {gap:.3e}")

    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    print(f"{compared} tensors compared, {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
