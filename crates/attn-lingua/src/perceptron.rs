//! The averaged perceptron (Collins, 2002; Freund and Schapire, 1999) over hashed sparse features.
//!
//! A row belongs to a feature and holds the weights of the few classes that it ever voted for or
//! against. All arithmetic is in integers, so that sums do not depend on their order and the same
//! seed gives the same bytes everywhere. The average over all steps is kept lazily: each weight
//! remembers its running total up to the step at which it last changed.

/// Weight of one class in a row.
#[derive(Debug, Clone, Copy)]
struct Entry {
    total: i64,
    weight: i32,
    since: u32,
    class: u16,
}

/// A perceptron in training.
#[derive(Debug)]
pub(crate) struct Perceptron {
    slots: Vec<(u32, u32)>,
    rows: Vec<Vec<Entry>>,
    classes: usize,
    clock: u32,
}

/// One feature's averaged weights, times the number of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Averaged {
    /// The feature's hash.
    pub key: u32,
    /// Class and summed weight, by class.
    pub weights: Vec<(u16, i64)>,
}

impl Averaged {
    /// Adds up the weights of several perceptrons (each list sorted by key).
    pub(crate) fn sum(perceptrons: Vec<Vec<Averaged>>) -> Vec<Averaged> {
        let mut perceptrons = perceptrons;
        if perceptrons.len() == 1 {
            return perceptrons.swap_remove(0);
        }
        let mut all: Vec<Averaged> = perceptrons.into_iter().flatten().collect();
        all.sort_by_key(|row| row.key);
        let mut sum: Vec<Averaged> = Vec::with_capacity(all.len());
        for row in all {
            match sum.last_mut().filter(|last| last.key == row.key) {
                Some(last) => {
                    for (class, weight) in row.weights {
                        match last.weights.iter_mut().find(|w| w.0 == class) {
                            Some(entry) => entry.1 += weight,
                            None => last.weights.push((class, weight)),
                        }
                    }
                    last.weights.sort_unstable();
                }
                None => sum.push(row),
            }
        }
        sum
    }
}

const EMPTY: u32 = u32::MAX;

impl Perceptron {
    /// A perceptron that knows nothing.
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            slots: vec![(0, EMPTY); 1 << 16],
            rows: Vec::new(),
            classes,
            clock: 0,
        }
    }

    /// Where `key` lies or would lie.
    #[inline]
    fn slot(&self, key: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key.wrapping_mul(0x9E37_79B1) as usize & mask;
        while self.slots[at].1 != EMPTY && self.slots[at].0 != key {
            at = (at + 1) & mask;
        }
        at
    }

    /// Fills `scores` with the current score of every class.
    pub(crate) fn score(&self, features: &[u32], scores: &mut Vec<i32>) {
        scores.clear();
        scores.resize(self.classes, 0);
        for &key in features {
            let (_, row) = self.slots[self.slot(key)];
            if row != EMPTY {
                for entry in &self.rows[row as usize] {
                    let score = &mut scores[usize::from(entry.class)];
                    *score = score.wrapping_add(entry.weight);
                }
            }
        }
    }

    /// Counts one decision. The average runs over decisions, right ones included.
    pub(crate) fn tick(&mut self) {
        self.clock = self.clock.saturating_add(1);
    }

    /// Learns from a mistake: `good` should have won over `bad`.
    pub(crate) fn update(&mut self, features: &[u32], good: usize, bad: usize) {
        for &key in features {
            let mut slot = self.slot(key);
            if self.slots[slot].1 == EMPTY {
                if self.rows.len() * 2 >= self.slots.len() {
                    self.grow();
                    slot = self.slot(key);
                }
                self.slots[slot] = (key, self.rows.len() as u32);
                self.rows.push(Vec::with_capacity(2));
            }
            let row = &mut self.rows[self.slots[slot].1 as usize];
            for (class, change) in [(good as u16, 1), (bad as u16, -1)] {
                match row.iter_mut().find(|entry| entry.class == class) {
                    Some(entry) => {
                        entry.total +=
                            i64::from(entry.weight) * i64::from(self.clock - entry.since);
                        entry.since = self.clock;
                        entry.weight += change;
                    }
                    None => row.push(Entry {
                        total: 0,
                        weight: change,
                        since: self.clock,
                        class,
                    }),
                }
            }
        }
    }

    fn grow(&mut self) {
        let bigger = vec![(0, EMPTY); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, bigger);
        for (key, row) in old.into_iter().filter(|slot| slot.1 != EMPTY) {
            let slot = self.slot(key);
            self.slots[slot] = (key, row);
        }
    }

    /// The averaged weights, by feature hash.
    pub(crate) fn average(&self) -> Vec<Averaged> {
        let mut rows: Vec<Averaged> = Vec::with_capacity(self.rows.len());
        for &(key, row) in self.slots.iter().filter(|slot| slot.1 != EMPTY) {
            let mut weights: Vec<(u16, i64)> = self.rows[row as usize]
                .iter()
                .map(|e| {
                    (
                        e.class,
                        e.total + i64::from(e.weight) * i64::from(self.clock - e.since),
                    )
                })
                .filter(|&(_, total)| total != 0)
                .collect();
            weights.sort_unstable();
            if !weights.is_empty() {
                rows.push(Averaged { key, weights });
            }
        }
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
}

/// The class with the highest score; the first of equals, 0 when there is none.
pub(crate) fn best(scores: &[i32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}

/// The class other than `but` with the highest score; the first of equals.
pub(crate) fn best_but(scores: &[i32], but: usize) -> usize {
    let mut best = usize::from(but == 0);
    for (class, score) in scores.iter().enumerate() {
        if class != but && *score > scores.get(best).copied().unwrap_or(i32::MIN) {
            best = class;
        }
    }
    best.min(scores.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_that_of_every_step() {
        // By hand: feature 5, class 1: weight 1 from step 1 on, 2 from step 3 on, four steps in
        // all. Totals: (3 - 1) * 1 + (4 - 3) * 2 = 4 for class 1, and its mirror for class 0.
        let mut p = Perceptron::new(2);
        p.tick();
        p.update(&[5], 1, 0);
        p.tick();
        p.tick();
        p.update(&[5], 1, 0);
        p.tick();
        assert_eq!(
            p.average(),
            [Averaged {
                key: 5,
                weights: vec![(0, -4), (1, 4)]
            }]
        );
    }

    #[test]
    fn it_learns_what_can_be_separated_and_survives_growth() {
        let mut p = Perceptron::new(3);
        let mut scores = Vec::new();
        for _ in 0..3 {
            for i in 0..100_000u32 {
                let (features, gold) = ([i.wrapping_mul(0x85eb_ca6b)], (i % 3) as usize);
                p.score(&features, &mut scores);
                p.tick();
                let guess = best(&scores);
                if guess != gold {
                    p.update(&features, gold, guess);
                }
            }
        }
        for i in 0..100_000u32 {
            p.score(&[i.wrapping_mul(0x85eb_ca6b)], &mut scores);
            assert_eq!(best(&scores), (i % 3) as usize);
        }
    }
}
