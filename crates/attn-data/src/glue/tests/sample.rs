//! Samples and splits.

use super::*;
use proptest::prelude::*;

/// A set with these class sizes, classes interleaved.
fn classes(sizes: &[usize]) -> Dataset {
    let most = sizes.iter().copied().max().unwrap_or(0);
    let rows = (0..most).flat_map(|i| {
        sizes
            .iter()
            .enumerate()
            .filter(move |(_, size)| i < **size)
            .map(move |(c, _)| Label::Class(c))
    });
    dataset(rows.collect())
}

fn dataset(labels: Vec<Label>) -> Dataset {
    let example = |(i, label)| Example {
        label: Some(label),
        ..Example::unlabelled(i, "text", None)
    };
    let ids = (0..).map(|i: usize| format!("{i:06}"));
    Dataset {
        task: TaskRef::Glue(Task::Mnli),
        split: Split::Dev,
        examples: ids.zip(labels).map(example).collect(),
        keys: Vec::new(),
        labels: Vec::new(),
        inputs: Vec::new(),
        skipped: Vec::new(),
        notes: Vec::new(),
    }
}

fn ids(data: &Dataset) -> Vec<&str> {
    data.examples
        .iter()
        .map(|example| example.id.as_str())
        .collect()
}

fn count(data: &Dataset, class: usize) -> usize {
    data.examples
        .iter()
        .filter(|e| e.label == Some(Label::Class(class)))
        .count()
}

#[test]
fn a_subsample_is_fixed_by_its_seed() {
    let data = classes(&[20, 20]);
    let drawn = data.clone().subsample(6, 42);
    // Written down: a change of this sequence would change published numbers.
    assert_eq!(ids(&drawn), SEED_42);
    assert_eq!(drawn.notes, ["a random 6 of 40 rows, seed 42"]);
    assert_ne!(ids(&data.clone().subsample(6, 43)), ids(&drawn));
    let all = data.clone().subsample(40, 42);
    assert_eq!((all.examples.len(), all.notes.len()), (40, 0));
}

const SEED_42: [&str; 6] = ["000003", "000011", "000013", "000017", "000024", "000036"];

#[test]
fn every_row_is_drawn_about_equally_often() {
    let data = classes(&[10]);
    let mut drawn = [0; 10];
    for seed in 0..3000 {
        for id in ids(&data.clone().subsample(3, seed)) {
            drawn[id.parse::<usize>().unwrap()] += 1;
        }
    }
    // 900 expected, standard deviation 25.
    assert!(
        drawn.iter().all(|count| (800..1000).contains(count)),
        "{drawn:?}"
    );
}

#[test]
fn scores_are_spread_over_both_parts() {
    let labels = (0..1000).map(|i| Label::Score((i * 7 % 1000) as f32 / 200.0));
    let (train, dev) = dataset(labels.collect())
        .stratified_split(PartSize::Fraction(0.7), 1)
        .unwrap();
    for (part, size) in [(&train, 70), (&dev, 30)] {
        for low in [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5] {
            let inside = |e: &&Example| (low..low + 0.5).contains(&e.label.unwrap().value());
            assert_eq!(part.examples.iter().filter(inside).count(), size);
        }
    }
}

#[test]
fn impossible_splits_are_refused() {
    use PartSize::{Fraction, Rows};
    for size in [
        Fraction(0.0),
        Fraction(1.0),
        Fraction(f64::NAN),
        Fraction(-1.0),
        Rows(0),
        Rows(5),
    ] {
        let message = classes(&[3, 2])
            .stratified_split(size, 1)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("MNLI dev") && message.contains("ask for 1 to 4"),
            "{message}"
        );
    }
    assert!(classes(&[]).stratified_split(Rows(1), 1).is_err());
}

#[test]
fn dev_rows_can_serve_for_training() {
    let mut content = "index\tquestion\tsentence\tlabel\n".to_owned();
    (0..40).for_each(|i| {
        content += &format!(
            "{i}\tQ {i}?\tA.\t{}entailment\n",
            if i % 4 == 0 { "" } else { "not_" }
        )
    });
    let root = folder(&[("QNLI/dev.tsv", content.as_str())]);
    let source = Source::new(root.path()).unwrap();
    let policy = TrainPolicy::SplitDevIfMissing {
        train_fraction: 0.8,
        seed: 7,
        grouped: false,
    };
    let options = LoadOptions {
        lenient: false,
        train: policy,
    };
    let train = load(&source, Task::Qnli, Split::Train, &options).unwrap();
    let dev = load(&source, Task::Qnli, Split::Dev, &options).unwrap();
    assert_eq!((train.split, dev.split), (Split::Train, Split::Dev));
    assert_eq!((count(&train, 0), count(&train, 1)), (8, 24));
    assert_eq!((count(&dev, 0), count(&dev, 1)), (2, 6));
    let mut all = [ids(&train), ids(&dev)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 40);
    let words = "fixed, stratified split of the dev rows (40: 32 to train, 8 to dev; seed 7)";
    assert!(
        train
            .notes
            .iter()
            .chain(&dev.notes)
            .filter(|note| note.contains(words))
            .count()
            == 2
    );
    assert_eq!(train.inputs[0].role, "QNLI dev");

    // With a training file, only SplitDev itself splits.
    write(root.path(), "QNLI/train.tsv", content.as_bytes());
    assert_eq!(
        load(&source, Task::Qnli, Split::Dev, &options)
            .unwrap()
            .examples
            .len(),
        40
    );
    let policy = TrainPolicy::SplitDev {
        train_fraction: 0.8,
        seed: 7,
        grouped: false,
    };
    let options = LoadOptions {
        lenient: false,
        train: policy,
    };
    assert_eq!(
        load(&source, Task::Qnli, Split::Dev, &options).unwrap(),
        dev
    );
}

proptest! {
    #[test]
    fn a_subsample_keeps_order_and_size(size in 0usize..200, n in 0usize..250, seed: u64) {
        let data = classes(&[size]);
        let drawn = data.clone().subsample(n, seed);
        prop_assert_eq!(drawn.examples.len(), n.min(size));
        prop_assert!(ids(&drawn).is_sorted_by(|a, b| a < b));
        prop_assert_eq!(&drawn, &data.subsample(n, seed));
    }

    #[test]
    fn a_split_partitions_and_keeps_the_shares(
        sizes in prop::collection::vec(0usize..60, 1..5),
        part in 0.0f64..1.0,
        seed: u64,
    ) {
        let data = classes(&sizes);
        let all = data.examples.len();
        let rows = (part * all as f64) as usize;
        prop_assume!(rows > 0 && rows < all);
        let (train, dev) = data.clone().stratified_split(PartSize::Rows(rows), seed).unwrap();
        prop_assert_eq!(train.examples.len(), rows);
        for part in [&train, &dev] {
            prop_assert!(ids(part).is_sorted_by(|a, b| a < b));
        }
        let mut joined = [ids(&train), ids(&dev)].concat();
        joined.sort_unstable();
        prop_assert_eq!(joined, ids(&data));
        for (class, size) in sizes.iter().enumerate() {
            let exact = *size as f64 * rows as f64 / all as f64;
            prop_assert!((count(&train, class) as f64 - exact).abs() < 1.0);
        }
        prop_assert_eq!((train, dev), data.stratified_split(PartSize::Rows(rows), seed).unwrap());
    }
}
