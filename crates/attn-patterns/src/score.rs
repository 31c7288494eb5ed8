//! How well a classifier sorts: confusion matrix, F1 by class, macro-F1, Cohen's kappa.

use attn_core::Pattern;
use attn_stats::metrics::f1_of_counts;
use attn_stats::{Estimate, Resampler, interval};
use serde::{Deserialize, Serialize};

const CLASSES: usize = Pattern::ALL.len();

/// How often a map of one class (row) was given another (column). Counts may be weighted.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Confusion {
    /// `[true][predicted]`, in the order of [`Pattern::ALL`].
    pub counts: [[f64; CLASSES]; CLASSES],
}

impl Confusion {
    /// Counts a map.
    pub fn add(&mut self, truth: Pattern, predicted: Pattern, weight: f64) {
        self.counts[truth.index()][predicted.index()] += weight;
    }

    /// All maps.
    pub fn total(&self) -> f64 {
        self.counts.iter().flatten().sum()
    }

    fn row(&self, class: usize) -> f64 {
        self.counts[class].iter().sum()
    }

    fn column(&self, class: usize) -> f64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Maps whose true class this is.
    pub fn support(&self, class: Pattern) -> f64 {
        self.row(class.index())
    }

    /// The share of maps sorted right; `None` without maps.
    pub fn accuracy(&self) -> Option<f64> {
        let right: f64 = (0..CLASSES).map(|c| self.counts[c][c]).sum();
        (self.total() > 0.0).then(|| right / self.total())
    }

    /// F1 of a class: 2 tp / (2 tp + fp + fn). `None` where the class neither occurs nor is
    /// predicted.
    pub fn f1(&self, class: Pattern) -> Option<f64> {
        let c = class.index();
        f1_of_counts(self.counts[c][c], self.column(c), self.row(c))
    }

    /// Mean F1 of the classes that occur or are predicted; `None` without maps.
    pub fn macro_f1(&self) -> Option<f64> {
        let f1: Vec<f64> = Pattern::ALL
            .into_iter()
            .filter_map(|p| self.f1(p))
            .collect();
        (!f1.is_empty()).then(|| f1.iter().sum::<f64>() / f1.len() as f64)
    }

    /// Cohen's kappa (1960): agreement beyond what two independent labellers with these shares
    /// would have. `None` without maps or where both know one class only.
    pub fn kappa(&self) -> Option<f64> {
        let total = self.total();
        let chance: f64 = (0..CLASSES)
            .map(|c| self.row(c) * self.column(c) / (total * total))
            .sum();
        (total > 0.0 && chance < 1.0)
            .then(|| self.accuracy().map(|a| (a - chance) / (1.0 - chance)))
            .flatten()
    }

    /// The share of maps of each true class that are given each class, `[true][predicted]`; a
    /// class without maps is taken to be sorted right.
    pub fn rates(&self) -> [[f64; CLASSES]; CLASSES] {
        std::array::from_fn(|truth| {
            let sum = self.row(truth);
            std::array::from_fn(|predicted| {
                if sum > 0.0 {
                    self.counts[truth][predicted] / sum
                } else {
                    f64::from(u8::from(truth == predicted))
                }
            })
        })
    }
}

/// One map's true and predicted class, and the group that is resampled as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The label.
    pub truth: Pattern,
    /// What the classifier said.
    pub predicted: Pattern,
    /// Maps of one group (one head, say) are alike and so enter a bootstrap sample together.
    pub group: usize,
}

/// The confusion of all outcomes.
pub fn confusion(outcomes: &[Outcome]) -> Confusion {
    let mut confusion = Confusion::default();
    for o in outcomes {
        confusion.add(o.truth, o.predicted, 1.0);
    }
    confusion
}

/// One confusion a bootstrap replicate, groups resampled.
pub fn replicates(outcomes: &[Outcome], resampler: &Resampler) -> Vec<Confusion> {
    let mut all = vec![Confusion::default(); resampler.replicates()];
    let groups = outcomes.iter().map(|o| o.group + 1).max().unwrap_or(0);
    let mut members: Vec<Vec<&Outcome>> = vec![Vec::new(); groups];
    for outcome in outcomes {
        members[outcome.group].push(outcome);
    }
    for (group, members) in members.iter().enumerate() {
        let counts = resampler.counts(group as u64);
        for (confusion, &count) in all.iter_mut().zip(&counts) {
            for o in members.iter().filter(|_| count > 0) {
                confusion.add(o.truth, o.predicted, f64::from(count));
            }
        }
    }
    all
}

/// A statistic of the confusion with its 95 % interval; `None` where it is not defined.
pub fn estimate(
    outcomes: &[Outcome],
    replicates: &[Confusion],
    statistic: impl Fn(&Confusion) -> Option<f64>,
) -> Option<Estimate> {
    let mean = statistic(&confusion(outcomes))?;
    let values: Vec<f64> = replicates.iter().filter_map(statistic).collect();
    Some(Estimate {
        mean,
        n: outcomes.len(),
        interval: interval(&values, 0.95).filter(|_| outcomes.len() > 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn 1.6 on the same labels: f1_score(average=None / "macro"), cohen_kappa_score.
    #[test]
    fn scores_are_scikit_learns() {
        let truth = [0, 0, 0, 1, 1, 2, 2, 2, 4, 4, 4, 4];
        let predicted = [0, 0, 1, 1, 1, 2, 0, 2, 4, 4, 2, 4];
        let outcomes: Vec<Outcome> = truth
            .iter()
            .zip(predicted)
            .enumerate()
            .map(|(group, (&t, p))| Outcome {
                truth: Pattern::ALL[t],
                predicted: Pattern::ALL[p],
                group,
            })
            .collect();
        let confusion = confusion(&outcomes);
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-6, "{a:?} {b}");
        close(confusion.f1(Pattern::Vertical), 0.666_666_7);
        close(confusion.f1(Pattern::Diagonal), 0.8);
        close(confusion.f1(Pattern::VerticalDiagonal), 0.666_666_7);
        assert_eq!(confusion.f1(Pattern::Block), None);
        close(confusion.f1(Pattern::Heterogeneous), 0.857_142_9);
        close(confusion.macro_f1(), 0.747_619_0);
        close(confusion.kappa(), 0.666_666_7);
        close(confusion.accuracy(), 0.75);
        let replicates = replicates(&outcomes, &Resampler::new(1, 500));
        let estimate = estimate(&outcomes, &replicates, Confusion::accuracy).unwrap();
        let (low, high) = estimate.interval.unwrap();
        assert!(
            low > 0.3 && low < 0.7 && high > 0.8 && high <= 1.0,
            "{low} {high}"
        );
    }

    #[test]
    fn nothing_is_undefined_not_zero() {
        let empty = Confusion::default();
        assert_eq!(
            (empty.macro_f1(), empty.kappa(), empty.accuracy()),
            (None, None, None)
        );
        assert_eq!(empty.rates()[2][2], 1.0);
        assert!(replicates(&[], &Resampler::new(1, 3)).len() == 3);
    }
}
