//! Programs run in alternation, and the spread of their times.

use serde::Serialize;

/// A program under test: its name and what runs it once and gives the seconds it took.
pub struct Contender<'a> {
    /// In tables.
    pub name: String,
    /// One run.
    pub run: Box<dyn FnMut() -> anyhow::Result<f64> + 'a>,
}

impl<'a> Contender<'a> {
    /// A contender.
    pub fn new(name: &str, run: impl FnMut() -> anyhow::Result<f64> + 'a) -> Self {
        Self {
            name: name.to_owned(),
            run: Box::new(run),
        }
    }
}

/// Several measurements of one thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Samples {
    /// What was measured.
    pub name: String,
    /// One value a round, in order.
    pub values: Vec<f64>,
}

impl Samples {
    /// The middle value, or the mean of the middle two; NaN without values.
    pub fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
        }
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.values.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.values.iter().copied().fold(f64::NAN, f64::max)
    }

    /// These values divided by `other`'s of the same round.
    pub fn over(&self, other: &Samples, name: &str) -> Samples {
        let pairs = self.values.iter().zip(&other.values);
        Samples {
            name: name.to_owned(),
            values: pairs.map(|(a, b)| a / b).collect(),
        }
    }
}

/// Runs every contender once a round, forwards in even rounds and backwards in odd ones, and says
/// on standard error how it goes.
///
/// # Errors
/// The first that a contender reports, with its name.
pub fn alternate(rounds: usize, contenders: &mut [Contender<'_>]) -> anyhow::Result<Vec<Samples>> {
    use anyhow::Context;
    let mut samples: Vec<Samples> = contenders
        .iter()
        .map(|c| Samples {
            name: c.name.clone(),
            values: Vec::with_capacity(rounds),
        })
        .collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for i in order {
            let (contender, samples) = (&mut contenders[i], &mut samples[i]);
            let seconds = (contender.run)().with_context(|| contender.name.clone())?;
            eprintln!(
                "round {} of {rounds}: {} {seconds:.3} s",
                round + 1,
                contender.name
            );
            samples.values.push(seconds);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn rounds_turn_around_and_ratios_pair_them() {
        let order = RefCell::new(String::new());
        let mut contenders: Vec<Contender<'_>> = ["a", "b"]
            .into_iter()
            .enumerate()
            .map(|(i, name)| {
                let order = &order;
                Contender::new(name, move || {
                    order.borrow_mut().push_str(name);
                    Ok((i + 1) as f64 * order.borrow().len() as f64)
                })
            })
            .collect();
        let samples = alternate(3, &mut contenders).unwrap();
        drop(contenders);
        assert_eq!(order.into_inner(), "abbaab");
        assert_eq!(samples[0].values, [1.0, 4.0, 5.0]);
        assert_eq!(samples[1].values, [4.0, 6.0, 12.0]);
        let ratio = samples[1].over(&samples[0], "ratio");
        assert_eq!(ratio.values, [4.0, 1.5, 2.4]);
        assert_eq!((ratio.median(), ratio.min(), ratio.max()), (2.4, 1.5, 4.0));
    }

    #[test]
    fn an_error_names_its_program() {
        let mut broken = [Contender::new("peer", || anyhow::bail!("no torch"))];
        let error = format!("{:#}", alternate(2, &mut broken).unwrap_err());
        assert_eq!(error, "peer: no torch");
        let none = Samples {
            name: String::new(),
            values: Vec::new(),
        };
        assert!(none.median().is_nan() && none.min().is_nan());
    }
}
