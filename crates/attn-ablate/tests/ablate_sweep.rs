//! The sweep with shared work gives what whole forward passes give, for every kind of variant and
//! every mode, however the work is cut; it can be stopped and goes on.

mod common;

use attn_ablate::{
    Bucket, Folder, Logits, Memory, Plan, Progress, Reference, Stored, Sweep, SweepError,
    SweepOptions, Variant, mean_maps, naive, order, variant,
};
use attn_bert::{Checkpoint, SequenceClassifier};
use attn_core::{HeadId, Mode};
use common::*;
use std::ops::ControlFlow;

const MODES: [Mode; 3] = [Mode::Uniform, Mode::Zero, Mode::Mean];

/// Single heads, layers, lists within and across layers, random sets and a cumulative order.
fn variants(layers: usize, heads: usize, mode: Mode) -> Vec<Variant> {
    let mut all = vec![variant::baseline()];
    all.extend(variant::single_heads(layers, heads, mode));
    all.extend(variant::whole_layers(layers, heads, mode));
    let last = HeadId::new(layers - 1, heads - 1);
    all.push(variant::list([HeadId::new(0, 0), last], mode));
    all.push(variant::list(
        [HeadId::new(0, 0), HeadId::new(0, heads - 1)],
        mode,
    ));
    all.extend(variant::random_sets(
        layers,
        heads,
        layers * heads / 2,
        3,
        5,
        mode,
    ));
    all.extend(variant::cumulative(
        "x",
        &order::random(layers, heads, 9),
        1..=layers * heads,
        mode,
    ));
    all
}

fn options(bucket: usize, group: usize, padding: f64) -> SweepOptions {
    SweepOptions {
        bucket_tokens: bucket,
        group_tokens: group,
        padding,
        ..SweepOptions::default()
    }
}

/// Several ways to cut the work: one example at a time; all in one padded bucket, with variants
/// stacked in groups of one, of a few and all together.
fn cuts() -> [SweepOptions; 4] {
    [
        options(1, 1, 0.0),
        options(10_000, 1, 1.0),
        options(100, 700, 0.3),
        options(10_000, 1_000_000, 1.0),
    ]
}

fn agree(shared: &Logits, naive: &Logits, what: &str) {
    let difference = max_difference(shared.values(), naive.values());
    assert!(difference <= 1e-5, "{what}: logits differ by {difference}");
    for v in 0..naive.variants() {
        if naive.labels() > 1 {
            assert_eq!(
                shared.predictions(v),
                naive.predictions(v),
                "{what}, variant {v}"
            );
        }
    }
}

/// The variants must do something, or agreement says nothing.
fn differ(logits: &Logits, plan: &Plan) {
    for (v, variant) in plan
        .variants()
        .iter()
        .enumerate()
        .filter(|(_, v)| !v.intervention.heads.is_empty())
    {
        let change = max_difference(logits.variant(v), logits.variant(0));
        assert!(change > 1e-4, "{} changes nothing: {change}", variant.name);
    }
}

fn check(model: &SequenceClassifier, examples: &[Example], batch: usize) {
    let tokens = tokens(examples);
    let maps = mean_maps(&model.bert, &tokens, None).unwrap();
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    for mode in MODES {
        let plan = Plan::new(layers, heads, variants(layers, heads, mode)).unwrap();
        let expected = naive(model, &plan, &tokens, Some(&maps), batch).unwrap();
        if examples.iter().all(|e| e.0.len() > 3) && mode != Mode::Mean {
            differ(&expected, &plan);
        }
        for (i, options) in cuts().into_iter().enumerate() {
            let reference = Reference::Maps {
                maps: &maps,
                key: "test",
            };
            let sweep = Sweep::new(model, &plan, reference, options, "test").unwrap();
            let logits = sweep.run(&tokens, &mut Memory::default()).unwrap();
            agree(
                &logits,
                &expected,
                &format!("{layers} layers, {mode}, cut {i}"),
            );
        }
    }
}

#[test]
fn equals_the_naive_sweep_on_the_tiny_model() {
    let (model, examples) = tiny();
    check(&model, &examples, examples.len());
}

#[test]
fn equals_the_naive_sweep_on_deeper_and_shallower_models() {
    let (_, examples) = tiny();
    check(&deep(5, 2, 3, 1), &examples, 4);
    check(&deep(1, 4, 2, 2), &examples, 4);
    check(&deep(3, 1, 1, 3), &examples, 4);
}

