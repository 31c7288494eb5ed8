//! The encoder's operations beside matrix products. The fused ones exist for the CPU backend only:
//! on any other device the same functions must take Burn's own operations, forwards and backwards,
//! and everywhere they must give what Burn's operations give on the CPU.

use super::*;
use attn_bert::{kernels, to_host};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Tensor, TensorData, activation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const EPSILON: f64 = 1e-12;

fn random<const D: usize>(shape: [usize; D], seed: u64, device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| rng.random_range(-3.0f32..3.0));
    Tensor::from_data(TensorData::new(values.collect(), shape), device)
}

/// Parameters and inputs with odd sizes, the same on every device.
struct Parts {
    map: Linear,
    norm: LayerNorm,
    dropout: Dropout,
    x: Tensor<3>,
    residual: Tensor<3>,
    scores: Tensor<4>,
    mask: Tensor<4>,
}

impl Parts {
    fn new(device: &Device) -> Self {
        use burn::module::Param;
        let mut map = LinearConfig::new(7, 5).init(device);
        map.weight = Param::from_tensor(random([7, 5], 1, device));
        map.bias = Some(Param::from_tensor(random([5], 2, device)));
        let mut norm = LayerNormConfig::new(5).with_epsilon(EPSILON).init(device);
        norm.gamma = Param::from_tensor(random([5], 3, device));
        norm.beta = Some(Param::from_tensor(random([5], 4, device)));
        let mut mask = [0.0f32; 2 * 3];
        mask[5] = -1e9;
        Self {
            map,
            norm,
            dropout: DropoutConfig::new(0.0).init(),
            x: random([2, 3, 7], 5, device),
            residual: random([2, 3, 5], 6, device),
            scores: random([2, 2, 3, 3], 7, device),
            mask: Tensor::from_data(TensorData::new(mask.to_vec(), [2, 1, 1, 3]), device),
        }
    }

    /// The functions of `attn_bert::kernels`.
    fn ours(&self) -> Vec<Tensor<1>> {
        let (x, scores) = (self.x.clone(), self.scores.clone());
        vec![
            kernels::gelu(x.clone()).flatten(0, 2),
            kernels::linear(&self.map, x.clone()).flatten(0, 2),
            kernels::linear_gelu(&self.map, x.clone()).flatten(0, 2),
            kernels::softmax(scores.clone(), 0.5, None).flatten(0, 3),
            kernels::softmax(scores, 0.5, Some(self.mask.clone())).flatten(0, 3),
            kernels::dropout(&self.dropout, x.clone()).flatten(0, 2),
            kernels::linear_norm(
                &self.map,
                &self.dropout,
                &self.norm,
                EPSILON,
                x,
                self.residual.clone(),
            )
            .flatten(0, 2),
        ]
    }

    /// The same from Burn's operations.
    fn burns(&self) -> Vec<Tensor<1>> {
        let (x, scores) = (self.x.clone(), self.scores.clone() * 0.5);
        let masked = scores.clone() + self.mask.clone();
        let mapped = self.map.forward(x.clone());
        vec![
            activation::gelu(x.clone()).flatten(0, 2),
            mapped.clone().flatten(0, 2),
            activation::gelu(mapped.clone()).flatten(0, 2),
            activation::softmax(scores, 3).flatten(0, 3),
            activation::softmax(masked, 3).flatten(0, 3),
            x.flatten(0, 2),
            self.norm
                .forward(mapped + self.residual.clone())
                .flatten(0, 2),
        ]
    }
}

/// All outputs, one after the other.
fn outputs(tensors: Vec<Tensor<1>>) -> Vec<f32> {
    let host = tensors.into_iter().map(|t| to_host(t).unwrap());
    host.flatten().collect()
}

/// Gradients of the inputs and of the linear map's weight, of a sum in which no row of a softmax adds
/// up to a constant.
fn gradients(device: &Device, pick: fn(&Parts) -> Vec<Tensor<1>>) -> Vec<f32> {
    let device = device.clone().autodiff();
    let mut parts = Parts::new(&device);
    parts.x = parts.x.require_grad();
    parts.residual = parts.residual.require_grad();
    parts.scores = parts.scores.require_grad();
    let weighted = pick(&parts).into_iter().enumerate().map(|(i, output)| {
        let factors = random(output.dims(), 20 + i as u64, &device);
        (output * factors).sum()
    });
    let total = weighted.reduce(|a, b| a + b).unwrap();
    let tape = total.backward();
    let mut all = to_host(parts.x.grad(&tape).unwrap()).unwrap();
    all.extend(to_host(parts.residual.grad(&tape).unwrap()).unwrap());
    all.extend(to_host(parts.scores.grad(&tape).unwrap()).unwrap());
    all.extend(to_host(parts.map.weight.val().grad(&tape).unwrap()).unwrap());
    all
}

#[test]
fn the_encoders_operations_are_burns_on_the_cpu() {
    let Some(flex) = reference() else { return };
    let values = outputs(Parts::new(&flex).burns());
    let slopes = gradients(&flex, Parts::burns);
    let largest = slopes.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    assert!(largest > 1.0);
    for Place { backend, device } in places() {
        let parts = Parts::new(&device);
        let worst = max_difference(&outputs(parts.ours()), &values);
        report(
            backend,
            "operations",
            worst.into(),
            tolerance(backend).operations.into(),
        );
        let tracked = Parts::new(&device.clone().autodiff());
        let worst = max_difference(&outputs(tracked.ours()), &values);
        report(
            backend,
            "operations with a tape",
            worst.into(),
            tolerance(backend).operations.into(),
        );
        let worst = max_difference(&gradients(&device, Parts::ours), &slopes) / largest;
        report(
            backend,
            "operations' gradients, of the largest",
            worst.into(),
            tolerance(backend).operations.into(),
        );
    }
}

/// What is kept is scaled up, the rest is 0, about as often as asked for.
#[test]
fn dropout_drops_its_share() {
    for Place { backend, device } in places() {
        let device = device.autodiff();
        let layer = DropoutConfig::new(0.25).init();
        let x = Tensor::<2>::ones([40, 100], &device);
        let kept = to_host(kernels::dropout(&layer, x)).unwrap();
        let dropped = kept.iter().filter(|v| **v == 0.0).count();
        assert!(
            kept.iter()
                .all(|v| *v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6),
            "{backend}: something else than 0 and 4/3"
        );
        // 1000 of 4000 are expected, with a standard deviation of 27.
        assert!(
            (850..1150).contains(&dropped),
            "{backend}: {dropped} of 4000 dropped"
        );
    }
}
