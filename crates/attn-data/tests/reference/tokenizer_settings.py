#!/usr/bin/env python3
"""Writes `../fixtures/tokenizer_settings.json`: what every tokenizer setting does in transformers.

    tokenizer_settings.py            under transformers 4: columns `fast` and `slow`
    tokenizer_settings.py            then under transformers 5: adds column `v5`

Each case is a folder of small tokenizer files (in the JSON, as text) and some inputs. A column holds, for
each input, ids and segment ids as the model gets them, or the name of the exception ("as fast": equal to the
column `fast`; null: nothing for this tokenizer to read). The Rust test replays
every case: where the columns agree, our ids are these; where they do not, we refuse or follow `fast`, and
the test says which.

Made with transformers 4.57.6 (tokenizers 0.22.2) and transformers 5.24.0 (tokenizers 0.23.3); no torch needed.
"""

import json
import os
import pathlib
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
os.environ["HF_HUB_OFFLINE"] = "1"

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

OUT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "tokenizer_settings.json"

VOCABULARY = """[PAD] [UNK] [CLS] [SEP] [MASK]
the cat sat on mat . , ' t don cafe café żółw zolw The Cat DON Café ##s ##ting ##猫 猫 mat猫on
< > ent / s x y ##y a b ##b <s> </s> <unk> <pad> <mask> new york newyork""".split()

INPUTS = [
    ["The cats sat on the mat."],
    ["Żółw café Café"],
    ["DON'T [MASK] it [SEP] [mask]"],
    ["mat猫on 猫"],
    ["x<ent>y  <ent> . <ENT> new york  New  York newyork"],
    ["<s> a </s> <mask> <unk>"],
    ["a\tb\u00a0b\u200b\ufffd ab"],
    ["sat" * 20 + " " + "x" * 101],
    ["the cat", "sat on the mat"],
    [""],
]

LONG = [["the cat sat on the mat . the cat sat"], ["the cat sat on the mat .", "the mat ."]]


def backend(lower=True, prefix="##", unk="[UNK]", longest=100, post=True, **normal):
    """A tokenizer.json of BERT's kind, as a dictionary to edit."""
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    made = Tokenizer(
        models.WordPiece(vocabulary, unk_token=unk, continuing_subword_prefix=prefix, max_input_chars_per_word=longest)
    )
    made.normalizer = normalizers.BertNormalizer(lowercase=lower, **normal)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    if post:
        made.post_processor = template("[CLS]", "[SEP]")
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in VOCABULARY[:5]])
    return json.loads(made.to_str())


def template(cls, sep):
    return processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(t, VOCABULARY.index(t)) for t in (cls, sep)],
    )


def edited(change, **how):
    """A tokenizer.json with something changed."""
    file = backend(**how)
    change(file)
    return file


def added(content, index, **flags):
    """An entry of `added_tokens` in tokenizer.json."""
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    return {"id": index, "content": content, **usual, **flags}


def decoder_entry(content, **flags):
    """An entry of `added_tokens_decoder` in tokenizer_config.json."""
    entry = added(content, 0, **flags)
    del entry["id"]
    return entry


def special_five(**more):
    """`added_tokens_decoder` with BERT's five and more."""
    entries = {str(i): decoder_entry(t, normalized=False, special=True) for i, t in enumerate(VOCABULARY[:5])}
    return {**entries, **more}


BERT = {"tokenizer_class": "BertTokenizer"}
COUNT = len(VOCABULARY)
TRUNCATION = {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0}
PADDING = {
    "strategy": {"Fixed": 12},
    "direction": "Right",
    "pad_to_multiple_of": None,
    "pad_id": 0,
    "pad_type_id": 0,
    "pad_token": "[PAD]",
}


def roberta(add_prefix_space):
    """Byte-level pre-tokenization over a WordLevel model: for `add_prefix_space`."""
    words = VOCABULARY[:5] + ["the", "Ġthe", "cat", "Ġcat"]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    made.post_processor = template("[CLS]", "[SEP]")
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in VOCABULARY[:5]])
    return json.loads(made.to_str())


