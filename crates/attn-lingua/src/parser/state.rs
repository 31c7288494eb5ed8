//! Parser states and transitions.
//!
//! The words are numbered from 0 and the root stands behind the last one, as number `n`: with the
//! root at the end (Ballesteros and Nivre, 2013) "left arc from the root" is an ordinary left arc.

/// "No such node".
pub(crate) const NONE: usize = usize::MAX;

/// A transition without its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Moves the first word of the buffer onto the stack.
    Shift,
    /// Makes the first word of the buffer the head of the top of the stack, which is popped.
    Left,
    /// Makes the second word of the stack the head of the top, which is popped.
    Right,
}

/// A transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// See [`Kind::Shift`].
    Shift,
    /// See [`Kind::Left`]; with the relation's number.
    Left(u16),
    /// See [`Kind::Right`]; with the relation's number.
    Right(u16),
}

impl Action {
    /// The perceptron's class.
    pub(crate) fn class(self) -> usize {
        match self {
            Action::Shift => 0,
            Action::Left(label) => 1 + 2 * usize::from(label),
            Action::Right(label) => 2 + 2 * usize::from(label),
        }
    }

    /// How many classes there are with `labels` relations.
    pub(crate) fn classes(labels: usize) -> usize {
        1 + 2 * labels
    }
}

impl Kind {
    /// The transition with every label.
    pub(crate) fn actions(self, labels: usize) -> impl Iterator<Item = Action> {
        let count = if self == Kind::Shift { 1 } else { labels };
        (0..count as u16).map(move |label| self.with(label))
    }

    /// The transition with `label`, which a shift has none of.
    pub(crate) fn with(self, label: u16) -> Action {
        match self {
            Kind::Shift => Action::Shift,
            Kind::Left => Action::Left(label),
            Kind::Right => Action::Right(label),
        }
    }
}

/// The dependents of a node on one side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    /// The outermost dependent.
    pub outer: usize,
    /// The one before it.
    pub second: usize,
    /// How many there are.
    pub count: u32,
    /// Set of their relations, one bit each (relations beyond 63 share the last).
    pub labels: u64,
}

const EMPTY: Side = Side {
    outer: NONE,
    second: NONE,
    count: 0,
    labels: 0,
};

/// A sentence that is partly parsed.
#[derive(Debug, Clone)]
pub(crate) struct State {
    n: usize,
    stack: Vec<usize>,
    front: usize,
    heads: Vec<usize>,
    labels: Vec<u16>,
    left: Vec<Side>,
    right: Vec<Side>,
}

impl State {
    /// Nothing parsed yet.
    pub(crate) fn new(n: usize) -> Self {
        Self {
            n,
            stack: Vec::with_capacity(n),
            front: 0,
            heads: vec![NONE; n],
            labels: vec![0; n],
            left: vec![EMPTY; n + 1],
            right: vec![EMPTY; n + 1],
        }
    }

    /// The word `k` below the top of the stack.
    pub(crate) fn stack(&self, k: usize) -> usize {
        self.stack
            .len()
            .checked_sub(k + 1)
            .map_or(NONE, |i| self.stack[i])
    }

    /// The whole stack, bottom first.
    pub(crate) fn whole_stack(&self) -> &[usize] {
        &self.stack
    }

    /// The word `k` behind the first of the buffer; the root is the last.
    pub(crate) fn buffer(&self, k: usize) -> usize {
        let i = self.front + k;
        if i <= self.n { i } else { NONE }
    }

    /// Number of words.
    pub(crate) fn len(&self) -> usize {
        self.n
    }

    /// The dependents before `node`; the outermost is the leftmost.
    pub(crate) fn left(&self, node: usize) -> Side {
        self.left.get(node).copied().unwrap_or(EMPTY)
    }

    /// The dependents behind `node`; the outermost is the rightmost.
    pub(crate) fn right(&self, node: usize) -> Side {
        self.right.get(node).copied().unwrap_or(EMPTY)
    }

    /// The relation of a word that has its head.
    pub(crate) fn label(&self, node: usize) -> Option<u16> {
        (self.heads.get(node).copied()? != NONE).then(|| self.labels[node])
    }

    /// Whether every word has its head.
    pub(crate) fn done(&self) -> bool {
        self.front == self.n && self.stack.is_empty()
    }

    /// The transitions that may be taken. The root gets one dependent only: its left arc waits
    /// until one word is left on the stack.
    pub(crate) fn valid(&self) -> impl Iterator<Item = Kind> + use<> {
        let (words_left, stack) = (self.front < self.n, self.stack.len());
        let shift = words_left.then_some(Kind::Shift);
        let left = (stack > 0 && (words_left || stack == 1)).then_some(Kind::Left);
        let right = (stack > 1).then_some(Kind::Right);
        [shift, left, right].into_iter().flatten()
    }

    /// Takes a valid transition.
    pub(crate) fn apply(&mut self, action: Action) {
        let (head, label) = match action {
            Action::Shift => {
                self.stack.push(self.front);
                self.front += 1;
                return;
            }
            Action::Left(label) => (self.front, label),
            Action::Right(label) => (self.stack(1), label),
        };
        let Some(word) = self.stack.pop() else { return };
        self.heads[word] = head;
        self.labels[word] = label;
        let side = if word < head {
            &mut self.left[head]
        } else {
            &mut self.right[head]
        };
        // Arcs to a node are drawn from the inside out.
        side.second = side.outer;
        side.outer = word;
        side.count += 1;
        side.labels |= 1 << label.min(63);
    }

    /// Heads and relations.
    pub(crate) fn into_tree(self) -> (Vec<usize>, Vec<u16>) {
        (self.heads, self.labels)
    }
}
