//! An ablation sweep with shared work gives on every backend what it gives on the CPU: the same
//! prediction for every variant and example.

use super::*;
use attn_ablate::{
    Logits, Memory, Plan, Reference, Sweep, SweepOptions, Variant, mean_maps, variant,
};
use attn_core::{HeadId, Mode};

/// The baseline, every head, every layer, and lists within and across layers, in all modes.
fn variants(layers: usize, heads: usize) -> Vec<Variant> {
    let mut all = vec![variant::baseline()];
    for mode in [Mode::Uniform, Mode::Zero, Mode::Mean] {
        all.extend(variant::single_heads(layers, heads, mode));
        all.extend(variant::whole_layers(layers, heads, mode));
        let (first, last) = (HeadId::new(0, 0), HeadId::new(layers - 1, heads - 1));
        all.push(variant::list([first, last], mode));
        all.push(variant::list([first, HeadId::new(0, heads - 1)], mode));
    }
    all
}

/// All of the fixture's examples in one padded bucket, variants stacked in several groups.
fn run(device: &Device, examples: &[Example]) -> Logits {
    let model = tiny_model(device);
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let plan = Plan::new(layers, heads, variants(layers, heads)).unwrap();
    let tokens = tokens(examples);
    let maps = mean_maps(&model.bert, &tokens, None).unwrap();
    let reference = Reference::Maps {
        maps: &maps,
        key: "test",
    };
    let options = SweepOptions {
        bucket_tokens: 10_000,
        group_tokens: 700,
        padding: 1.0,
        ..SweepOptions::default()
    };
    let sweep = Sweep::new(&model, &plan, reference, options, "test").unwrap();
    sweep.run(&tokens, &mut Memory::default()).unwrap()
}

/// By how much the best logit leads: what is closer than the tolerance may go either way.
fn margin(logits: &[f32]) -> f32 {
    let mut sorted = logits.to_vec();
    sorted.sort_by(f32::total_cmp);
    match sorted[..] {
        [.., second, best] => best - second,
        _ => 0.0,
    }
}

#[test]
fn an_ablation_sweep_is_flexs() {
    let Some(flex) = reference() else { return };
    let expected = Expected::read("tiny-bert.expected.safetensors");
    let examples: Vec<Example> = (0..).map_while(|i| expected.case(i)).flatten().collect();
    let theirs = run(&flex, &examples);
    assert_eq!(theirs.variants(), 1 + 3 * 12);
    let mut changed = 0;
    for variant in 1..theirs.variants() {
        changed += usize::from(theirs.predictions(variant) != theirs.predictions(0));
    }
    assert!(changed > 5, "only {changed} variants change a prediction");
    for Place { backend, device } in places() {
        let ours = run(&device, &examples);
        let allowed = tolerance(backend).hidden;
        for variant in 0..theirs.variants() {
            let predictions = ours.predictions(variant).into_iter();
            let pairs = predictions.zip(theirs.predictions(variant));
            for ((ours, theirs), logits) in pairs.zip(theirs.variant(variant).chunks(3)) {
                assert!(
                    ours == theirs || margin(logits) < 2.0 * allowed,
                    "{backend}: variant {variant} predicts {ours}, not {theirs}"
                );
            }
        }
        let worst = max_difference(ours.values(), theirs.values());
        report(backend, "sweep's logits", worst.into(), allowed.into());
    }
}
