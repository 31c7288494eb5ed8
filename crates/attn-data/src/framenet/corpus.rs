//! A FrameNet release: opening it and streaming its lexical units over all cores.

use super::source::{Entry, Listing, Source};
use super::{Frame, FrameNetError, LexicalUnit, parse_frame, parse_lexical_unit};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What to do about broken files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Every defect is an error. Release 1.7 itself does not pass (see the module's head).
    Strict,
    /// As `Strict`, but a label that lies beyond the end of its sentence is dropped and reported.
    #[default]
    Release,
    /// As `Release`, and a unit that is broken otherwise is skipped and reported. A file that the
    /// system cannot read is still an error.
    Lenient,
}

/// What was left out while reading, each with file and byte.
#[derive(Debug, Default)]
pub struct Report {
    /// Lexical units read.
    pub units: usize,
    /// Labels dropped because they lie beyond their sentence.
    pub dropped_labels: Vec<FrameNetError>,
    /// Units skipped because their file is broken ([`Strictness::Lenient`] only).
    pub skipped_units: Vec<FrameNetError>,
}

impl Report {
    /// One line a finding, for manifests and terminals; empty when nothing was left out.
    pub fn notes(&self) -> Vec<String> {
        let dropped = self
            .dropped_labels
            .iter()
            .map(|e| format!("label dropped: {e}"));
        dropped
            .chain(
                self.skipped_units
                    .iter()
                    .map(|e| format!("unit skipped: {e}")),
            )
            .collect()
    }
}

/// Frames by name.
pub type Frames = BTreeMap<String, Frame>;

/// An opened release. Cheap to keep: it holds the list of files, not their contents.
pub struct FrameNet {
    source: Source,
    listing: Listing,
    strictness: Strictness,
}

/// Units in flight between the parallel readers and a sequential visitor.
const CHUNK: usize = 256;

/// A unit's result with the labels dropped from it.
type Read<T> = (Result<T, FrameNetError>, Vec<FrameNetError>);

impl FrameNet {
    /// Opens a folder or a zip laid out like NLTK's `framenet_v17`.
    ///
    /// # Errors
    /// [`FrameNetError::Io`] or [`FrameNetError::Zip`] when it cannot be read,
    /// [`FrameNetError::NotFrameNet`] when it holds no lexical unit.
    pub fn open(path: &Path) -> Result<Self, FrameNetError> {
        let (source, listing) = Source::open(path)?;
        Ok(Self {
            source,
            listing,
            strictness: Strictness::default(),
        })
    }

    /// Says what to do about broken files; [`Strictness::Release`] unless called.
    pub fn with_strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = strictness;
        self
    }

    /// Number of lexical units (1.7 has 13,572).
    pub fn unit_count(&self) -> usize {
        self.listing.units.len()
    }

    /// Reads all frames (1.7 has 1,221), in parallel.
    ///
    /// # Errors
    /// As [`parse_frame`], and those of reading.
    pub fn frames(&self) -> Result<Frames, FrameNetError> {
        let read: Vec<_> = self
            .listing
            .frames
            .par_iter()
            .map_init(
                || self.source.clone(),
                |source, entry| parse_frame(&source.label(entry), &source.read(entry)?),
            )
            .collect();
        read.into_iter()
            .map(|frame| frame.map(|f| (f.name.clone(), f)))
            .collect()
    }

    /// Applies `work` to every lexical unit, in parallel, and returns the results in the order of
    /// the units' numbers. Memory holds one unit a thread and the results.
    ///
    /// # Errors
    /// The first broken unit by number, as the strictness says.
    pub fn map_units<T: Send>(
        &self,
        work: impl Fn(LexicalUnit) -> Result<T, FrameNetError> + Sync,
    ) -> Result<(Vec<T>, Report), FrameNetError> {
        let mut results = Vec::with_capacity(self.unit_count());
        let mut report = Report::default();
        let read = self.read_all(&self.listing.units, &work);
        self.gather(read, &mut report, |value| results.push(value))?;
        Ok((results, report))
    }

    /// Reads the units in parallel and shows them to `visit` one after the other in the order of
    /// their numbers. At most a few hundred units are in memory.
    ///
    /// # Errors
    /// As [`FrameNet::map_units`].
    pub fn for_each_lexical_unit(
        &self,
        mut visit: impl FnMut(LexicalUnit),
    ) -> Result<Report, FrameNetError> {
        let mut report = Report::default();
        for chunk in self.listing.units.chunks(CHUNK) {
            let read = self.read_all(chunk, &Ok);
            self.gather(read, &mut report, &mut visit)?;
        }
        Ok(report)
    }

    fn read_all<T: Send>(
        &self,
        entries: &[Entry],
        work: &(impl Fn(LexicalUnit) -> Result<T, FrameNetError> + Sync),
    ) -> Vec<Read<T>> {
        let one = |source: &mut Source, entry: &Entry| {
            let mut dropped = Vec::new();
            let result = source.read(entry).and_then(|bytes| {
                let mut beyond = |error| match self.strictness {
                    Strictness::Strict => Err(error),
                    Strictness::Release | Strictness::Lenient => {
                        dropped.push(error);
                        Ok(())
                    }
                };
                work(parse_lexical_unit(
                    &source.label(entry),
                    &bytes,
                    &mut beyond,
                )?)
            });
            (result, dropped)
        };
        entries
            .par_iter()
            .map_init(|| self.source.clone(), one)
            .collect()
    }

    fn gather<T>(
        &self,
        read: Vec<Read<T>>,
        report: &mut Report,
        mut keep: impl FnMut(T),
    ) -> Result<(), FrameNetError> {
        for (result, dropped) in read {
            match result {
                Ok(value) => {
                    report.units += 1;
                    report.dropped_labels.extend(dropped);
                    keep(value);
                }
                // A zip entry with a bad checksum is a broken unit like any other.
                Err(
                    error @ (FrameNetError::Xml { .. }
                    | FrameNetError::Zip { .. }
                    | FrameNetError::TooLarge { .. }
                    | FrameNetError::UnknownFrame { .. }),
                ) if self.strictness == Strictness::Lenient => report.skipped_units.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
