//! Where finished buckets go, so that a killed sweep goes on where it stopped.

use crate::Bucket;
use crate::seal::{Damage, Stored, read_sealed, write_sealed};
use attn_core::io::IoError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Whatever a sink's storage reports.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How far a sweep is. Work is counted in multiply-adds, so that its share predicts the time left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Work done, that of stored buckets included.
    pub done: u64,
    /// All work.
    pub total: u64,
    /// Buckets finished.
    pub buckets: usize,
    /// All buckets.
    pub of_buckets: usize,
    /// Buckets among the finished ones that came from the store.
    pub resumed: usize,
}

/// The result of one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketLogits {
    /// The bucket that was run.
    pub bucket: Bucket,
    /// `[variant, example of the bucket, label]`, row-major.
    pub values: Vec<f32>,
}

/// Takes finished buckets and gives them back in a later run.
pub trait Sink {
    /// The values of a bucket that a former run finished, found by [`Bucket::key`].
    ///
    /// # Errors
    /// Whatever the storage reports; the sweep ends with it.
    fn load(&mut self, bucket: &Bucket) -> Result<Option<Vec<f32>>, BoxError>;

    /// Keeps a finished bucket.
    ///
    /// # Errors
    /// Whatever the storage reports; the sweep ends with it.
    fn store(&mut self, result: &BucketLogits) -> Result<(), BoxError>;

    /// Told several times a bucket how far the sweep is. [`ControlFlow::Break`] ends the sweep
    /// with [`SweepError::Cancelled`](crate::SweepError::Cancelled); finished buckets stay stored.
    fn progress(&mut self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Keeps buckets in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    buckets: BTreeMap<String, Vec<f32>>,
}

impl Sink for Memory {
    fn load(&mut self, bucket: &Bucket) -> Result<Option<Vec<f32>>, BoxError> {
        Ok(self.buckets.get(&bucket.key).cloned())
    }

    fn store(&mut self, result: &BucketLogits) -> Result<(), BoxError> {
        self.buckets
            .insert(result.bucket.key.clone(), result.values.clone());
        Ok(())
    }
}

/// Keeps buckets as files `<key>.json` in a folder, each with its hash ([`write_sealed`]), and tells `progress` how far it is.
pub struct Folder<F> {
    folder: PathBuf,
    progress: F,
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Folder<F> {
    /// A store in `folder`, which is made when the first bucket is finished.
    pub fn new(folder: impl Into<PathBuf>, progress: F) -> Self {
        Self {
            folder: folder.into(),
            progress,
        }
    }

    fn path(&self, bucket: &Bucket) -> PathBuf {
        self.folder.join(format!("{}.json", bucket.key))
    }

    /// What a former run left of a bucket.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn look(&self, bucket: &Bucket) -> Result<Stored<Vec<f32>>, IoError> {
        let path = self.path(bucket);
        Ok(match read_sealed::<BucketLogits>(&path)? {
            Stored::Missing => Stored::Missing,
            Stored::Damaged(damage) => Stored::Damaged(damage),
            Stored::Whole(stored) if stored.bucket.key == bucket.key => {
                Stored::Whole(stored.values)
            }
            Stored::Whole(_) => Stored::Damaged(Damage {
                path,
                reason: "it holds another bucket".to_owned(),
            }),
        })
    }
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Sink for Folder<F> {
    /// A damaged file counts as none; [`Folder::look`] says which are.
    fn load(&mut self, bucket: &Bucket) -> Result<Option<Vec<f32>>, BoxError> {
        Ok(match self.look(bucket)? {
            Stored::Whole(values) => Some(values),
            Stored::Missing | Stored::Damaged(_) => None,
        })
    }

    fn store(&mut self, result: &BucketLogits) -> Result<(), BoxError> {
        // serde_json writes non-finite numbers as null and would fail to read them back.
        if result.values.iter().any(|v| !v.is_finite()) {
            return Err(
                "the model gave logits that are not finite: its weights are damaged".into(),
            );
        }
        Ok(write_sealed(&self.path(&result.bucket), result)?)
    }

    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        (self.progress)(progress)
    }
}
