"""Writes the map files of tests/maps.rs with NumPy and safetensors, and what they hold.

    python maps.py      # NumPy and safetensors; writes ../fixtures/maps
"""
import json
import struct
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

OUT = Path(__file__).parent.parent / "fixtures" / "maps"
rng = np.random.default_rng(15)
expected = {}


def maps(*shape):
    logits = rng.normal(size=shape) * 2
    weights = np.exp(logits)
    return weights / weights.sum(-1, keepdims=True)


def keep(file, arrays):
    expected[file] = {
        name: {"shape": list(a.shape), "values": np.asarray(a, dtype=np.float32).ravel().tolist()}
        for name, a in arrays.items()
    }


# Arrays of one's own, no tokens.
own = {"deep": maps(2, 3, 5, 5).astype(np.float32), "heads": maps(3, 4, 4).astype(np.float32), "one": maps(6, 6).astype(np.float32)}
np.savez(OUT / "own.npz", **own)
keep("own.npz", own)

# Half precision, compressed, with tokens as NumPy keeps strings.
half = {"maps.0": maps(1, 2, 6, 6).astype(np.float16)}
np.savez_compressed(OUT / "half.npz", **half, tokens=np.array(["[CLS]", "é", "##s", "[SEP]", "b", "[SEP]"]))
keep("half.npz", half)

# Column-major, big-endian, double.
fortran = np.asfortranarray(maps(2, 4, 4)).astype(">f8", order="F")
assert not fortran.flags.c_contiguous
np.save(OUT / "fortran.npy", fortran)
keep("fortran.npy", {"fortran": fortran})

# Safetensors in f16 with lists for two examples, the second map first in the file.
tensors = {"maps.1": maps(1, 1, 3, 3).astype(np.float16), "maps.0": maps(1, 1, 4, 4).astype(np.float16)}
tokens = [["[CLS]", "a", "b", "[SEP]"], ["[CLS]", "c", "[SEP]"]]
save_file(tensors, OUT / "half.safetensors", {"tokens": json.dumps(tokens), "ids": json.dumps(["x", "y"]), "layers": "[7]"})
keep("half.safetensors", {"maps.0": tensors["maps.0"], "maps.1": tensors["maps.1"]})

# bfloat16, which NumPy lacks: the upper halves of f32, written by hand.
bits = maps(1, 8, 8).astype(np.float32).view(np.uint32) >> 16
bf16 = (bits << 16).astype(np.uint32).view(np.float32)
header = json.dumps({"bf": {"dtype": "BF16", "shape": [1, 8, 8], "data_offsets": [0, 128]}}).encode()
header += b" " * (-len(header) % 8)
(OUT / "bf16.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bits.astype("<u2").tobytes())
keep("bf16.safetensors", {"bf": bf16})

# What must be refused.
nan = maps(1, 2, 3, 3).astype(np.float32)
nan[0, 1, 2, 0] = np.nan
np.savez(OUT / "nan.npz", a=nan)
logits = np.ones((2, 3, 3), np.float32)
np.savez(OUT / "sums.npz", a=logits)
negative = maps(3, 3)
negative[1] = [1.5, -0.5, 0]
np.savez(OUT / "negative.npz", a=negative)
np.savez(OUT / "shape.npz", fine=maps(3, 3), wide=maps(2, 3, 4))
np.savez(OUT / "batch.npz", five=maps(2, 1, 2, 3, 3))
np.savez(OUT / "integers.npz", counts=np.ones((3, 3), np.int64))
np.savez(OUT / "tokens.npz", **{"maps.0": maps(1, 1, 3, 3)}, tokens=np.array(["a", "b"]))
np.savez(OUT / "gap.npz", **{"maps.0": maps(3, 3), "maps.2": maps(3, 3)})

(OUT / "expected.json").write_text(json.dumps(expected))
