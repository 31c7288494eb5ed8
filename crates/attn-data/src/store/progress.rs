//! What a fetch tells its caller while it runs.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What is being done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its bytes are arriving.
    Transfer,
    /// Its hash is being computed.
    Verify,
}

/// How far one file is.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The artefact's name.
    pub artefact: &'a str,
    /// The file's path inside the artefact.
    pub file: &'a str,
    /// The source in words.
    pub source: &'a str,
    /// What is being done.
    pub stage: Stage,
    /// Bytes so far, those of an earlier run included.
    pub done: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
}

/// Receives the news of a fetch.
pub trait Progress {
    /// A file has moved on. Called often; must return quickly.
    fn update(&mut self, transfer: &Transfer<'_>);

    /// Something a user should read: a source that failed, an unverified file, a wait.
    fn note(&mut self, message: &str);

    /// Whether to stop. Asked between blocks; what was downloaded stays for the next run.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn update(&mut self, _: &Transfer<'_>) {}
    fn note(&mut self, _: &str) {}
}

/// Between two plain lines about the same file.
const PAUSE: Duration = Duration::from_secs(10);

/// A file of so many bytes is worth a line when it starts, too.
const MUCH: u64 = 1 << 20;

/// Bars on a terminal, plain lines elsewhere (at a file's end, at a large one's start, and every
/// ten seconds), on standard error.
#[derive(Debug, Default)]
pub struct Bars {
    bar: Option<ProgressBar>,
    current: Option<(String, Stage)>,
    last_line: Option<Instant>,
}

impl Bars {
    /// A fresh display.
    pub fn new() -> Self {
        Self::default()
    }

    fn line(transfer: &Transfer<'_>) {
        let verb = match transfer.stage {
            Stage::Transfer => "fetching",
            Stage::Verify => "verifying",
        };
        let done = indicatif::HumanBytes(transfer.done);
        let Transfer {
            artefact,
            file,
            source,
            ..
        } = transfer;
        match transfer.total {
            Some(total) => {
                let total = indicatif::HumanBytes(total);
                eprintln!("{verb} {artefact}/{file}: {done} of {total} ({source})");
            }
            None => eprintln!("{verb} {artefact}/{file}: {done} ({source})"),
        }
    }

    fn begin(&mut self, transfer: &Transfer<'_>) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if std::io::stderr().is_terminal() {
            let bar = match transfer.total {
                Some(total) => ProgressBar::new(total),
                None => ProgressBar::no_length(),
            };
            let template = "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            let verb = if transfer.stage == Stage::Verify {
                " (verifying)"
            } else {
                ""
            };
            bar.set_prefix(format!("{}/{}{verb}", transfer.artefact, transfer.file));
            // Bytes of an earlier run must not count towards the speed.
            bar.set_position(transfer.done);
            bar.reset_eta();
            self.bar = Some(bar);
        } else {
            self.last_line = Some(Instant::now());
            let small = transfer.total.is_some_and(|total| total < MUCH);
            if transfer.stage == Stage::Transfer && !small {
                Self::line(transfer);
            }
        }
    }
}

impl Progress for Bars {
    fn update(&mut self, transfer: &Transfer<'_>) {
        let key = (
            format!("{}/{}", transfer.artefact, transfer.file),
            transfer.stage,
        );
        if self.current.as_ref() != Some(&key) {
            self.current = Some(key);
            self.begin(transfer);
        }
        let finished = transfer.total.is_some_and(|total| transfer.done >= total);
        if let Some(bar) = &self.bar {
            bar.set_position(transfer.done);
            if finished {
                bar.finish_and_clear();
            }
        } else if (finished && transfer.stage == Stage::Transfer)
            || self.last_line.is_some_and(|then| then.elapsed() > PAUSE)
        {
            Self::line(transfer);
            self.last_line = Some(Instant::now());
        }
    }

    fn note(&mut self, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{message}")),
            None => eprintln!("{message}"),
        }
    }
}
