//! Maps, hidden states, logits, disabled heads and gradients against PyTorch's (transformers, eager
//! attention), from attn-bert's fixtures.

use super::*;
use attn_bert::{EncoderOutput, MeanMaps, Want, to_host};
use attn_core::{HeadId, Intervention, Mode};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

/// Of `[outer, batch, middle, width, last]`, one example without padding in `width` (and, in maps,
/// `last`).
fn cut(shape: &[usize; 5], values: &[f32], example: usize, length: usize, maps: bool) -> Vec<f32> {
    let [outer, size, middle, width, last] = *shape;
    let mut out = Vec::new();
    for block in 0..outer {
        for inner in 0..middle {
            let start = ((block * size + example) * middle + inner) * width * last;
            for row in values[start..start + length * last].chunks(last) {
                out.extend_from_slice(if maps { &row[..length] } else { row });
            }
        }
    }
    out
}

/// Largest differences of a forward pass from expected maps and hidden states.
fn compare(output: &EncoderOutput, expected: &Expected, case: usize) -> (f32, f32) {
    let (maps_shape, maps) = expected.floats(&format!("case{case}.maps"));
    let (hidden_shape, hidden) = expected.floats(&format!("case{case}.hidden"));
    let maps_shape: [usize; 5] = maps_shape.try_into().unwrap();
    let [states, size, width, last] = hidden_shape.try_into().unwrap();
    let mut worst = (0.0f32, 0.0f32);
    for (i, &length) in output.lengths.iter().enumerate() {
        let theirs = cut(&maps_shape, &maps, i, length, true);
        let ours = output.example_maps(i).unwrap();
        worst.0 = worst.0.max(max_difference(&ours, &theirs));
        let theirs = cut(&[states, size, 1, width, last], &hidden, i, length, false);
        let ours = output.example_hidden(i).unwrap();
        worst.1 = worst.1.max(max_difference(&ours, &theirs));
    }
    worst
}

#[test]
fn maps_hidden_states_and_logits() {
    let expected = Expected::read("tiny-bert.expected.safetensors");
    for Place { backend, device } in places() {
        let model = tiny_model(&device);
        let (mut maps, mut hidden, mut logits) = (0.0f32, 0.0f32, 0.0f32);
        let mut cases = 0;
        while let Some(examples) = expected.case(cases) {
            let output = model
                .forward(
                    &batch(&examples),
                    &Intervention::none(),
                    None,
                    Want::everything(),
                )
                .unwrap();
            let worst = compare(&output.encoder, &expected, cases);
            (maps, hidden) = (maps.max(worst.0), hidden.max(worst.1));
            let theirs = expected.floats(&format!("case{cases}.logits")).1;
            let ours = to_host(output.logits).unwrap();
            logits = logits.max(max_difference(&ours, &theirs));
            cases += 1;
        }
        assert_eq!(cases, 4);
        report(backend, "maps", maps.into(), tolerance(backend).maps.into());
        report(
            backend,
            "hidden states",
            hidden.into(),
            tolerance(backend).hidden.into(),
        );
        report(
            backend,
            "logits",
            logits.into(),
            tolerance(backend).hidden.into(),
        );
    }
}

/// Heads 0:0, 0:3 and 1:2 disabled in the three modes, as the fixture has them.
#[test]
fn disabled_heads() {
    let expected = Expected::read("tiny-bert.expected.safetensors");
    let heads = [(0, 0), (0, 3), (1, 2)].map(|(layer, head)| HeadId::new(layer, head));
    let mut means = MeanMaps::new();
    let (shape, maps) = expected.floats("case0.mean.maps");
    for (&head, map) in heads.iter().zip(maps.chunks(shape[1] * shape[1])) {
        means.insert(head, shape[1], map.to_vec()).unwrap();
    }
    for Place { backend, device } in places() {
        let model = tiny_model(&device);
        let run = |case, heads: &[HeadId], mode| {
            let examples = expected.case(case).unwrap();
            let intervention = Intervention::new(mode, heads.iter().copied());
            let output = model
                .forward(
                    &batch(&examples),
                    &intervention,
                    Some(&means),
                    Want::nothing(),
                )
                .unwrap();
            to_host(output.logits).unwrap()
        };
        let mut worst = 0.0f32;
        for (case, mode) in [(3, Mode::Uniform), (3, Mode::Zero), (0, Mode::Mean)] {
            let theirs = expected.floats(&format!("case{case}.{mode}.logits")).1;
            let ours = run(case, &heads, mode);
            worst = worst.max(max_difference(&ours, &theirs));
            let (intact, again) = (run(case, &[], mode), run(case, &[], mode));
            assert!(
                max_difference(&ours, &intact) > 0.01,
                "{backend}: {mode} does nothing"
            );
            assert_eq!(
                intact, again,
                "{backend}: the same work twice, another result"
            );
        }
        report(
            backend,
            "logits with heads disabled",
            worst.into(),
            tolerance(backend).hidden.into(),
        );
    }
}

/// Puts every parameter's gradient in its place, so that saving the model writes gradients under
/// the checkpoint's names and in PyTorch's layout.
struct Swap(Gradients);

impl ModuleMapper for Swap {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let tensor = param.val();
        let gradient = tensor.grad(&self.0);
        let gradient = gradient.unwrap_or_else(|| tensor.inner().zeros_like());
        Param::initialized(param.id, gradient)
    }
}

#[test]
fn gradients() {
    let expected = Expected::read("tiny-bert.gradients.safetensors");
    let case = Expected::read("tiny-bert.expected.safetensors").case(3);
    let examples = batch(&case.unwrap());
    assert!(examples.has_padding());
    let config = Checkpoint::open(common::tiny()).unwrap().config().clone();
    let (shape, coefficients) = expected.floats("coefficients");
    for Place { backend, device } in places() {
        let (checkpoint, _folder) = common::with_dropout(&common::tiny(), 0.0);
        let model = checkpoint.load_classifier(3, 0, &device).unwrap().0.train();
        let output = model
            .forward(&examples, &Intervention::none(), None, Want::nothing())
            .unwrap();
        let coefficients = TensorData::new(coefficients.clone(), [shape[0], shape[1]]);
        let combined = output.logits * Tensor::from_data(coefficients, &device.clone().autodiff());
        let gradients = model.map(&mut Swap(combined.sum().backward()));
        let folder = tempfile::tempdir().unwrap();
        attn_bert::checkpoint::save(folder.path(), &gradients, &config, None).unwrap();
        let ours = Expected(std::fs::read(folder.path().join("model.safetensors")).unwrap());
        let names = ours.names();
        assert_eq!(names.len() + 1, expected.names().len());
        let mut worst = 0.0f32;
        for name in names {
            let ((ours_shape, ours), (shape, theirs)) =
                (ours.floats(&name), expected.floats(&name));
            assert_eq!(ours_shape, shape, "{name}");
            worst = worst.max(max_difference(&ours, &theirs));
        }
        report(
            backend,
            "gradients",
            worst.into(),
            tolerance(backend).gradients.into(),
        );
    }
}
