//! Progress with an estimate of the time left: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where no terminal shows a bar.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// One stage's progress. Goes to standard error, so that results on standard output stay clean.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: String,
    note: String,
    total: u64,
    done: u64,
    /// Done before this run: says nothing about the speed.
    before: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// A stage of `total` units of work (examples, bytes, …).
    pub fn new(what: impl Into<String>, total: u64) -> Self {
        Self::resumed(what, 0, total)
    }

    /// A stage of which an earlier run did `before` units.
    pub fn resumed(what: impl Into<String>, before: u64, total: u64) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_message(what.clone());
            let style =
                ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}, {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_position(before);
            bar.reset_eta();
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            what,
            note: String::new(),
            total,
            done: before,
            before,
            started: now,
            last_line: now,
        }
    }

    /// Sets the amount of work done so far.
    pub fn set(&mut self, done: u64) {
        self.done = done;
        attn_core::stop::during(&self.what);
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.last_line.elapsed() >= LINE_INTERVAL => {
                self.last_line = Instant::now();
                let elapsed = self.started.elapsed().as_secs_f64();
                let here = done.saturating_sub(self.before).max(1) as f64;
                let left = elapsed / here * self.total.saturating_sub(done) as f64;
                eprintln!(
                    "{}: {done} of {}{}, about {left:.0} s left",
                    self.what, self.total, self.note
                );
            }
            None => {}
        }
    }

    /// Says something beside the numbers: the loss, say.
    pub fn say(&mut self, note: impl std::fmt::Display) {
        self.note = format!(", {note}");
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}{}", self.what, self.note));
        }
    }

    /// Prints a line that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Adds to the amount of work done.
    pub fn add(&mut self, more: u64) {
        self.set(self.done + more);
    }

    /// Ends the stage with one line and gives the seconds it took.
    pub fn finish(self) -> f64 {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("{}: {} in {seconds:.1} s", self.what, self.done);
        seconds
    }
}
