"""Twenty steps of fine-tuning with PyTorch, for the tests of attn-train.

    python train_steps.py ../../../attn-bert/tests/fixtures/tiny-bert     # ../fixtures/steps-tiny*.json
    python train_steps.py FOLDER --name minilm                            # ../fixtures/steps-minilm.json

Dropout is off, the batches are fixed (random ids of unequal lengths, padded), a fresh classifier
comes from the file, the optimiser is torch.optim.AdamW with weight decay on matrices only, the
schedule is transformers' linear one with a warm-up of 0.1. Losses and gradient norms (before
clipping at 1.0) are those of each step. For the tiny model also a regression, and AdamW without bias
correction (a few lines of our own, as in the original BERT).
"""

import argparse
import json
import math
import pathlib

import numpy as np
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"


class BertAdam(torch.optim.Optimizer):
    """Adam without bias correction and with decoupled decay: the update of google-research/bert."""

    def __init__(self, params, lr, eps=1e-6):
        super().__init__(params, {"lr": lr, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
                state["m"].mul_(0.9).add_(p.grad, alpha=0.1)
                state["v"].mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                update = state["m"] / (state["v"].sqrt() + group["eps"]) + group["weight_decay"] * p
                p.add_(update, alpha=-group["lr"])


def load(folder, labels, classifier):
    """The checkpoint with dropout off and the given classifier."""
    config = BertConfig.from_pretrained(folder, num_labels=labels, attn_implementation="eager")
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.classifier_dropout = 0.0
    model = BertForSequenceClassification.from_pretrained(
        folder, config=config, attn_implementation="eager", ignore_mismatched_sizes=True
    ).float()
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(classifier))
        model.classifier.bias.zero_()
    return model.train()


def examples(rng, config, count, longest, labels):
    """Random pairs of segments with random labels."""
    result = []
    for _ in range(count):
        length = int(rng.integers(4, longest + 1))
        cut = int(rng.integers(2, length - 1))
        ids = rng.integers(5, config.vocab_size, size=length)
        label = round(float(rng.random() * 5), 2) if labels == 1 else int(rng.integers(0, labels))
        result.append({"ids": ids.tolist(), "types": [0] * cut + [1] * (length - cut), "label": label})
    return result


def collate(batch, labels):
    width = max(len(e["ids"]) for e in batch)
    pad = lambda values: values + [0] * (width - len(values))
    return {
        "input_ids": torch.tensor([pad(e["ids"]) for e in batch]),
        "token_type_ids": torch.tensor([pad(e["types"]) for e in batch]),
        "attention_mask": torch.tensor([pad([1] * len(e["ids"])) for e in batch]),
        "labels": torch.tensor([e["label"] for e in batch], dtype=torch.float if labels == 1 else torch.long),
    }


def optimiser(model, recipe):
    decayed = [p for n, p in model.named_parameters() if not n.endswith("bias") and "LayerNorm" not in n]
    plain = [p for n, p in model.named_parameters() if n.endswith("bias") or "LayerNorm" in n]
    groups = [{"params": decayed, "weight_decay": recipe["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
    if recipe["bias_correction"]:
        return torch.optim.AdamW(groups, lr=recipe["learning_rate"], betas=(0.9, 0.999), eps=recipe["epsilon"])
    return BertAdam(groups, lr=recipe["learning_rate"], eps=recipe["epsilon"])


def train(model, data, batches, recipe, labels):
    optim = optimiser(model, recipe)
    warmup = math.ceil(recipe["warmup"] * len(batches))
    schedule = get_linear_schedule_with_warmup(optim, warmup, len(batches))
    steps = []
    for batch in batches:
        rate = schedule.get_last_lr()[0]
        loss = model(**collate([data[i] for i in batch], labels)).loss
        optim.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["clip"])
        optim.step()
        schedule.step()
        steps.append({"loss": loss.item(), "gradient_norm": norm.item(), "learning_rate": rate})
    return steps


def case(folder, name, labels, recipe, batch, count, longest, seed):
    rng = np.random.default_rng(seed)
    config = BertConfig.from_pretrained(folder)
    classifier = (rng.normal(size=(labels, config.hidden_size)) * 0.02).astype(np.float32)
    data = examples(rng, config, count, longest, labels)
    batches = [rng.choice(count, size=batch, replace=False).tolist() for _ in range(20)]
    steps = train(load(folder, labels, classifier), data, batches, recipe, labels)
    rows = ",\n".join(json.dumps(e, separators=(",", ":")) for e in data)
    trace = ",\n".join(json.dumps(s) for s in steps)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__}
    text = (
        f'{{"versions": {json.dumps(versions)}, "labels": {labels}, "recipe": {json.dumps(recipe)},\n'
        f'"classifier": {json.dumps([float(f"{v:.9g}") for v in classifier.ravel()])},\n'
        f'"batches": {json.dumps(batches)},\n"examples": [\n{rows}],\n"steps": [\n{trace}]}}\n'
    )
    (FIXTURES / f"steps-{name}.json").write_text(text)
    print(name, [round(s["loss"], 4) for s in steps], [round(s["gradient_norm"], 3) for s in steps])


RECIPE = {
    "learning_rate": 5e-5,
    "warmup": 0.1,
    "weight_decay": 0.01,
    "epsilon": 1e-8,
    "bias_correction": True,
    "clip": 1.0,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--name", default="tiny", choices=["tiny", "minilm"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.name == "minilm":
        case(options.folder, "minilm", 2, RECIPE, batch=8, count=40, longest=32, seed=7)
        return
    # The tiny model's learning rate is high, so that twenty steps lead far from the start.
    quick = {**RECIPE, "learning_rate": 5e-3}
    case(options.folder, "tiny", 3, quick, batch=4, count=24, longest=24, seed=1)
    case(options.folder, "tiny-regression", 1, quick, batch=4, count=24, longest=24, seed=2)
    plain = {**quick, "learning_rate": 1e-3, "bias_correction": False, "epsilon": 1e-6}
    case(options.folder, "tiny-bertadam", 2, plain, batch=4, count=24, longest=24, seed=3)


if __name__ == "__main__":
    main()
