//! Figures of made-up sweeps.

use super::*;
use crate::ablation::compare::tests::measured;
use crate::ablation::groups::groups;
use crate::ablation::records::{Common, of_scores};
use attn_core::{Metric, Mode, Record, Task};

fn records(task: Task, good: &str, gain: f64) -> Vec<Record> {
    let common = Common {
        run: format!("run-{task}"),
        model: format!("m-{task}"),
        task: task.name().to_owned(),
        split: "dev".to_owned(),
        mode: Mode::Uniform,
        seed: 7,
    };
    let measured = measured(300, good, "layer-1", gain);
    let mut scored = measured.score(task.metrics(), 7).unwrap();
    scored.extend(measured.without_threshold(task.metrics(), 7).unwrap());
    of_scores(&common, &scored)
}

#[test]
fn several_runs_become_one_figure_each() {
    let mut all = records(Task::Rte, "head-1:0", 0.5);
    all.extend(records(Task::Mrpc, "head-0:2", 0.5));
    let groups = groups(&all, None).unwrap();
    // The paper's order, and each task's main score.
    let found: Vec<(&str, &str)> = groups
        .iter()
        .map(|g| (g.task.as_str(), g.metric.as_str()))
        .collect();
    assert_eq!(found, [("MRPC", "f1"), ("RTE", "accuracy")]);
    let eight = figure_8(&groups).unwrap();
    let titles: Vec<&str> = eight.panels.iter().map(|p| p.title.as_str()).collect();
    let expected = [
        "MRPC",
        "MRPC, threshold refitted",
        "RTE",
        "RTE, threshold refitted",
    ];
    assert_eq!((titles.as_slice(), eight.columns), (&expected[..], Some(4)));
    assert_eq!(eight.baselines.len(), 4);
    assert_eq!(eight.dots[2], ["1:0".parse().unwrap()]);
    eight.render().unwrap();
    let nine = figure_9(&groups).unwrap();
    assert_eq!((nine.panels.len(), nine.panels[1].categories.len()), (4, 2));
    for panel in &nine.panels {
        let (low, high) = panel.range.unwrap();
        let baseline = panel.baseline.as_ref().unwrap().value;
        assert!(low < baseline && baseline < high && high <= 100.0);
    }
    nine.render().unwrap();
    let forest = forest(&groups).unwrap();
    let labels: Vec<&str> = forest.rows.iter().map(|r| r.label.as_str()).collect();
    assert_eq!(labels, ["head 1-3", "layer 2", "head 2-1", "layer 2"]);
    assert!(forest.subtitle.starts_with("4 of 16 differences survive"));
    forest.render().unwrap();
}

#[test]
fn nothing_surviving_is_said() {
    let groups = groups(&records(Task::Sst2, "head-1:0", 0.02), None).unwrap();
    let mut groups = groups;
    groups[0].differences.iter_mut().for_each(|d| d.holm = 1.0);
    let forest = forest(&groups).unwrap();
    assert!(
        forest.subtitle.starts_with("None of 8"),
        "{}",
        forest.subtitle
    );
    assert_eq!(forest.rows.len(), 8);
}

#[test]
fn doubled_and_foreign_records_are_errors() {
    let once = records(Task::Rte, "head-1:0", 0.5);
    let twice: Vec<Record> = once.iter().chain(&once).cloned().collect();
    let error = format!("{:#}", groups(&twice, None).unwrap_err());
    assert!(
        error.contains("two runs") && error.contains("RTE"),
        "{error}"
    );
    let error = format!("{:#}", groups(&once, Some(Metric::F1)).unwrap_err());
    assert!(
        error.contains("'f1'") && error.contains("accuracy"),
        "{error}"
    );
    assert!(
        groups(&[], None)
            .unwrap_err()
            .to_string()
            .contains("attn ablate")
    );
}

#[test]
fn a_few_heads_alone_make_no_heatmap() {
    let mut some = records(Task::Rte, "head-1:0", 0.5);
    some.retain(|r| r.layer.is_none() || (r.layer, r.head) == (Some(1), Some(2)));
    let groups = groups(&some, None).unwrap();
    assert!(figure_8(&groups).is_none() && figure_9(&groups).is_none());
    assert_eq!(forest(&groups).unwrap().rows.len(), 1);
}
