"""The forward pass with all attention maps by PyTorch and by ONNX Runtime: the peers of
examples/forward_bench.rs in `cargo xtask bench forward`.

    python forward_bench.py check DIR [--threads 2]
    python forward_bench.py torch|onnx DIR [--passes 20] [--threads 2]

DIR holds what `forward_bench prepare` wrote and, for `check`, `forward_bench outputs`. `check` exports the
model to DIR/model.onnx, all maps among its outputs, and compares ours, PyTorch's and ONNX Runtime's maps
and last hidden states: largest differences of each two. `torch` and `onnx` time the passes without loading;
the first one is left out. PyTorch runs transformers' eager attention (the only kind that gives maps) in
inference mode, ONNX Runtime its CPU provider with all optimisations, fixed shapes and outputs that are not
copied. The last line is JSON.
"""

import argparse
import json
import math
import pathlib
import time

import torch
import transformers

transformers.logging.set_verbosity_error()


def batch_of(folder):
    """Word pieces and segments, `[batch, L]`, and whether the encoder has a pooler."""
    batch = json.loads((folder / "batch.json").read_text())
    ids = torch.tensor(batch["ids"])
    return ids, torch.zeros_like(ids), batch["pooler"]


def torch_pass(folder):
    """A function that gives the last hidden state, the pooler's output (if any) and every layer's maps."""
    ids, types, pooler = batch_of(folder)
    model = transformers.BertModel.from_pretrained(
        folder, attn_implementation="eager", add_pooling_layer=pooler, local_files_only=True
    ).eval()

    def run():
        with torch.inference_mode():
            output = model(input_ids=ids, token_type_ids=types, output_attentions=True)
        return output.last_hidden_state, output.pooler_output, output.attentions

    return run


class Exported(torch.nn.Module):
    """The model with its outputs in a row, and without the mask, which is a constant for a full batch."""

    def __init__(self, model, pooler):
        super().__init__()
        self.model, self.pooler = model, pooler

    def forward(self, ids, types):
        mask = torch.ones(ids.shape, dtype=torch.long)
        output = self.model(input_ids=ids, token_type_ids=types, attention_mask=mask, output_attentions=True)
        pooled = (output.pooler_output,) if self.pooler else ()
        return (output.last_hidden_state, *pooled, *output.attentions)


def export(folder):
    """Writes DIR/model.onnx."""
    ids, types, pooler = batch_of(folder)
    model = transformers.BertModel.from_pretrained(
        folder, attn_implementation="eager", add_pooling_layer=pooler, local_files_only=True
    ).eval()
    maps = [f"maps.{layer}" for layer in range(model.config.num_hidden_layers)]
    with torch.no_grad():
        torch.onnx.export(
            Exported(model, pooler),
            (ids, types),
            str(folder / "model.onnx"),
            input_names=["ids", "types"],
            output_names=["hidden", *(["pooled"] if pooler else []), *maps],
            opset_version=17,
            dynamo=False,
        )


def onnx_pass(folder, threads):
    """The same as `torch_pass`, as NumPy arrays and in the order of the exported outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    ids, types, _ = batch_of(folder)
    binding = session.io_binding()
    values = {"ids": ids.numpy(), "types": types.numpy()}
    for entry in session.get_inputs():  # an input that the model does not need is not exported
        binding.bind_cpu_input(entry.name, values[entry.name])
    names = [output.name for output in session.get_outputs()]

    def run():
        for name in names:  # bound anew, so that each pass has memory of its own, as the others have
            binding.bind_output(name)
        session.run_with_iobinding(binding)
        return binding.get_outputs()

    return run, names


def largest(ours, theirs):
    """The largest difference of two arrays of the same shape; None where one is no number."""
    if ours.shape != theirs.shape:
        raise SystemExit(f"shapes differ: {tuple(ours.shape)} and {tuple(theirs.shape)}")
    value = (ours - theirs).abs().max().item()
    return value if math.isfinite(value) else None


def check(folder, threads):
    """Largest differences of maps and hidden states between each two of the three programs."""
    from safetensors.torch import load_file

    export(folder)
    hidden, _, maps = torch_pass(folder)()
    run, names = onnx_pass(folder, threads)
    exported = dict(zip(names, (torch.from_numpy(value.numpy()) for value in run())))
    results = {
        "ours": load_file(folder / "outputs.safetensors"),
        "PyTorch": {"hidden": hidden, "maps": torch.stack(maps)},
        "ONNX Runtime": {
            "hidden": exported["hidden"],
            "maps": torch.stack([exported[f"maps.{layer}"] for layer in range(len(maps))]),
        },
    }
    order = list(results)
    pairs = [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]
    return {
        "differences": [
            {"pair": f"{a} and {b}", **{name: largest(results[a][name], results[b][name]) for name in ("maps", "hidden")}}
            for a, b in pairs
        ]
    }


def timed(run, passes):
    """Mean seconds of a pass; its outputs are freed outside of the measured time."""
    run()
    seconds = []
    for _ in range(passes):
        start = time.perf_counter()
        output = run()
        seconds.append(time.perf_counter() - start)
        del output
    return {"seconds": sum(seconds) / len(seconds), "passes": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["check", "torch", "onnx"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--passes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.job == "check":
        result = check(options.folder, options.threads)
    elif options.job == "torch":
        result = timed(torch_pass(options.folder), options.passes)
        result |= {"torch": torch.__version__, "transformers": transformers.__version__}
    else:
        import onnxruntime

        run, _ = onnx_pass(options.folder, options.threads)
        result = timed(run, options.passes) | {"onnxruntime": onnxruntime.__version__}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
