//! Where a task's split lies in a data folder.

use super::GlueError;
use attn_core::io::IoError;
use attn_core::{Split, Task};
use std::fs;
use std::path::{Path, PathBuf};

/// Rows that GLUE itself has in a task's split (Wang et al., 2018; `nyu-mll/glue`). MNLI's dev and
/// test are the matched sections.
pub fn official_rows(task: Task, split: Split) -> usize {
    let (train, dev, test) = match task {
        Task::Mrpc => (3_668, 408, 1_725),
        Task::StsB => (5_749, 1_500, 1_379),
        Task::Sst2 => (67_349, 872, 1_821),
        Task::Qqp => (363_846, 40_430, 390_965),
        Task::Rte => (2_490, 277, 3_000),
        Task::Qnli => (104_743, 5_463, 5_463),
        Task::Mnli => (392_702, 9_815, 9_796),
        Task::CoLa => (8_551, 1_043, 1_063),
        Task::Wnli => (635, 71, 146),
    };
    match split {
        Split::Train => train,
        Split::Dev => dev,
        Split::Test => test,
    }
}

/// How a split's files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// GLUE's own tab-separated files.
    Tsv,
    /// `nyu-mll/glue`'s Parquet files.
    Parquet,
}

/// The files of one task's split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// One file, or the shards of a Parquet split in order.
    pub files: Vec<PathBuf>,
    /// How they are written.
    pub format: Format,
    /// The name of the file that stands in for the official one, if it does.
    pub substitute: Option<&'static str>,
}

/// A folder that holds GLUE data.
///
/// Three layouts are known, in this order of preference: GLUE's own (`<TASK>/train.tsv`,
/// `dev.tsv`, `dev_matched.tsv` for MNLI), that of `nyu-mll/glue`
/// (`<config>/train-00000-of-00001.parquet`, `validation-…`, `validation_matched-…`), and known
/// substitutes (QQP's `train_subset.tsv` and `dev_substitute.tsv`), which are taken only where the
/// official file is absent. `<TASK>` folders may lie in the root or in its `glue` folder, in any
/// case and with or without the hyphen; the root may also be the folder of one task.
#[derive(Debug, Clone)]
pub struct Source {
    root: PathBuf,
    starter: bool,
}

impl Source {
    /// The data in `root`.
    ///
    /// # Errors
    /// [`GlueError::Io`] when there is no such folder.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self, GlueError> {
        let root = root.into();
        let list = |e| IoError::file(&root, "list the folder", e);
        fs::read_dir(&root).map_err(list)?;
        let starter = is_starter(&fs::canonicalize(&root).map_err(list)?);
        Ok(Self { root, starter })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether this is the project's own small data: a folder `datasets/starter`, or one that
    /// carries a file `STARTER.md` (or a part of such a folder). GLUE's counts do not apply to it.
    pub fn is_starter(&self) -> bool {
        self.starter
    }

    /// The task whose folder the root itself is, if its name says so.
    pub fn own_task(&self) -> Option<Task> {
        let name = fs::canonicalize(&self.root).ok()?;
        name.file_name()?.to_str()?.parse().ok()
    }

    /// Finds a split's files. A folder whose name is no task's but that holds the files directly is
    /// taken for the task that is asked for.
    ///
    /// # Errors
    /// [`GlueError::Missing`] when no layout fits, [`GlueError::Request`] when shards are missing.
    pub fn locate(&self, task: Task, split: Split) -> Result<Located, GlueError> {
        let mut folders = self.task_folders(task);
        if self.own_task().is_none() {
            folders.push(self.root.clone());
        }
        self.locate_in(&folders, task, split)
    }

    /// As [`Source::locate`], but only folders named after the task count.
    pub(super) fn locate_named(&self, task: Task, split: Split) -> Result<Located, GlueError> {
        self.locate_in(&self.task_folders(task), task, split)
    }

