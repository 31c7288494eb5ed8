#!/usr/bin/env python3
"""Writes `../fixtures/forms`: one small classifier in every form in which checkpoints come, and what
transformers computes with it.

    plain           model.safetensors
    shards          model.safetensors.index.json with several files
    shards-bin      pytorch_model.bin.index.json with several files
    data-parallel   {"state_dict": {"module.…": …}, "optimizer": …} in pytorch_model.bin
    training        {"model_state_dict": …, "optimizer_state_dict": …} in pytorch_model.bin
    pruned          heads 1 and 3 of layer 0 and head 0 of layer 1 are pruned

`expected.safetensors` holds ids, segments, mask, maps `[layers, batch, heads, L, L]` and logits of `plain`, and
logits and maps of the pruned model (`pruned.…`; transformers hands out maps of the heads that are left alone, so
`pruned.maps.<layer>` has fewer heads). `../all-keys.config.json` has every key of transformers' BertConfig.

Environment: as in README.md.
"""

import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

from bert_reference import forward, sort_metadata
from make_fixtures import fresh, randomise, save

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
PRUNED = {0: [1, 3], 1: [0]}


def load(folder):
    return BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").eval()


def main():
    torch.set_num_threads(1)
    out = fresh(FIXTURES / "forms")
    config = BertConfig(
        vocab_size=24,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=16,
        max_position_embeddings=12,
        initializer_range=0.4,
        num_labels=3,
        attn_implementation="eager",
    )
    model = randomise(BertForSequenceClassification(config), 15, config.initializer_range)
    save(model, fresh(out / "plain"))
    model.save_pretrained(fresh(out / "shards"), max_shard_size="8KB")
    model.save_pretrained(fresh(out / "shards-bin"), max_shard_size="8KB", safe_serialization=False)

    state = model.state_dict()
    optimiser = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}
    for name, content in {
        "data-parallel": {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}, "optimizer": optimiser},
        "training": {"model_state_dict": state, "optimizer_state_dict": optimiser, "loss": 0.5},
    }.items():
        folder = fresh(out / name)
        model.config.save_pretrained(folder)
        torch.save(content, folder / "pytorch_model.bin")

    generator = torch.Generator().manual_seed(15)
    ids = torch.randint(1, 24, (2, 7), generator=generator)
    types = (torch.arange(7) > 3).long().repeat(2, 1)
    mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2])
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    for name in ["plain", "shards", "shards-bin"]:
        assert torch.equal(forward(load(out / name), inputs)["logits"], forward(model, inputs)["logits"]), name
    whole = forward(model, inputs)

    model.prune_heads(PRUNED)
    save(model, fresh(out / "pruned"))
    assert json.loads((out / "pruned" / "config.json").read_text())["pruned_heads"] == {"0": [1, 3], "1": [0]}
    with torch.no_grad():
        cut = load(out / "pruned")(**inputs, output_attentions=True)
    tensors = {**inputs, "maps": whole["maps"], "logits": whole["logits"], "pruned.logits": cut.logits}
    tensors |= {f"pruned.maps.{layer}": maps for layer, maps in enumerate(cut.attentions)}
    path = out / "expected.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"torch": torch.__version__.split("+")[0]})
    sort_metadata(path)
    for file in out.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
    keys = BertConfig().to_dict()
    (FIXTURES / "all-keys.config.json").write_text(json.dumps(keys, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
