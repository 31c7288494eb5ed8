//! Times a forward pass (all maps kept) or a training step (forward, loss, backward) of two model
//! shapes on the CPU, and the single operations they are made of.
//!
//! ```text
//! cargo build --workspace --example forward_speed
//! RAYON_NUM_THREADS=2 target/debug/examples/forward_speed forward|train|ops base|minilm [rounds] [batch] [width] [padded]
//! ```
//!
//! Prints the fastest and the median round in milliseconds: on a shared machine the fastest of many
//! short rounds is the figure to compare. `forward_speed.py` beside this file does the same with
//! PyTorch.

use attn_bert::checkpoint::{Fresh, initialise};
use attn_bert::{
    Backend, BertConfig, SequenceClassifier, TokenBatch, TokenIds, Want, kernels, to_host,
};
use attn_core::Intervention;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{DropoutConfig, LayerNormConfig, LinearConfig};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData, activation};
use std::time::Instant;

// The `attn` program's allocator: Burn allocates every intermediate afresh.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn time(
    name: &str,
    rounds: usize,
    mut work: impl FnMut() -> Result<f32, Failure>,
) -> Result<(), Failure> {
    let mut check = work()?; // warms caches and lazily initialised parameters
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        check = work()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (fastest, median) = (
        times.first().copied().unwrap_or(0.0),
        times.get(rounds / 2).copied().unwrap_or(0.0),
    );
    println!("{name:<28} fastest {fastest:8.2} ms   median {median:8.2} ms   (check {check:.6})");
    Ok(())
}

fn config(shape: &str) -> Result<BertConfig, Failure> {
    let base = BertConfig::base();
    match shape {
        "base" => Ok(base),
        "minilm" => Ok(BertConfig {
            hidden_size: 384,
            num_hidden_layers: 6,
            intermediate_size: 1536,
            ..base
        }),
        other => Err(format!("unknown shape '{other}': expected base or minilm").into()),
    }
}

/// Examples of `width` random tokens; with `padded`, of falling lengths down to half of it.
fn tokens(size: usize, width: usize, padded: bool) -> Result<TokenBatch, Failure> {
    let ids: Vec<Vec<u32>> = (0..size)
        .map(|i| {
            let length = if padded {
                width - width * i / (2 * size)
            } else {
                width
            };
            (0..length)
                .map(|j| 1000 + ((i * 7919 + j * 104_729) % 28_000) as u32)
                .collect()
        })
        .collect();
    let types: Vec<Vec<u32>> = ids.iter().map(|i| vec![0; i.len()]).collect();
    let examples: Vec<_> = ids
        .iter()
        .zip(&types)
        .map(|(ids, types)| TokenIds { ids, types })
        .collect();
    Ok(TokenBatch::new(&examples)?)
}

fn model(config: &BertConfig, device: &Device) -> SequenceClassifier {
    initialise(
        SequenceClassifier::new(config, 2, device),
        Fresh {
            deviation: 0.02,
            seed: 1,
        },
    )
}

fn last(values: &[f32]) -> f32 {
    values.last().copied().unwrap_or(f32::NAN)
}

fn forward(config: &BertConfig, batch: &TokenBatch, rounds: usize) -> Result<(), Failure> {
    let model = model(config, &Backend::Flex.device(0)?);
    time("forward, all maps", rounds, || {
        let output = model
            .bert
            .forward(batch, &Intervention::none(), None, Want::maps())?;
        Ok(last(&to_host(output.last_hidden)?))
    })
}

fn train(config: &BertConfig, batch: &TokenBatch, rounds: usize) -> Result<(), Failure> {
    let device = Backend::Flex.device(0)?.autodiff();
    let labels: Vec<i32> = (0..batch.size()).map(|i| (i % 2) as i32).collect();
    for (name, dropout) in [("step, dropout 0", 0.0), ("step, dropout 0.1", 0.1)] {
        let config = BertConfig {
            hidden_dropout_prob: dropout,
            attention_probs_dropout_prob: dropout,
            ..config.clone()
        };
        let model = model(&config, &device);
        let targets =
            Tensor::<1, Int>::from_data(TensorData::new(labels.clone(), [labels.len()]), &device);
        let loss = CrossEntropyLossConfig::new().init(&device);
        let run = || {
            let logits = model
                .forward(batch, &Intervention::none(), None, Want::nothing())?
                .logits;
            Ok::<_, Failure>(loss.forward(logits, targets.clone()))
        };
        time(&format!("forward, {name}"), rounds, || {
            Ok(last(&to_host(run()?)?))
        })?;
        time(&format!("forward + backward, {name}"), rounds, || {
            let loss = run()?;
            let grads = loss.backward();
            let bias = model.bert.embeddings.layer_norm.gamma.val().grad(&grads);
            Ok(last(&to_host(
                bias.ok_or("no gradient reached the embeddings")?,
            )?))
        })?;
    }
    Ok(())
}

