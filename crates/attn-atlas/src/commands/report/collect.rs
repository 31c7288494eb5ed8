//! Which folders a report shows, and in which order.

use super::stem;
use crate::cli::Artefact;
use anyhow::Context;
use attn_core::Task;
use clap::ValueEnum;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Folders below the given one in which runs are looked for.
const DEPTH: usize = 4;
/// The stages in the order in which the paper comes to them.
const STAGES: [Artefact; 6] = [
    Artefact::Patterns,
    Artefact::Framenet,
    Artefact::Table1,
    Artefact::Stats,
    Artefact::SepCls,
    Artefact::Ablation,
];

/// A folder to show.
pub struct Found {
    pub folder: PathBuf,
    /// Whether it is a finished run, with a manifest. If not, it holds what was drawn from the runs
    /// directly below it.
    pub run: bool,
}

/// Everything to show below a folder, itself included: stages in the paper's order, tasks in the
/// order of its tables, all else by name.
///
/// # Errors
/// A folder that cannot be read.
pub fn find(folder: &Path) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    collect(folder, DEPTH, &mut found)?;
    let place = |path: &Path| -> Vec<(usize, String)> {
        let parts = path.strip_prefix(folder).unwrap_or(path).iter();
        parts
            .map(|part| {
                let name = part.to_string_lossy();
                (rank(&name), name.into_owned())
            })
            .collect()
    };
    found.sort_by_key(|f| place(&f.folder));
    Ok(found)
}

fn rank(name: &str) -> usize {
    let stage = Artefact::from_str(name, false).ok();
    let stage = stage.and_then(|stage| STAGES.iter().position(|&s| s == stage));
    let task = name.parse::<Task>().ok();
    let task = task.and_then(|task| Task::ALL.iter().position(|&t| t == task));
    stage.or(task).map_or(0, |place| place + 1)
}

fn is_run(folder: &Path) -> bool {
    folder.join("manifest.json").is_file()
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<Found>) -> anyhow::Result<()> {
    let mut below = entries(folder)?;
    // A link could lead in a circle.
    below.retain(|path| path.is_dir() && !path.is_symlink());
    if is_run(folder) {
        found.push(Found {
            folder: folder.to_owned(),
            run: true,
        });
    } else if !files(&folder.join("figures"), "svg")?.is_empty()
        && below.iter().any(|path| is_run(path))
    {
        found.push(Found {
            folder: folder.to_owned(),
            run: false,
        });
    }
    if depth > 0 {
        for path in below {
            collect(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Entries of a folder by name; hidden ones are left out.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || format!("{}: cannot read the folder", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(read)? {
        let entry = entry.with_context(read)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Files of a folder with an extension, by name; none when there is no such folder.
pub fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = entries(folder)?;
    paths.retain(|p| p.is_file() && p.extension() == Some(OsStr::new(extension)));
    // By name without extension: `figure-6` comes before `figure-6-heads`.
    paths.sort_by_key(|p| stem(p));
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_tasks_come_in_the_papers_order() {
        let folder = tempfile::tempdir().unwrap();
        let runs = [
            "ablation/RTE",
            "ablation/MRPC",
            "stats",
            "another",
            "table1",
            "patterns",
        ];
        for run in runs {
            let run = folder.path().join(run);
            std::fs::create_dir_all(&run).unwrap();
            std::fs::write(run.join("manifest.json"), "{}").unwrap();
        }
        let found = find(folder.path()).unwrap();
        let names: Vec<String> = found
            .iter()
            .map(|f| {
                let place = f.folder.strip_prefix(folder.path()).unwrap();
                place.to_string_lossy().replace('\\', "/")
            })
            .collect();
        assert_eq!(
            names,
            [
                "another",
                "patterns",
                "table1",
                "stats",
                "ablation/MRPC",
                "ablation/RTE"
            ]
        );
    }
}