/// One plan may mix all modes and repeat variants, and a sample serves as reference.
#[test]
fn modes_mix_in_one_plan() {
    let (model, examples) = tiny();
    let tokens = tokens(&examples);
    let mut all: Vec<Variant> = MODES
        .into_iter()
        .flat_map(|mode| variants(2, 4, mode))
        .collect();
    all.push(all[3].clone());
    let plan = Plan::new(2, 4, all).unwrap();
    let maps = mean_maps(&model.bert, &tokens, None).unwrap();
    let expected = naive(&model, &plan, &tokens, Some(&maps), 3).unwrap();
    let sweep = Sweep::new(
        &model,
        &plan,
        Reference::Sample(&tokens),
        options(64, 256, 0.5),
        "m",
    )
    .unwrap();
    agree(
        &sweep.run(&tokens, &mut Memory::default()).unwrap(),
        &expected,
        "mixed",
    );
}

/// Mean maps: the mean of a length's maps, and nothing but that length's.
#[test]
fn mean_maps_average_examples_of_one_length() {
    let (model, examples) = tiny();
    let length = examples[0].0.len();
    let mut other = examples[0].clone();
    other.0[1] = if other.0[1] == 7 { 8 } else { 7 };
    let longer = examples
        .iter()
        .find(|e| e.0.len() != length)
        .unwrap()
        .clone();
    let sample = [examples[0].clone(), longer, other.clone()];
    let maps = mean_maps(&model.bert, &tokens(&sample), Some(&[length].into())).unwrap();
    let one = |e: &Example| mean_maps(&model.bert, &tokens(std::slice::from_ref(e)), None).unwrap();
    let (a, b) = (one(&sample[0]), one(&other));
    let head = HeadId::new(1, 2);
    let expected: Vec<f32> = a
        .get(head, length)
        .unwrap()
        .iter()
        .zip(b.get(head, length).unwrap())
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    assert!(max_difference(maps.get(head, length).unwrap(), &expected) < 1e-6);
    assert!(max_difference(a.get(head, length).unwrap(), &expected) > 1e-6);
    assert!(maps.get(head, sample[1].0.len()).is_none());
}