fn ops(config: &BertConfig, size: usize, width: usize, rounds: usize) -> Result<(), Failure> {
    let device = Backend::Flex.device(0)?;
    let random2 =
        |dims: [usize; 2]| Tensor::<2>::random(dims, Distribution::Normal(0.0, 1.0), &device);
    let (rows, hidden, inner) = (size * width, config.hidden_size, config.intermediate_size);
    let heads = config.num_attention_heads;
    let (x, wide) = (random2([rows, hidden]), random2([rows, inner]));
    let (square, up, down) = (
        random2([hidden, hidden]),
        random2([hidden, inner]),
        random2([inner, hidden]),
    );
    let bias = random2([1, inner]);
    let split = |x: &Tensor<2>| {
        x.clone()
            .reshape([size, width, heads, hidden / heads])
            .swap_dims(1, 2)
    };
    let scores = Tensor::<4>::random(
        [size, heads, width, width],
        Distribution::Normal(0.0, 1.0),
        &device,
    );
    let norm = LayerNormConfig::new(hidden).init(&device);
    println!(
        "one call each; a layer has 4 square products, 1 up, 1 down, 2 LayerNorms, 1 of each other"
    );
    time("product, square", rounds, || {
        Ok(probe(x.clone().matmul(square.clone())))
    })?;
    time("product, up", rounds, || {
        Ok(probe(x.clone().matmul(up.clone())))
    })?;
    time("product, down", rounds, || {
        Ok(probe(wide.clone().matmul(down.clone())))
    })?;
    time("scores Q Kᵀ", rounds, || {
        Ok(probe(split(&x).matmul(split(&x).swap_dims(2, 3))))
    })?;
    time("context P V", rounds, || {
        Ok(probe(scores.clone().matmul(split(&x))))
    })?;
    time("merge heads (copy)", rounds, || {
        Ok(probe(
            split(&x)
                .swap_dims(1, 2)
                .swap_dims(1, 2)
                .reshape([rows, hidden]),
        ))
    })?;
    time("softmax, Burn", rounds, || {
        Ok(probe(activation::softmax(scores.clone(), 3)))
    })?;
    time("scale, Burn", rounds, || Ok(probe(scores.clone() * 0.125)))?;
    time("bias on inner, Burn", rounds, || {
        Ok(probe(wide.clone() + bias.clone()))
    })?;
    time("gelu, Burn", rounds, || {
        Ok(probe(activation::gelu(wide.clone())))
    })?;
    time("LayerNorm, Burn", rounds, || {
        Ok(probe(norm.forward(x.clone())))
    })?;
    time("add hidden, Burn", rounds, || {
        Ok(probe(x.clone() + x.clone()))
    })?;
    // Ours work in place on a tensor that nobody else holds, as in the encoder, so each round makes
    // one; what that costs is timed on its own, to be subtracted.
    let fresh = |x: &Tensor<2>| x.clone() + 0.0;
    let (outer, mask) = (
        LinearConfig::new(1, inner).init(&device),
        DropoutConfig::new(0.0).init(),
    );
    let thin = random2([rows, 1]);
    time("copy inner (to subtract)", rounds, || {
        Ok(probe(fresh(&wide)))
    })?;
    time("copy inner + gelu, ours", rounds, || {
        Ok(probe(kernels::gelu(fresh(&wide))))
    })?;
    time("copy scores (to subtract)", rounds, || {
        Ok(probe(scores.clone() + 0.0))
    })?;
    time("copy scores + softmax, ours", rounds, || {
        Ok(probe(kernels::softmax(scores.clone() + 0.0, 0.125, None)))
    })?;
    time("thin product (to subtract)", rounds, || {
        Ok(probe(thin.clone().matmul(outer.weight.val())))
    })?;
    time("thin product + bias, ours", rounds, || {
        Ok(probe(kernels::linear(&outer, thin.clone())))
    })?;
    time("thin + bias + gelu, ours", rounds, || {
        Ok(probe(kernels::linear_gelu(&outer, thin.clone())))
    })?;
    let narrow = LinearConfig::new(1, hidden).init(&device);
    time("thin + residual norm, ours", rounds, || {
        Ok(probe(kernels::linear_norm(
            &narrow,
            &mask,
            &norm,
            1e-5,
            thin.clone(),
            x.clone(),
        )))
    })?;
    Ok(())
}

/// Keeps an operation from being thought unused, without copying its result: the flex backend
/// computes eagerly.
fn probe<const D: usize>(x: Tensor<D>) -> f32 {
    let dims = std::hint::black_box(x).dims();
    dims.iter().product::<usize>() as f32
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize| arguments.get(i).map(String::as_str);
    let number = |i: usize, default: usize| argument(i).map_or(Ok(default), str::parse);
    let config = config(argument(1).unwrap_or("minilm"))?;
    let (rounds, size, width) = (
        number(2, 7)?.max(1),
        number(3, 8)?.max(1),
        number(4, 128)?.max(1),
    );
    let batch = tokens(size, width, argument(5) == Some("padded"))?;
    match argument(0).unwrap_or("forward") {
        "forward" => forward(&config, &batch, rounds),
        "train" => train(&config, &batch, rounds),
        "ops" => ops(&config, size, width, rounds),
        other => Err(format!("unknown job '{other}': expected forward, train or ops").into()),
    }
}
