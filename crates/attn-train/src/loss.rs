//! What is minimised: cross-entropy for classes, the squared error for scores.

use attn_core::Label;
use burn::tensor::{Tensor, TensorData, activation};

/// The sum of the examples' losses over `count`: with `count` the size of the whole batch, the
/// losses of its parts add up to the batch's mean loss, and so do their gradients.
///
/// # Shapes
/// - logits: `[examples, outputs]`; one output is a regression
/// - output: `[1]`
pub(crate) fn loss(logits: Tensor<2>, labels: &[Label], count: usize) -> Tensor<1> {
    let [size, outputs] = logits.dims();
    let device = logits.device();
    let share = 1.0 / count.max(1) as f64;
    if outputs == 1 {
        let gold: Vec<f32> = labels.iter().map(|label| label.value()).collect();
        let gold = Tensor::<2>::from_data(TensorData::new(gold, [size, 1]), &device);
        return (logits - gold).square().sum() * share;
    }
    let mut gold = vec![0.0f32; size * outputs];
    for (row, label) in gold.chunks_exact_mut(outputs).zip(labels) {
        if let Some(cell) = label.class().and_then(|class| row.get_mut(class)) {
            *cell = 1.0;
        }
    }
    let gold = Tensor::<2>::from_data(TensorData::new(gold, [size, outputs]), &device);
    (activation::log_softmax(logits, 1) * gold).sum() * -share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::take_host;
    use burn::tensor::Device;

    fn value(logits: &[[f32; 3]], labels: &[Label], count: usize) -> f32 {
        let flat = logits.concat();
        let logits = Tensor::from_data(TensorData::new(flat, [labels.len(), 3]), &Device::flex());
        take_host(loss(logits, labels, count)).unwrap()[0]
    }

    #[test]
    fn cross_entropy_is_torchs_and_parts_add_up() {
        let logits = [[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [100.0, -100.0, 3.0]];
        let labels = [Label::Class(2), Label::Class(0), Label::Class(1)];
        // torch.nn.functional.cross_entropy
        let whole = value(&logits, &labels, 3);
        assert!((whole - 67.367_74).abs() < 1e-4, "{whole}");
        let parts = value(&logits[..1], &labels[..1], 3) + value(&logits[1..], &labels[1..], 3);
        assert!((whole - parts).abs() < 1e-4);
    }

    #[test]
    fn one_output_is_a_regression() {
        let logits = Tensor::from_floats([[1.0], [4.0]], &Device::flex());
        let loss = loss(logits, &[Label::Score(2.0), Label::Score(1.5)], 2);
        assert_eq!(take_host(loss).unwrap(), [(1.0 + 6.25) / 2.0]);
    }
}
