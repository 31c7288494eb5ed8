"""What the reference scripts share: running a BERT with transformers' eager attention.

Everything here goes through the public surface of `torch` and `transformers` (a forward call with
`output_attentions=True`, forward hooks, `AutoTokenizer`), so that the numbers do not depend on how
one version of transformers lays out its code.
"""

import json

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

# The columns in which float32 is compared with float64.
QUANTITIES = ("maps", "hidden", "pooled", "logits")


# (layer, head), counted from 0, ascending: the heads that the intervention references disable.
ABLATED_HEADS = ((0, 0), (0, 3), (1, 2))


def encoder_of(model):
    """The `BertModel` within a model with or without a head on top."""
    return model.bert if hasattr(model, "bert") else model


@torch.no_grad()
def forward(model, inputs):
    """One forward pass in evaluation mode.

    `inputs` holds `input_ids`, `token_type_ids` and `attention_mask`, each `[batch, L]`.
    Returns a dict with `maps` `[layers, batch, heads, L, L]`, `hidden` `[layers + 1, batch, L, width]`
    and, where the model has them, `pooled` `[batch, width]` and `logits` `[batch, labels]`.
    """
    model.eval()
    base = encoder_of(model)
    pooled = {}
    # A hook is used because the sequence classifier does not hand its pooled output out.
    hook = base.pooler.register_forward_hook(lambda *call: pooled.update(value=call[2])) if base.pooler else None
    try:
        output = model(**inputs, output_attentions=True, output_hidden_states=True)
    finally:
        if hook:
            hook.remove()
    result = {"maps": torch.stack(output.attentions), "hidden": torch.stack(output.hidden_states)}
    if pooled:
        result["pooled"] = pooled["value"]
    if "logits" in output:
        result["logits"] = output.logits
    return result


@torch.no_grad()
def forward_ablated(model, inputs, replacement):
    """A forward pass in which some heads attend elsewhere.

    `replacement` maps (layer, head) to what stands in for the softmax output: a tensor that
    broadcasts to `[batch, L, L]`. The head's context becomes `replacement @ value`, with the value
    vectors that the changed network has at that place. Returns what `forward` returns; the maps are
    those that were really used.
    """
    base = encoder_of(model)
    handles, used = [], {}
    for index, layer in enumerate(base.encoder.layer):
        block = layer.attention.self
        heads = {head: map_ for (at, head), map_ in replacement.items() if at == index}

        def hook(block, args, kwargs, output, index=index, heads=heads):
            states = args[0] if args else kwargs["hidden_states"]
            width = block.attention_head_size
            context, maps = output[0].clone(), output[1].clone()
            value = block.value(states)
            for head, map_ in heads.items():
                columns = slice(head * width, (head + 1) * width)
                context[..., columns] = map_.to(value.dtype) @ value[..., columns]
                maps[:, head] = map_
            used[index] = maps
            return (context, maps) + tuple(output[2:])

        handles.append(block.register_forward_hook(hook, with_kwargs=True))
    try:
        result = forward(model, inputs)
    finally:
        for handle in handles:
            handle.remove()
    result["maps"] = torch.stack([used[index] for index in sorted(used)])
    return result


def uniform_maps(attention_mask):
    """`[batch, L, L]`: every query gives 1/n to each of its example's n real tokens, 0 to padding."""
    mask = attention_mask.to(torch.float64)
    rows = mask / mask.sum(dim=1, keepdim=True)
    return rows[:, None, :].expand(-1, mask.shape[1], -1)


def encode(tokenizer, texts):
    """Tokenises `[[a], [a, b], …]` as one batch, padded on the right to the longest, no truncation."""
    batch = [tuple(text) if len(text) == 2 else text[0] for text in texts]
    # Mixed batches of sentences and pairs are allowed, so each text is encoded alone and padded here.
    rows = [
        tokenizer(*(text if isinstance(text, tuple) else (text,)), return_token_type_ids=True, padding=False)
        for text in batch
    ]
    longest = max(len(row["input_ids"]) for row in rows)
    fill = {"input_ids": tokenizer.pad_token_id, "token_type_ids": 0, "attention_mask": 0}
    return {
        name: torch.tensor([row[name] + [pad] * (longest - len(row[name])) for row in rows])
        for name, pad in fill.items()
    }


