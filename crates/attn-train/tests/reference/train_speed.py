"""Seconds per training step with PyTorch and transformers: the peer of examples/train_speed.rs.

    python train_speed.py DIR [--steps 5] [--threads 2]

DIR holds what `train_speed prepare` wrote. Plain fine-tuning: AdamW without decay on biases and LayerNorm,
clipping at 1, a linearly falling rate. The last line is JSON: mean seconds of a step (the first is left
out), the losses.
"""

import argparse
import json
import pathlib
import time

import torch
from transformers import BertForSequenceClassification

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)

model = BertForSequenceClassification.from_pretrained(options.folder)
model.train()
rows = json.loads((options.folder / "batch.json").read_text())
ids = torch.tensor([row["ids"] for row in rows])
labels = torch.tensor([row["label"] for row in rows])
plain = [p for name, p in model.named_parameters() if "bias" in name or "LayerNorm" in name]
decayed = [p for name, p in model.named_parameters() if not ("bias" in name or "LayerNorm" in name)]
optimiser = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=5e-5, eps=1e-8
)
total = options.steps + 1
seconds, losses = [], []
for step in range(total):
    for group in optimiser.param_groups:
        group["lr"] = 5e-5 * (total - step) / total
    start = time.perf_counter()
    loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    seconds.append(time.perf_counter() - start)
    losses.append(loss.item())
seconds = seconds[1:]
result = {
    "seconds": sum(seconds) / len(seconds),
    "steps": seconds,
    "losses": losses,
    "torch": torch.__version__,
    "attention": model.config._attn_implementation,
}
print(json.dumps(result))