# name: {file: content}; `config.json` is always written, `vocab.txt` unless a case has a tokenizer.json
# alone (`vocab=False`).
def cases():
    def vocab(name, config=None, **files):
        settings = {} if config is None else {"tokenizer_config.json": config}
        return name, {"vocab.txt": None, **settings, **{k.replace("__", "."): v for k, v in files.items()}}

    def fast(name, file, config=None, **files):
        settings = {} if config is None else {"tokenizer_config.json": config}
        return name, {"tokenizer.json": file, **settings, **{k.replace("__", "."): v for k, v in files.items()}}

    # vocab.txt: BasicTokenizer's switches.
    yield vocab("vocab alone")
    yield vocab("vocab, empty config", {})
    for key, values in {
        "do_lower_case": [True, False],
        "strip_accents": [True, False, None],
        "tokenize_chinese_chars": [True, False],
        "do_basic_tokenize": [True, False],
    }.items():
        for value in values:
            yield vocab(f"vocab, {key} {value}", {**BERT, key: value})
    yield vocab("vocab, lower without stripping", {**BERT, "do_lower_case": True, "strip_accents": False})
    yield vocab("vocab, cased with stripping", {**BERT, "do_lower_case": False, "strip_accents": True})
    yield vocab("vocab, never_split", {**BERT, "never_split": ["Żółw", "Café", "cats"]})
    yield vocab("vocab, never_split of special tokens", {**BERT, "never_split": ["[MASK]", "[SEP]"]})
    yield vocab("vocab, clean_text false", {**BERT, "clean_text": False})
    yield vocab("vocab, wordpieces_prefix", {**BERT, "wordpieces_prefix": "@@"})
    yield vocab("vocab, max_input_chars_per_word", {**BERT, "max_input_chars_per_word": 5})
    yield vocab("vocab, split_special_tokens", {**BERT, "split_special_tokens": True})
    yield vocab("vocab, model_input_names", {**BERT, "model_input_names": ["input_ids", "attention_mask"]})
    # Names of special tokens.
    renamed = {"cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
    yield vocab("vocab, renamed in config", {**BERT, **renamed})
    yield vocab("vocab, renamed in map", None, special_tokens_map__json=renamed)
    yield vocab("vocab, map against config", {**BERT, "mask_token": "[MASK]"}, special_tokens_map__json=renamed)
    yield vocab("vocab, map ignored beside decoder", {**BERT, "added_tokens_decoder": special_five()}, special_tokens_map__json=renamed)
    yield vocab("vocab, mask as object", {**BERT, "mask_token": {"__type": "AddedToken", **decoder_entry("<mask>", lstrip=True, special=True, normalized=False)}})
    yield vocab("vocab, mask not in vocabulary", {**BERT, "mask_token": "<MASK>"})
    yield vocab("vocab, cls not in vocabulary", {**BERT, "cls_token": "<cls>"})
    yield vocab("vocab, additional_special_tokens", {**BERT, "additional_special_tokens": ["<ent>", "york"]})
    yield vocab("vocab, additional in map", None, special_tokens_map__json={"additional_special_tokens": ["<ent>"]})
    yield vocab("vocab, bos and eos", {**BERT, "bos_token": "<s>", "eos_token": "</s>"})
    # Added tokens.
    yield vocab("vocab, added_tokens.json", None, added_tokens__json={"<ent>": COUNT, "New York": COUNT + 1})
    yield vocab("vocab, added_tokens.json with a hole", None, added_tokens__json={"<ent>": COUNT + 3})
    for flag in ["single_word", "lstrip", "rstrip", "normalized", "special"]:
        for value in [False, True]:
            token = decoder_entry("<ent>", **{flag: value})
            york = decoder_entry("new york", **{flag: value})
            yield vocab(f"vocab, added token {flag} {value}", {**BERT, "added_tokens_decoder": special_five(**{str(COUNT): token, str(COUNT + 1): york})})
    yield vocab("vocab, decoder with a wrong id", {**BERT, "added_tokens_decoder": special_five(**{"7": decoder_entry("<ent>")})})
    # Lengths and sides.
    yield vocab("vocab, truncation_side left", {**BERT, "truncation_side": "left"})
    yield vocab("vocab, padding_side left", {**BERT, "padding_side": "left"})
    # Families.
    for name in ["BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizerFast", "PreTrainedTokenizerFast", "RobertaTokenizer", "BertJapaneseTokenizer"]:
        yield vocab(f"vocab, class {name}", {"tokenizer_class": name})
    # tokenizer.json.
    yield fast("json alone", backend())
    yield fast("json, cased, no config", backend(lower=False))
    yield fast("json, cased, config agrees", backend(lower=False), {**BERT, "do_lower_case": False})
    yield fast("json, cased, config says lower", backend(lower=False), {**BERT, "do_lower_case": True})
    yield fast("json, lower, config says cased", backend(), {**BERT, "do_lower_case": False})
    yield fast("json, strip_accents false, no config", backend(strip_accents=False))
    yield fast("json, config says strip_accents false", backend(), {**BERT, "strip_accents": False})
    yield fast("json, chinese false, no config", backend(handle_chinese_chars=False))
    yield fast("json, config says chinese false", backend(), {**BERT, "tokenize_chinese_chars": False})
    yield fast("json, clean_text false", backend(clean_text=False), BERT)
    yield fast("json, cased, PreTrainedTokenizerFast", backend(lower=False), {"tokenizer_class": "PreTrainedTokenizerFast"})
    yield fast("json, PreTrainedTokenizerFast with do_lower_case", backend(lower=False), {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True})
    yield fast("json, truncation and padding", edited(lambda f: f.update(truncation=TRUNCATION, padding=PADDING)), BERT)
    yield fast("json, truncation left", edited(lambda f: f.update(truncation={**TRUNCATION, "direction": "Left"})), BERT)
    yield fast("json, no post-processor", backend(post=False), BERT)
    yield fast("json, no post-processor, PreTrainedTokenizerFast", backend(post=False), {"tokenizer_class": "PreTrainedTokenizerFast"})
    yield fast("json, post-processor without sep", edited(lambda f: [f["post_processor"][k].pop() for k in ("single", "pair")]), BERT)
    yield fast("json, prefix", backend(prefix="@@"), BERT)
    yield fast("json, max_input_chars_per_word", backend(longest=5), BERT)
    yield fast("json, unk renamed in both", backend(unk="<unk>"), {**BERT, "unk_token": "<unk>"})
    yield fast("json, unk renamed in config", backend(), {**BERT, "unk_token": "<unk>"})
    yield fast("json, cls renamed in config", backend(), {**BERT, "cls_token": "<s>", "sep_token": "</s>"})
    yield fast("json, mask renamed in config", backend(), {**BERT, "mask_token": "<mask>"})
    yield fast("json, never_split", backend(), {**BERT, "never_split": ["Café"]})
    yield fast("json, vocab agrees", backend(), BERT, vocab__txt=None)
    yield fast("json, vocab differs", backend(), BERT, vocab__txt=VOCABULARY[:5] + VOCABULARY[:4:-1])
    yield fast("json, added token", edited(lambda f: f["added_tokens"].append(added("<ent>", COUNT))), BERT)
    yield fast("json, added token with a hole", edited(lambda f: f["added_tokens"].append(added("<ent>", COUNT + 2))), BERT)
    yield fast("json, decoder changes flags", edited(lambda f: f["added_tokens"].append(added("<ent>", COUNT))), {**BERT, "added_tokens_decoder": special_five(**{str(COUNT): decoder_entry("<ent>", rstrip=True, lstrip=True)})})
    yield fast("json, decoder adds", backend(), {**BERT, "added_tokens_decoder": special_five(**{str(COUNT): decoder_entry("<ent>")})})
    yield fast("json, added_tokens.json adds", backend(), BERT, added_tokens__json={"<ent>": COUNT})
    yield fast("json, additional_special_tokens", backend(), {**BERT, "additional_special_tokens": ["<ent>"]})
    yield fast("json, extra_special_tokens", backend(), {**BERT, "extra_special_tokens": {"ent_token": "<ent>"}})
    yield fast("json, split_special_tokens", backend(), {**BERT, "split_special_tokens": True})
    yield fast("json, model_input_names", backend(), {"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids", "attention_mask"]})
    yield fast("json, class XLMRobertaTokenizer", backend(), {"tokenizer_class": "XLMRobertaTokenizer"})
    yield fast("json, class DistilBertTokenizer", backend(), {"tokenizer_class": "DistilBertTokenizer"})
    yield fast("json, class BertJapaneseTokenizer", backend(), {"tokenizer_class": "BertJapaneseTokenizer"})
    for there in [False, True]:
        for asked in [None, False, True]:
            config = {"tokenizer_class": "PreTrainedTokenizerFast"} | ({} if asked is None else {"add_prefix_space": asked})
            yield fast(f"json, add_prefix_space {there}, config {asked}", roberta(there), config)