def pieces(tokenizer, inputs):
    """The word pieces of each example of a batch, without padding."""
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    return [tokenizer.convert_ids_to_tokens(ids[:n]) for ids, n in zip(inputs["input_ids"].tolist(), lengths)]


def deviations(model, cases):
    """Largest |float32 - float64| over the real positions of all cases, per quantity.

    Rows (queries) and hidden states of padding are left out: nothing may depend on them.
    """
    single = [forward(model, case["inputs"]) for case in cases]
    model.double()
    double = [forward(model, case["inputs"]) for case in cases]
    model.float()
    worst = {}
    for case, low, high in zip(cases, single, double):
        real = case["inputs"]["attention_mask"].bool()
        for name in low:
            assert high[name].dtype == torch.float64, name
            gap = (low[name].double() - high[name]).abs()
            if name == "maps":
                gap = gap.permute(1, 3, 0, 2, 4)[real]
            elif name == "hidden":
                gap = gap.permute(1, 2, 0, 3)[real]
            worst[name] = max(worst.get(name, 0.0), gap.max().item())
    return worst


def entropy_share(case, maps):
    """Mean entropy of the rows of the maps as a share of the uniform row's: 1 is uniform, 0 one-hot."""
    lengths = case["inputs"]["attention_mask"].sum(dim=1)
    shares = []
    for example, n in enumerate(lengths.tolist()):
        rows = maps[:, example, :, :n, :n].double()
        shares.append((torch.special.entr(rows).sum(-1).mean() / np.log(n)).item())
    return float(np.mean(shares))


def sort_metadata(path):
    """Rewrites the header of a safetensors file with its metadata in order: safetensors shuffles them."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[start:])


def write_expected(path, name, model, cases, extra=None, hidden_layers=None):
    """Runs the cases and writes `path`; `extra` holds further tensors for case `i` under `extra[i]`.

    `hidden_layers` chooses rows of the hidden states (row 0 is the embeddings); all when None.
    Prints the deviation of float32 from float64.
    """
    tensors = {}
    share = []
    for index, case in enumerate(cases):
        result = forward(model, case["inputs"])
        share.append(entropy_share(case, result["maps"]))
        if hidden_layers is not None:
            result["hidden"] = result["hidden"][hidden_layers]
        for key, value in {**case["inputs"], **result, **(extra or {}).get(index, {})}.items():
            tensors[f"case{index}.{key}"] = value.contiguous()
    layers = model.config.num_hidden_layers
    info = {
        "model": name,
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "attn_implementation": "eager",
        "hidden_layers": list(hidden_layers) if hidden_layers is not None else list(range(layers + 1)),
        "cases": [case["name"] for case in cases],
        "texts": [case["texts"] for case in cases],
        "tokens": [case["tokens"] for case in cases],
    }
    # Metadata of safetensors are strings: whatever is not one is JSON.
    metadata = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for key, value in info.items()
    }
    if extra:
        metadata["ablated_heads"] = json.dumps(ABLATED_HEADS)
    save_file(tensors, path, metadata=metadata)
    sort_metadata(path)
    path.chmod(0o644)  # safetensors creates files that only their owner reads
    worst = deviations(model, cases)
    columns = " | ".join(f"{worst[q]:.2e}" if q in worst else "–" for q in QUANTITIES)
    print(f"| {name} | {columns} |", flush=True)
    print(f"<!-- {path.name}: {path.stat().st_size} bytes, mean entropy of the rows {np.mean(share):.2f} of uniform -->")
    return worst
