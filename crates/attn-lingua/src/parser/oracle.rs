//! The dynamic oracle of the arc-hybrid system.
//!
//! The cost of a transition is the number of gold arcs that can still be built before it and no
//! longer after it (Goldberg and Nivre, 2013, Section 4). It is exact for projective trees, and
//! for the few non-projective ones it is the usual approximation.

use super::state::{Action, Kind, State};

/// What each transition loses; `None` where it is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Costs {
    /// Of a shift.
    pub shift: Option<u32>,
    /// Of a left arc.
    pub left: Option<u32>,
    /// Of a right arc.
    pub right: Option<u32>,
}

impl Costs {
    /// The cost of one transition.
    pub(crate) fn of(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::Shift => self.shift,
            Kind::Left => self.left,
            Kind::Right => self.right,
        }
    }

    /// The smallest cost.
    pub(crate) fn least(&self) -> Option<u32> {
        [self.shift, self.left, self.right]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The costs in `state` with respect to the gold `heads` (number of words for the root).
pub(crate) fn costs(state: &State, heads: &[usize]) -> Costs {
    let mut costs = Costs {
        shift: None,
        left: None,
        right: None,
    };
    let n = state.len();
    let stack = state.whole_stack();
    let front = state.buffer(0);
    let top = state.stack(0);
    for kind in state.valid() {
        match kind {
            // Once on the stack, the word can no longer govern a word below it, nor hang on one
            // other than its neighbour there.
            Kind::Shift => {
                let below = stack.split_last().map_or(&[][..], |(_, below)| below);
                let lost_head = u32::from(below.contains(&heads[front]));
                let lost_dependents =
                    stack.iter().filter(|&&word| heads[word] == front).count() as u32;
                costs.shift = Some(lost_head + lost_dependents);
            }
            // A word that leaves the stack loses its dependents in the buffer and any head but
            // the one it gets.
            Kind::Left | Kind::Right => {
                let dependents = (front..n).filter(|&word| heads[word] == top).count() as u32;
                let head = heads[top];
                let in_buffer = head >= front;
                let below = state.stack(1);
                match kind {
                    Kind::Left => {
                        let lost = head != front && (in_buffer || head == below);
                        costs.left = Some(dependents + u32::from(lost));
                    }
                    _ => costs.right = Some(dependents + u32::from(in_buffer)),
                }
            }
        }
    }
    costs
}

/// Whether `action`, of a kind with least cost, also bears the right label. An arc that is not in
/// the tree has no right label: any will do.
pub(crate) fn right_label(state: &State, action: Action, heads: &[usize], labels: &[u16]) -> bool {
    let (head, label) = match action {
        Action::Shift => return true,
        Action::Left(label) => (state.buffer(0), label),
        Action::Right(label) => (state.stack(1), label),
    };
    let word = state.stack(0);
    heads[word] != head || labels[word] == label
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every projective tree with one root over `n` words, by brute force.
    fn trees(n: usize) -> Vec<Vec<usize>> {
        let mut all = Vec::new();
        for code in 0..(n + 1).pow(n as u32) {
            let mut rest = code;
            let heads: Vec<usize> = (0..n)
                .map(|_| {
                    let head = rest % (n + 1);
                    rest /= n + 1;
                    head
                })
                .collect();
            let one_root = heads.iter().filter(|&&h| h == n).count() == 1;
            let reaches_root = (0..n).all(|word| {
                let mut at = word;
                for _ in 0..=n {
                    if at == n {
                        return true;
                    }
                    at = heads[at];
                }
                at == n
            });
            let crossing = (0..n).any(|a| {
                (0..n).any(|b| {
                    let (a1, a2) = (a.min(heads[a]), a.max(heads[a]));
                    let (b1, b2) = (b.min(heads[b]), b.max(heads[b]));
                    a1 < b1 && b1 < a2 && a2 < b2
                })
            });
            if one_root && reaches_root && !crossing {
                all.push(heads);
            }
        }
        all
    }

    #[test]
    fn following_cost_zero_rebuilds_every_small_tree() {
        let mut count = 0;
        for n in 1..=5 {
            for heads in trees(n) {
                let mut state = State::new(n);
                while !state.done() {
                    let costs = costs(&state, &heads);
                    assert_eq!(costs.least(), Some(0), "{heads:?}");
                    let kind = state.valid().find(|k| costs.of(*k) == Some(0)).unwrap();
                    state.apply(kind.with(0));
                }
                assert_eq!(state.into_tree().0, heads);
                count += 1;
            }
        }
        assert!(count > 150, "{count}");
    }

    /// The most gold arcs that any path from `state` ends with.
    fn reachable(state: &State, heads: &[usize]) -> usize {
        if state.done() {
            let (built, _) = state.clone().into_tree();
            return built.iter().zip(heads).filter(|(a, b)| a == b).count();
        }
        let after = |kind: Kind| {
            let mut next = state.clone();
            next.apply(kind.with(0));
            reachable(&next, heads)
        };
        state.valid().map(after).max().unwrap_or(0)
    }

    /// Checks every state that can be reached, also by mistakes: a cost is what is really lost.
    /// One arc may be lost besides, that of the root: a root that keeps a single dependent
    /// forbids transitions that the cost function takes to be free.
    fn check(state: &State, heads: &[usize]) {
        if state.done() {
            return;
        }
        let best = reachable(state, heads);
        let costs = costs(state, heads);
        for kind in state.valid() {
            let mut next = state.clone();
            next.apply(kind.with(0));
            let lost = best - reachable(&next, heads);
            let cost = costs.of(kind).unwrap() as usize;
            assert!(
                cost == lost || cost.abs_diff(lost) <= 1,
                "{kind:?} costs {cost}, loses {lost}: {heads:?} {state:?}"
            );
            if best == heads.len() {
                assert_eq!(
                    cost == 0,
                    lost == 0,
                    "free is free: {kind:?} {heads:?} {state:?}"
                );
            }
            check(&next, heads);
        }
    }

    #[test]
    fn costs_are_what_is_lost() {
        for n in 1..=4 {
            for heads in trees(n) {
                check(&State::new(n), &heads);
            }
        }
    }

    #[test]
    fn labels_matter_on_right_arcs_only() {
        let (heads, labels) = (vec![1, 2], vec![7, 8]);
        let mut state = State::new(2);
        state.apply(Action::Shift);
        assert!(right_label(&state, Action::Left(7), &heads, &labels));
        assert!(!right_label(&state, Action::Left(8), &heads, &labels));
        assert!(right_label(&state, Action::Shift, &heads, &labels));
        state.apply(Action::Shift);
        assert!(
            right_label(&state, Action::Right(3), &heads, &labels),
            "a wrong arc has no right label"
        );
    }
}