/// Stopped half-way, a sweep keeps what it finished, goes on there and ends with the same bytes;
/// a second run computes nothing; another model, plan or reference finds nothing of it.
#[test]
fn goes_on_where_it_stopped() {
    let (model, mut examples) = tiny();
    // Equal buckets have equal keys, and one would be found in place of the other.
    examples.sort();
    examples.dedup();
    let tokens = tokens(&examples);
    let plan = Plan::new(2, 4, variants(2, 4, Mode::Zero)).unwrap();
    fn sweep<'a>(model: &SequenceClassifier, name: &str, plan: &'a Plan) -> Sweep<'a> {
        Sweep::new(model, plan, Reference::None, options(32, 64, 0.2), name).unwrap()
    }
    let whole = sweep(&model, "m", &plan)
        .run(&tokens, &mut Memory::default())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, plan: &Plan, stop: usize| {
        let mut last = None;
        let mut seen = 0;
        let mut sink = Folder::new(folder.path(), |p: Progress| {
            assert!(p.done <= p.total && p.done >= seen);
            seen = p.done;
            last = Some(p);
            if p.buckets >= stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let result = sweep(&model, name, plan).run(&tokens, &mut sink);
        (result, last.unwrap())
    };
    let (stopped, _) = run("m", &plan, 2);
    let buckets = sweep(&model, "m", &plan).buckets(&tokens).unwrap().len();
    assert!(buckets > 2);
    assert!(matches!(stopped, Err(SweepError::Cancelled { done: 2, total }) if total == buckets));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let (resumed, progress) = run("m", &plan, usize::MAX);
    assert_eq!(
        (progress.resumed, progress.buckets, progress.done),
        (2, buckets, progress.total)
    );
    assert_eq!(resumed.unwrap(), whole);
    let (again, progress) = run("m", &plan, usize::MAX);
    assert_eq!((again.unwrap(), progress.resumed), (whole.clone(), buckets));
    let other = Plan::new(2, 4, variants(2, 4, Mode::Uniform)).unwrap();
    assert_eq!(run("m", &other, usize::MAX).1.resumed, 0);
    assert_eq!(run("another model", &plan, usize::MAX).1.resumed, 0);
    // Files with a changed digit or cut short are told by name, not used, and made again.
    let parts: Vec<_> = sweep(&model, "m", &plan).buckets(&tokens).unwrap();
    let path = |part: &Bucket| folder.path().join(format!("{}.json", part.key));
    let text = std::fs::read_to_string(path(&parts[0])).unwrap();
    let digit = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let changed = if text[digit..].starts_with('1') {
        "2"
    } else {
        "1"
    };
    let edited = format!("{}{changed}{}", &text[..digit], &text[digit + 1..]);
    std::fs::write(path(&parts[0]), edited).unwrap();
    let text = std::fs::read_to_string(path(&parts[1])).unwrap();
    std::fs::write(path(&parts[1]), &text[..text.len() / 2]).unwrap();
    let store = Folder::new(folder.path(), |_: Progress| ControlFlow::Continue(()));
    for (part, is_damaged) in parts.iter().zip([true, true, false]) {
        let found = store.look(part).unwrap();
        assert_eq!(
            matches!(&found, Stored::Damaged(d) if d.path == path(part)),
            is_damaged
        );
    }
    let (repaired, progress) = run("m", &plan, usize::MAX);
    assert_eq!(
        (repaired.unwrap(), progress.resumed),
        (whole.clone(), buckets - 2)
    );
    let (again, progress) = run("m", &plan, usize::MAX);
    assert_eq!((again.unwrap(), progress.resumed), (whole, buckets));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (model, examples) = tiny();
    let tokens = tokens(&examples);
    let other = Plan::new(3, 4, vec![variant::baseline()]).unwrap();
    let new = |plan, reference| Sweep::new(&model, plan, reference, SweepOptions::default(), "m");
    let error = new(&other, Reference::None).err().unwrap().to_string();
    assert!(
        error.contains("3 layers of 4 heads") && error.contains("2 layers"),
        "{error}"
    );
    let mean = Plan::new(2, 4, variant::single_heads(2, 4, Mode::Mean)).unwrap();
    assert!(matches!(
        new(&mean, Reference::None),
        Err(SweepError::NoReference)
    ));
    let run = |sample: &[attn_bert::TokenIds<'_>], examples: &[attn_bert::TokenIds<'_>]| {
        let sweep = Sweep::new(
            &model,
            &mean,
            Reference::Sample(sample),
            SweepOptions::default(),
            "m",
        )
        .unwrap();
        sweep
            .run(examples, &mut Memory::default())
            .unwrap_err()
            .to_string()
    };
    let shortest = examples.iter().map(|e| e.0.len()).min().unwrap();
    let long: Vec<_> = tokens
        .iter()
        .filter(|e| e.ids.len() > shortest)
        .copied()
        .collect();
    let error = run(&long, &tokens);
    assert!(error.contains(&format!("at {shortest} tokens")), "{error}");
    let bad = [attn_bert::TokenIds {
        ids: &[1, 9999],
        types: &[0, 0],
    }];
    assert!(run(&tokens, &bad).contains("9999"));
    let empty = [
        tokens[0],
        attn_bert::TokenIds {
            ids: &[],
            types: &[],
        },
    ];
    assert!(run(&tokens, &empty).contains("example 1"));
    let plan = Plan::new(2, 4, vec![variant::baseline()]).unwrap();
    let none = new(&plan, Reference::None)
        .unwrap()
        .run(&[], &mut Memory::default())
        .unwrap();
    assert_eq!((none.examples(), none.values().len()), (0, 0));
}

/// all-MiniLM-L6-v2 with a fresh classifier on sixteen inputs of many lengths.
#[test]
fn equals_the_naive_sweep_on_minilm() {
    let Some(folder) = cached_minilm() else {
        eprintln!("SKIPPED: all-MiniLM-L6-v2 is not in the cache (`attn fetch all-MiniLM-L6-v2`)");
        return;
    };
    let (model, _) = Checkpoint::open(folder)
        .unwrap()
        .load_classifier(2, 3, &device())
        .unwrap();
    let examples: Vec<Example> = (0..16u32)
        .map(|i| {
            let length = 6 + (i * 7) % 23;
            let words = (1..length - 1).map(|j| 1996 + (i * 7919 + j * 104_729) % 20_000);
            let ids = std::iter::once(101).chain(words).chain([102]).collect();
            (
                ids,
                (0..length).map(|j| u32::from(j > length / 2)).collect(),
            )
        })
        .collect();
    let tokens = tokens(&examples);
    let maps = mean_maps(&model.bert, &tokens, None).unwrap();
    for mode in MODES {
        let mut all = vec![variant::baseline()];
        all.extend((0..6).map(|l| variant::list([HeadId::new(l, 3 + l)], mode)));
        all.extend(variant::whole_layers(6, 12, mode).into_iter().step_by(3));
        all.extend(variant::random_sets(6, 12, 30, 1, 1, mode));
        all.extend(variant::cumulative(
            "r",
            &order::random(6, 12, 4),
            [5, 40],
            mode,
        ));
        let plan = Plan::new(6, 12, all).unwrap();
        let reference = Reference::Maps {
            maps: &maps,
            key: "test",
        };
        let sweep = Sweep::new(&model, &plan, reference, options(128, 256, 0.2), "m").unwrap();
        let logits = sweep.run(&tokens, &mut Memory::default()).unwrap();
        agree(
            &logits,
            &naive(&model, &plan, &tokens, Some(&maps), 8).unwrap(),
            &format!("MiniLM, {mode}"),
        );
    }
}
