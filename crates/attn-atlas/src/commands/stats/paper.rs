//! The paper's numbers, from results/paper (its README says where each comes from).

use anyhow::Context;
use attn_core::HeadGrid;
use serde::Deserialize;
use std::collections::BTreeMap;

type Grids = BTreeMap<String, Vec<Vec<f64>>>;

/// Figures 5, 6 and 7.
#[derive(Debug, Deserialize)]
pub struct Published {
    figure_5_cosine: Grids,
    figure_6_attention: BTreeMap<String, Grids>,
    figure_7_cls_row: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
}

/// Figure 3.
#[derive(Debug, Deserialize)]
pub struct PublishedFrameNet {
    figure_3_score: Vec<Vec<f64>>,
}

fn grid(rows: &[Vec<f64>]) -> Option<HeadGrid<f64>> {
    HeadGrid::from_values(rows.len(), rows.first()?.len(), rows.concat())
}

impl Published {
    /// Reads the numbers that were compiled in.
    ///
    /// # Errors
    /// When that file is broken.
    pub fn open() -> anyhow::Result<Self> {
        let text = include_str!("../../../../../results/paper/figures-5-6-7.json");
        serde_json::from_str(text).context("results/paper/figures-5-6-7.json")
    }

    /// Figure 5, for one task.
    pub fn cosine(&self, task: &str) -> Option<HeadGrid<f64>> {
        grid(self.figure_5_cosine.get(task)?)
    }

    /// Figure 6: `sep` or `cls`, for one task.
    pub fn attention(&self, feature: &str, task: &str) -> Option<HeadGrid<f64>> {
        grid(self.figure_6_attention.get(feature)?.get(task)?)
    }

    /// Figure 7: a feature in the row of `[CLS]`, for one task, a value a head.
    pub fn cls_row(&self, task: &str, feature: &str) -> Option<&[f64]> {
        Some(self.figure_7_cls_row.get(task)?.get(feature)?)
    }
}

impl PublishedFrameNet {
    /// Reads the numbers that were compiled in.
    ///
    /// # Errors
    /// When that file is broken.
    pub fn open() -> anyhow::Result<Self> {
        let text = include_str!("../../../../../results/paper/framenet.json");
        serde_json::from_str(text).context("results/paper/framenet.json")
    }

    /// Figure 3.
    pub fn score(&self) -> Option<HeadGrid<f64>> {
        grid(&self.figure_3_score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_core::{HeadId, Task};

    #[test]
    fn all_of_the_papers_figures_are_there() {
        let published = Published::open().unwrap();
        for task in Task::PAPER {
            for grid in [
                published.cosine(task.name()),
                published.attention("sep", task.name()),
                published.attention("cls", task.name()),
            ] {
                let grid = grid.unwrap();
                assert_eq!((grid.layers(), grid.heads()), (12, 12));
                assert!(grid.values().iter().all(|v| (0.0..=1.0).contains(v)));
            }
            assert_eq!(published.cls_row(task.name(), "noun").unwrap().len(), 12);
        }
        // Section 4.2: the two heads score .201 and .209 (.210 in the notebook).
        let score = PublishedFrameNet::open().unwrap().score().unwrap();
        assert!((score.get(HeadId::new(0, 1)).unwrap() - 0.201).abs() < 0.002);
        assert!((score.get(HeadId::new(6, 5)).unwrap() - 0.209).abs() < 0.002);
        assert!(published.cosine("CoLA").is_none());
    }
}