def run(folder, use_fast, limit):
    """One column of one case."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=use_fast)
        rows = []
        for texts in LONG if limit else INPUTS:
            how = {"truncation": True, "max_length": limit} if limit else {}
            row = tokenizer(*texts, **how)
            ids = row["input_ids"]
            # What the model gets: where the tokenizer hands out no segments, transformers' BERT takes zeros.
            rows.append({"ids": ids, "segments": row.get("token_type_ids", [0] * len(ids))})
        return rows
    except BaseException as error:  # noqa: BLE001 (the tokenizers library panics with a BaseException)
        return {"error": type(error).__name__}


def main():
    old = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    known = {case["name"]: case for case in old.get("cases", [])}
    version = transformers.__version__
    columns = {"fast": True, "slow": False} if version.startswith("4.") else {"v5": True}
    out = []
    for name, files in cases():
        with tempfile.TemporaryDirectory() as folder:
            texts = {}
            for file, content in files.items():
                if file == "vocab.txt":
                    texts[file] = "\n".join(content or VOCABULARY) + "\n"
                else:
                    texts[file] = json.dumps(content, ensure_ascii=False)
                (pathlib.Path(folder) / file).write_text(texts[file], encoding="utf-8")
            (pathlib.Path(folder) / "config.json").write_text('{"model_type": "bert"}')
            limit = 8 if "truncation" in name else None
            case = {"name": name, "files": texts, "limit": limit, "inputs": LONG if limit else INPUTS}
            before = known.get(name, {})
            same = lambda c: before["fast"] if before.get(c) == "as fast" else before.get(c)  # noqa: E731
            case |= {column: same(column) for column in ("fast", "slow", "v5")}
            if columns != {"v5": True} and not any(f == "vocab.txt" for f in files):
                columns_here = {"fast": True}  # the slow tokenizer has no file to read
            else:
                columns_here = columns
            case |= {column: run(folder, use_fast, limit) for column, use_fast in columns_here.items()}
        out.append(case)
    versions = old.get("transformers", {}) | {version.split(".")[0]: version}
    # One case a line, and equal columns once: diffs stay readable.
    short = [c | {k: "as fast" for k in ("slow", "v5") if c[k] == c["fast"]} for c in out]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in short)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(f'{{"transformers":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n', encoding="utf-8")
    for case in out:
        fast, slow, five = case["fast"], case["slow"], case["v5"]
        brief = lambda c: "-" if c is None else c["error"] if isinstance(c, dict) else "="  # noqa: E731
        print(f"{case['name']:55} fast {brief(fast)} slow {brief(slow) if slow != fast else 'same'} v5 {brief(five) if five != fast else 'same'}")


if __name__ == "__main__":
    main()
