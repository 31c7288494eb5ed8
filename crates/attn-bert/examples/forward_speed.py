"""The same jobs as forward_speed.rs in PyTorch and transformers (eager attention), for comparison.

    OMP_NUM_THREADS=2 python forward_speed.py forward|train base|minilm [rounds] [batch] [width]
"""
import sys
import time

import torch
from transformers import BertConfig, BertForSequenceClassification

job, shape = (sys.argv + ["forward", "minilm"])[1:3] if len(sys.argv) > 2 else ("forward", "minilm")
rounds, batch, width = [int(v) for v in sys.argv[3:6]] + [7, 8, 128][len(sys.argv[3:6]):]
sizes = {"base": {}, "minilm": dict(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)}[shape]
torch.manual_seed(1)
torch.set_num_threads(2)
ids = torch.tensor([[1000 + (i * 7919 + j * 104729) % 28000 for j in range(width)] for i in range(batch)])
labels = torch.arange(batch) % 2


def timed(name, work):
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    times.sort()
    print(f"{name:<28} fastest {times[0]:8.2f} ms   median {times[len(times) // 2]:8.2f} ms", flush=True)


def model(dropout):
    config = BertConfig(**sizes, attn_implementation="eager", hidden_dropout_prob=dropout,
                        attention_probs_dropout_prob=dropout)
    return BertForSequenceClassification(config)


if job == "forward":
    m = model(0.1).eval()
    with torch.inference_mode():
        timed("torch forward, all maps", lambda: m.bert(ids, output_attentions=True))
else:
    for dropout in (0.0, 0.1):
        m = model(dropout).train()

        def forward():
            return torch.nn.functional.cross_entropy(m(ids).logits, labels)

        def step():
            m.zero_grad(set_to_none=True)
            forward().backward()

        timed(f"torch forward, dropout {dropout}", forward)
        timed(f"torch forward + backward, dropout {dropout}", step)
