#!/usr/bin/env python3
"""Writes the models and the expected outputs that attn-bert's parity tests compare with.

    make_fixtures.py --tiny                  tiny random models and their expectations (committed)
    make_fixtures.py --gradients             gradients of the committed tiny-bert (committed)
    make_fixtures.py --minilm FOLDER         expectations for all-MiniLM-L6-v2 (committed)
    make_fixtures.py --e5 FOLDER             expectations for the 12x12 e5 model (committed)
    make_fixtures.py --bert-base OUTDIR      a random BERT-base-shaped model and its expectations
                                             (about 440 MB, for checks on the fly, never committed)

Several options may be given at once. For each model the script prints a Markdown row with the
largest deviation of PyTorch's own float32 from float64 on the same inputs (see docs/parity.md).
The names and shapes of all tensors are described in README.md beside this file.
"""

import argparse
import copy
import pathlib
import shutil

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from bert_reference import ABLATED_HEADS, encode, forward_ablated, pieces, uniform_maps, write_expected

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"

# A vocabulary of our own: enough to split words, to meet punctuation and to miss some words.
VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK]
. , ? ! ' - 1 2 3
a i s t an the this that it we they she he her his
is was are were not no never and or but of in on at to from with by
cat dog bird river hill stone tree rain wind night morning garden window letter table cafe
red old small quiet cold warm long green
walk sleep sing climb read write open close carry look wait call
quick slow un re help hope care
##s ##ed ##ing ##er ##ly ##ful ##less ##ness ##est ##en ##y ##n ##r ##t ##side ##light""".split()

# Lower and upper case, an accent, a number, unknown words, an apostrophe, pieces within words.
TINY_SINGLE = ["The cat was sleeping by the window."]
TINY_CAFE = ["She reads a letter in the Café - 2 cats, 3 dogs!"]
TINY_PAIR = ["It's the oldest tree.", "Was the xylophone not in the garden?"]
TINY_SHORT = ["Wait!"]
TINY_LONG = ["We waited quietly", "but the small birds never sing at night, and the wind is cold."]

TINY_CASES = [
    ("single", [TINY_SINGLE]),
    ("single with an accent and numbers", [TINY_CAFE]),
    ("pair", [TINY_PAIR]),
    ("padded batch", [TINY_LONG, TINY_SHORT, TINY_SINGLE, TINY_PAIR]),
]

REAL_SINGLE = ["The ferry leaves at seven, rain or shine."]
REAL_NEGATION = ["She didn't recognise her brother's handwriting."]
REAL_PAIR = ["He sold the boat.", "The boat was sold last spring."]
REAL_SHORT = ["Nobody answered."]

REAL_CASES = [
    ("single", [REAL_SINGLE]),
    ("single with a negation and a possessive", [REAL_NEGATION]),
    ("pair", [REAL_PAIR]),
    ("padded batch", [REAL_SHORT, REAL_PAIR, REAL_SINGLE]),
]


def randomise(model, seed, spread, norm_spread=0.2, bias_spread=0.1):
    """Draws every parameter from numpy's PCG64 in the order of `named_parameters`.

    Matrices and embeddings ~ N(0, spread), LayerNorm weights ~ N(1, norm_spread), biases
    ~ N(0, bias_spread): no parameter keeps a value (0 or 1) that would hide its being ignored.
    """
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.from_numpy(generator.standard_normal(tuple(parameter.shape), dtype=np.float32))
            if name.endswith("LayerNorm.weight"):
                parameter.copy_(1 + norm_spread * noise)
            elif name.endswith("bias"):
                parameter.copy_(bias_spread * noise)
            else:
                parameter.copy_(spread * noise)
    return model.eval()


def text_cases(tokenizer, cases):
    """Encodes (name, texts) pairs into what `write_expected` takes."""
    encoded = []
    for name, texts in cases:
        inputs = encode(tokenizer, texts)
        encoded.append({"name": name, "texts": texts, "tokens": pieces(tokenizer, inputs), "inputs": inputs})
    return encoded