    fn locate_in(
        &self,
        folders: &[PathBuf],
        task: Task,
        split: Split,
    ) -> Result<Located, GlueError> {
        let one = |name, substitute| {
            let path = folders
                .iter()
                .map(|folder| folder.join(name))
                .find(|path| path.is_file())?;
            Some(Located {
                files: vec![path],
                format: Format::Tsv,
                substitute,
            })
        };
        let official = official_tsv(task, split);
        if let Some(found) = one(official, None) {
            return Ok(found);
        }
        for folder in folders {
            let files = parquet_shards(folder, parquet_stem(task, split))?;
            if !files.is_empty() {
                return Ok(Located {
                    files,
                    format: Format::Parquet,
                    substitute: None,
                });
            }
        }
        let substitute = substitute_tsv(task, split);
        if let Some(found) = substitute.and_then(|name| one(name, Some(name))) {
            return Ok(found);
        }
        let mut looked_for = format!(
            "{task}/{official}, {}/{}-00000-of-00001.parquet",
            config(task),
            parquet_stem(task, split)
        );
        if let Some(name) = substitute {
            looked_for += &format!(", {task}/{name}");
        }
        Err(GlueError::Missing {
            root: self.root.clone(),
            task,
            split,
            looked_for,
        })
    }

    /// Folders named after the task: in the root, in its `glue` folder, or the root itself.
    fn task_folders(&self, task: Task) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        if self.own_task() == Some(task) {
            folders.push(self.root.clone());
        }
        for base in [self.root.clone(), self.root.join("glue")] {
            let entries = fs::read_dir(base).into_iter().flatten().flatten();
            let mut named: Vec<_> = entries
                .map(|entry| entry.path())
                .filter(|path| {
                    let name = path.file_name().and_then(|name| name.to_str());
                    name.and_then(|name| name.parse().ok()) == Some(task) && path.is_dir()
                })
                .collect();
            // The order of a folder's entries is the file system's; the result must not be.
            named.sort();
            folders.extend(named);
        }
        folders
    }
}

fn official_tsv(task: Task, split: Split) -> &'static str {
    match (task, split) {
        (_, Split::Train) => "train.tsv",
        (Task::Mnli, Split::Dev) => "dev_matched.tsv",
        (_, Split::Dev) => "dev.tsv",
        (Task::Mnli, Split::Test) => "test_matched.tsv",
        (_, Split::Test) => "test.tsv",
    }
}

fn substitute_tsv(task: Task, split: Split) -> Option<&'static str> {
    match (task, split) {
        (Task::Qqp, Split::Train) => Some("train_subset.tsv"),
        (Task::Qqp, Split::Dev) => Some("dev_substitute.tsv"),
        _ => None,
    }
}

fn parquet_stem(task: Task, split: Split) -> &'static str {
    match (task, split) {
        (_, Split::Train) => "train",
        (Task::Mnli, Split::Dev) => "validation_matched",
        (_, Split::Dev) => "validation",
        (Task::Mnli, Split::Test) => "test_matched",
        (_, Split::Test) => "test",
    }
}

/// `nyu-mll/glue`'s name for a task.
fn config(task: Task) -> String {
    task.name().replace('-', "").to_ascii_lowercase()
}

/// The files `<stem>-NNNNN-of-MMMMM.parquet` of a folder, all M of them, in order.
fn parquet_shards(folder: &Path, stem: &str) -> Result<Vec<PathBuf>, GlueError> {
    let mut shards: Vec<(usize, usize, PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let rest = name.to_str()?.strip_prefix(stem)?.strip_prefix('-')?;
            let (index, count) = rest.strip_suffix(".parquet")?.split_once("-of-")?;
            Some((count.parse().ok()?, index.parse().ok()?, entry.path()))
        })
        .collect();
    shards.sort();
    // With two sets of shards side by side, the smaller count is taken, whole.
    let Some(count) = shards.first().map(|shard| shard.0) else {
        return Ok(Vec::new());
    };
    shards.retain(|shard| shard.0 == count);
    let whole = shards.len() == count && shards.iter().enumerate().all(|(i, shard)| shard.1 == i);
    if !whole {
        return Err(GlueError::Request {
            what: folder.display().to_string(),
            reason: format!(
                "expected the {count} shards of {stem}, found {}; fetch the rest",
                shards.len()
            ),
        });
    }
    Ok(shards.into_iter().map(|shard| shard.2).collect())
}

/// Whether a folder is the starter set or a part of it (its `glue` folder, one task's folder).
fn is_starter(root: &Path) -> bool {
    root.ancestors()
        .take(3)
        .any(|folder| folder.ends_with("datasets/starter") || folder.join("STARTER.md").is_file())
        || root.join("glue/STARTER.md").is_file()
}
