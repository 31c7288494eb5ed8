"""The same sweep, written plainly in PyTorch: what the Rust sweep is timed against.

A `transformers` model with eager attention, the disabled heads' weights replaced after the softmax
by forward hooks, batches in the order of the data with dynamic padding, one whole forward pass for
each variant. Reads the folder that the example `sweep_speed` writes.

    pip install torch transformers
    python ablate_peer.py DIR [--threads 2] [--batch 32] [--variants N]

Prints the seconds, and how its logits and predictions differ from `DIR/logits.json`.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from transformers import BertForSequenceClassification


class Disabled:
    """What runs: the disabled heads by layer, the mode, and uniform weights `[batch, 1, 1, key]`."""

    heads = {}
    mode = "uniform"
    uniform = None


def hook(index):
    """Replaces weights after the softmax: the module there is the dropout, idle in evaluation mode."""

    def replace(module, inputs, weights):
        heads = Disabled.heads.get(index)
        if heads:
            weights[:, heads] = 0.0 if Disabled.mode == "zero" else Disabled.uniform
        return weights

    return replace


def peak(threads):
    """The best of several products of two squares of 1024, in multiply-adds a second."""
    torch.set_num_threads(threads)
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    best = 0.0
    for _ in range(12):
        start = time.perf_counter()
        a @ b
        best = max(best, 1024**3 / (time.perf_counter() - start))
    print(json.dumps({"multiply_adds_per_second": best}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--peak", action="store_true", help="measure the matrix product alone")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--variants", type=int, help="run only the first N (seconds are scaled up)")
    arguments = parser.parse_args()
    if arguments.peak:
        return peak(arguments.threads)
    if arguments.folder is None:
        parser.error("which folder?")
    torch.set_num_threads(arguments.threads)
    model = BertForSequenceClassification.from_pretrained(
        arguments.folder / "model", attn_implementation="eager").eval()
    for index, layer in enumerate(model.bert.encoder.layer):
        layer.attention.self.dropout.register_forward_hook(hook(index))
    examples = json.loads((arguments.folder / "examples.json").read_text())
    variants = json.loads((arguments.folder / "variants.json").read_text())
    chosen = variants[: arguments.variants]

    batches = []
    for start in range(0, len(examples), arguments.batch):
        rows = examples[start : start + arguments.batch]
        width = max(len(row["ids"]) for row in rows)
        pad = lambda values: values + [0] * (width - len(values))
        batches.append((torch.tensor([pad(row["ids"]) for row in rows]),
                        torch.tensor([pad(row["types"]) for row in rows]),
                        torch.tensor([pad([1] * len(row["ids"])) for row in rows])))

    logits = []
    start, processor = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        for variant in chosen:
            intervention = variant["intervention"]
            Disabled.mode, Disabled.heads = intervention["mode"], {}
            for head in intervention["heads"]:
                Disabled.heads.setdefault(head["layer"], []).append(head["head"])
            parts = []
            for ids, types, mask in batches:
                Disabled.uniform = (mask / mask.sum(1, keepdim=True))[:, None, None, :]
                parts.append(model(input_ids=ids, token_type_ids=types, attention_mask=mask).logits)
            logits.append(torch.cat(parts))
    scale = len(variants) / len(chosen)
    padded = sum(ids.numel() for ids, _, _ in batches)
    real = sum(len(row["ids"]) for row in examples)
    result = {
        "seconds": (time.perf_counter() - start) * scale,
        "processor_seconds": (time.process_time() - processor) * scale,
        "variants": len(variants),
        "variants_run": len(chosen),
        "padding": padded / real - 1,
        "torch": torch.__version__,
    }
    path = arguments.folder / "logits.json"
    if path.is_file():
        ours = json.loads(path.read_text())
        ours = torch.tensor(ours["values"]).reshape(ours["variants"], ours["examples"], ours["labels"])[: len(chosen)]
        theirs = torch.stack(logits)
        result["largest_difference"] = (ours - theirs).abs().max().item()
        result["unequal"], result["ties"] = 0, 0
        if ours.shape[-1] > 1:
            best = theirs.topk(2, -1).values
            close = best[..., 0] - best[..., 1] < 1e-4 * theirs.abs().amax(-1).clamp(min=1e-6)
            differ = ours.argmax(-1) != theirs.argmax(-1)
            result["unequal"] = (differ & ~close).sum().item()
            result["ties"] = (differ & close).sum().item()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