def save(model, folder):
    """`save_pretrained`, with files that others may read (safetensors makes them private)."""
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def fresh(folder):
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def ablations(model, cases, seed):
    """Reference outputs with ABLATED_HEADS disabled, as `{case: {name: tensor}}`.

    uniform, zero: on the padded batch (the last case). mean: on the first case, a single sentence,
    with random row-stochastic maps that are written beside the outputs.
    """
    extra = {}

    def note(case, mode, replacement):
        result = forward_ablated(model, cases[case]["inputs"], replacement)
        into = extra.setdefault(case, {})
        into[f"{mode}.logits"] = result["logits"]
        into[f"{mode}.hidden"] = result["hidden"][-1]
        return into, result["maps"]

    batch = len(cases) - 1
    uniform = uniform_maps(cases[batch]["inputs"]["attention_mask"])
    into, maps = note(batch, "uniform", {head: uniform for head in ABLATED_HEADS})
    into["uniform.maps"] = maps
    note(batch, "zero", {head: torch.zeros_like(uniform) for head in ABLATED_HEADS})

    length = cases[0]["inputs"]["input_ids"].shape[1]
    draws = np.random.default_rng(seed).exponential(size=(len(ABLATED_HEADS), length, length))
    given = torch.from_numpy(draws / draws.sum(axis=-1, keepdims=True)).float()
    into, _ = note(0, "mean", dict(zip(ABLATED_HEADS, given)))
    into["mean.maps"] = given
    return extra


def write_tokenizer(folder, files):
    """Keeps only the named ones of the tokenizer's files, so that each way to load it is tested."""
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab_file=str(vocabulary), do_lower_case=True, model_max_length=64).save_pretrained(folder)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if name not in files:
            (folder / name).unlink()


def tiny(out, seed):
    """The tiny models. All have the same weights but for the rounding of the half-precision ones."""
    assert len(VOCABULARY) == len(set(VOCABULARY))
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        hidden_act="gelu",
        initializer_range=0.3,
        num_labels=3,
        attn_implementation="eager",
    )
    model = randomise(BertForSequenceClassification(copy.deepcopy(config)), seed, config.initializer_range)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    # (i) float32 safetensors, prefix `bert.`, every tokenizer file.
    folder = fresh(out / "tiny-bert")
    save(model, folder)
    write_tokenizer(folder, ["vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    cases = text_cases(tokenizer, TINY_CASES)
    write_expected(out / "tiny-bert.expected.safetensors", "tiny-bert", model, cases, ablations(model, cases, seed + 1))

    # (ii) no prefix, no pooler, no classifier; vocab.txt alone.
    folder = fresh(out / "tiny-noprefix")
    bare = BertModel(copy.deepcopy(config), add_pooling_layer=False)
    kept = {name: tensor for name, tensor in state.items() if name.startswith("bert.") and ".pooler." not in name}
    bare.load_state_dict({name.removeprefix("bert."): tensor for name, tensor in kept.items()})
    save(bare, folder)
    write_tokenizer(folder, ["vocab.txt"])

    # (iii) pytorch_model.bin as of old: gamma and beta, position_ids, tensors of other heads that a
    # loader has to ignore; once in today's zip container and once in the one before torch 1.6.
    old = {}
    for name, tensor in state.items():
        if "LayerNorm" in name:
            name = name.replace(".weight", ".gamma").replace(".bias", ".beta")
        old[name] = tensor
    old["bert.embeddings.position_ids"] = torch.arange(64).unsqueeze(0)
    old["cls.seq_relationship.weight"] = torch.full((2, 32), 0.5)
    old["cls.seq_relationship.bias"] = torch.zeros(2)
    for name, zipped in (("tiny-bin", True), ("tiny-bin-legacy", False)):
        folder = fresh(out / name)
        model.config.save_pretrained(folder)
        write_tokenizer(folder, ["tokenizer.json"])
        torch.save(old, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)

    # (iv), (v) half precision: the expectations are computed in float32 from the rounded weights.
    for name, dtype in (("tiny-fp16", torch.float16), ("tiny-bf16", torch.bfloat16)):
        folder = fresh(out / name)
        half = BertForSequenceClassification(copy.deepcopy(config))
        half.load_state_dict(state)
        save(half.to(dtype), folder)
        write_tokenizer(folder, ["tokenizer.json"])
        write_expected(out / f"{name}.expected.safetensors", name, half.float().eval(), cases[-1:])


def gradients(out, seed):
    """Gradients of tiny-bert: of a fixed random combination of its logits on the padded batch, so that
    nothing saturates, with respect to every parameter. Tensors have the parameters' names; `coefficients`
    is the combination, `[examples, labels]`."""
    folder = out / "tiny-bert"
    model = BertForSequenceClassification.from_pretrained(folder, attn_implementation="eager").float().eval()
    inputs = text_cases(AutoTokenizer.from_pretrained(folder), TINY_CASES)[-1]["inputs"]
    draws = np.random.default_rng(seed).standard_normal((len(inputs["input_ids"]), model.num_labels), dtype=np.float32)
    coefficients = torch.from_numpy(draws)

    def of(model, dtype):
        (model(**inputs).logits * coefficients.to(dtype)).sum().backward()
        return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}

    found = of(model, torch.float32)
    model.zero_grad()
    exact = of(model.double(), torch.float64)
    off = max((found[name].double() - exact[name]).abs().max().item() for name in found)
    largest = max(gradient.abs().max().item() for gradient in exact.values())
    save_file(
        {**found, "coefficients": coefficients},
        out / "tiny-bert.gradients.safetensors",
        metadata={"model": "tiny-bert", "case": str(len(TINY_CASES) - 1), "torch": torch.__version__},
    )
    (out / "tiny-bert.gradients.safetensors").chmod(0o644)
    print(f"gradients of tiny-bert: largest {largest:.3g}, float32 - float64 at most {off:.1e}")


def load_eager(folder):
    """A checkpoint's encoder in float32 and its tokenizer; no pooler unless the file has one."""
    names = load_file(pathlib.Path(folder) / "model.safetensors").keys()
    pooler = any("pooler.dense.weight" in name for name in names)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=pooler)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return model.float().eval(), tokenizer


