//! Times the network on the CPU: making a picture, Burn's forward pass, the engine, and a training
//! step, in milliseconds a map.
//!
//! ```text
//! cargo build --workspace --example network_speed
//! RAYON_NUM_THREADS=2 target/debug/examples/network_speed [batch]
//! ```

use attn_patterns::image::{CHANNELS, SIDE, image};
use attn_patterns::{Engine, PatternNetwork, Weights};
use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use std::time::Instant;

fn main() {
    let batch: usize = std::env::args()
        .nth(1)
        .map_or(64, |a| a.parse().unwrap_or(64));
    let weights: Vec<f32> = (0..50 * 50).map(|i| (i % 17) as f32).collect();
    let start = Instant::now();
    for _ in 0..200 {
        std::hint::black_box(image(&weights, 50, &[0, 20, 49], &[0; 50]));
    }
    println!(
        "image {:.4} ms",
        start.elapsed().as_secs_f64() * 1e3 / 200.0
    );
    let device = Device::flex();
    let weights = Weights::random(1);
    let network = PatternNetwork::new(&weights, &device);
    println!("parameters {}", network.num_params());
    let x = Tensor::<4>::random(
        [batch, CHANNELS, SIDE, SIDE],
        Distribution::Uniform(0.0, 1.0),
        &device,
    );
    for _ in 0..5 {
        let start = Instant::now();
        let sum = network.forward(x.clone(), None).sum().into_scalar::<f32>();
        println!(
            "forward {:.3} ms a map ({sum})",
            start.elapsed().as_secs_f64() * 1e3 / batch as f64
        );
    }
    let engine = Engine::new(&weights).expect("the network's own weights fit");
    let maps: Vec<f32> = (0..72 * 50 * 50).map(|i| (i % 17) as f32).collect();
    for _ in 0..5 {
        let start = Instant::now();
        let p = engine.classify(&maps, 50, &[0, 20, 49], &[0; 50]);
        println!(
            "engine {:.4} ms a map ({:?})",
            start.elapsed().as_secs_f64() * 1e3 / 72.0,
            p[0]
        );
    }
    let network = network.train();
    let x = Tensor::<4>::from_data(x.into_data(), &device.autodiff());
    for _ in 0..3 {
        let start = Instant::now();
        let loss = network.forward(x.clone(), None).square().mean();
        let gradients = loss.backward();
        let g = network.output.weight.val().grad(&gradients).is_some();
        println!(
            "both {:.3} ms a map ({g})",
            start.elapsed().as_secs_f64() * 1e3 / batch as f64
        );
    }
}