def real(out, name, folder, hidden_layers):
    """Expectations of a published checkpoint on sentences of our own."""
    model, tokenizer = load_eager(folder)
    cases = text_cases(tokenizer, REAL_CASES)
    write_expected(out / f"{name}.expected.safetensors", name, model, cases, hidden_layers=hidden_layers)


def bert_base(out, seed):
    """A random model of BERT-base's shape; what it gives for a padded batch of two and for one of them alone.

    The spread of the weights is three times BERT's own, so that attention is not flat; much wider ones
    (0.08) make the network so steep that float32 itself errs by 1e-5 in the maps.
    """
    config = BertConfig(initializer_range=0.06, num_labels=2, attn_implementation="eager")
    model = randomise(BertForSequenceClassification(copy.deepcopy(config)), seed, config.initializer_range)
    folder = fresh(out / "model")
    save(model, folder)
    generator = np.random.default_rng(seed + 1)
    lengths, widest = (24, 17), 24
    rows = {"input_ids": [], "token_type_ids": [], "attention_mask": []}
    for length in lengths:
        words = generator.integers(1000, config.vocab_size, size=length)
        words[[0, length // 2, length - 1]] = (101, 102, 102)
        types = (np.arange(length) > length // 2).astype(np.int64)
        pad = widest - length
        rows["input_ids"].append(np.pad(words, (0, pad)))
        rows["token_type_ids"].append(np.pad(types, (0, pad)))
        rows["attention_mask"].append(np.pad(np.ones(length, dtype=np.int64), (0, pad)))
    batch = {name: torch.from_numpy(np.stack(values)) for name, values in rows.items()}
    alone = {name: values[1:, : lengths[1]].clone() for name, values in batch.items()}
    cases = [
        {"name": name, "texts": [], "tokens": [], "inputs": inputs}
        for name, inputs in (("padded batch of random ids", batch), ("its second example alone", alone))
    ]
    write_expected(out / "bert-base-random.expected.safetensors", "bert-base-random", model, cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="write the tiny models and their expectations")
    parser.add_argument("--gradients", action="store_true", help="write the gradients of the tiny-bert that is there")
    parser.add_argument("--minilm", metavar="FOLDER", help="all-MiniLM-L6-v2 in Hugging Face layout")
    parser.add_argument("--e5", metavar="FOLDER", help="multilingual-e5-small-en-pt in Hugging Face layout")
    parser.add_argument("--bert-base", metavar="OUTDIR", type=pathlib.Path, help="where to write the random BERT-base")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, default=FIXTURES, help="default: ../fixtures")
    parser.add_argument("--seed", type=int, default=20191103, help="of all weights and maps (default: %(default)s)")
    options = parser.parse_args()
    if not (options.tiny or options.gradients or options.minilm or options.e5 or options.bert_base):
        parser.error("nothing to do: give --tiny, --gradients, --minilm, --e5 or --bert-base")
    torch.set_num_threads(1)  # the order of sums, hence the last bits, depends on the number of threads
    options.out.mkdir(parents=True, exist_ok=True)
    print("| max abs float32 - float64 | maps | hidden | pooled | logits |")
    print("| --- | --- | --- | --- | --- |")
    if options.tiny:
        tiny(options.out, options.seed)
    if options.gradients:
        gradients(options.out, options.seed + 2)
    if options.minilm:
        real(options.out, "minilm", options.minilm, [0, 3, 6])
    if options.e5:
        real(options.out, "e5", options.e5, [0, 12])  # to stay small
    if options.bert_base:
        options.bert_base.mkdir(parents=True, exist_ok=True)
        bert_base(options.bert_base, options.seed)


if __name__ == "__main__":
    main()
