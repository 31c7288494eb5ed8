//! Peak memory of a program, as the system counts it.
//!
//! Linux keeps the largest resident size that a process ever had (`VmHWM` in /proc/PID/status) but
//! drops it when the process ends, so a thread reads it again and again while the program runs. A
//! program under another (`--under`) is found through its parent. Elsewhere there is no figure.

use anyhow::{Context, bail};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks. A peak in a program's last moments can be missed by so much.
const INTERVAL: Duration = Duration::from_millis(10);

/// What a program printed, and the most memory that it or one of its children held.
#[derive(Debug)]
pub struct Watched {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Bytes; `None` where the system does not tell.
    pub peak: Option<u64>,
}

/// Runs a program to its end. What it says on standard error is kept, and shows when it fails.
///
/// # Errors
/// When it does not start or fails.
pub fn watch(command: &mut Command) -> anyhow::Result<Watched> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let (process, ended) = (child.id(), AtomicBool::new(false));
    let (output, peak) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = None;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(peak(Path::new("/proc"), process));
                std::thread::sleep(INTERVAL);
            }
            most
        });
        let output = child.wait_with_output();
        ended.store(true, Ordering::Relaxed);
        (output, watcher.join().unwrap_or(None))
    });
    let output = output?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if !output.status.success() {
        bail!("{name} failed ({}):\n{stdout}\n{stderr}", output.status);
    }
    Ok(Watched {
        stdout,
        stderr,
        peak,
    })
}

/// The largest resident size, in bytes, that a process or one of its descendants has had so far.
fn peak(proc: &Path, process: u32) -> Option<u64> {
    let folder = proc.join(process.to_string());
    let own = std::fs::read_to_string(folder.join("status"))
        .ok()
        .and_then(|status| high_water_mark(&status));
    let children = folder.join("task").join(process.to_string());
    let children = std::fs::read_to_string(children.join("children")).unwrap_or_default();
    let descendants = children
        .split_whitespace()
        .filter_map(|child| peak(proc, child.parse().ok()?))
        .max();
    own.max(descendants)
}

/// `VmHWM` of a status file, in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Bytes as MiB for people.
pub fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(
        || "unknown".to_owned(),
        |bytes| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_counts_what_its_child_holds() {
        let folder = tempfile::tempdir().unwrap();
        let process = |id: u32, kilobytes: u32, children: &str| {
            let task = folder.path().join(format!("{id}/task/{id}"));
            std::fs::create_dir_all(&task).unwrap();
            let status = format!("Name:\tattn\nVmPeak:\t 9 kB\nVmHWM:\t {kilobytes} kB\n");
            std::fs::write(folder.path().join(format!("{id}/status")), status).unwrap();
            std::fs::write(task.join("children"), children).unwrap();
        };
        process(1, 10, "2 3 ");
        process(2, 70, "");
        process(3, 20, "4");
        assert_eq!(peak(folder.path(), 1), Some(70 * 1024));
        assert_eq!(peak(folder.path(), 3), Some(20 * 1024));
        assert_eq!(peak(folder.path(), 4), None);
        // A process that has ended but was not asked for has no sizes.
        assert_eq!(high_water_mark("Name:\tattn\nState:\tZ (zombie)\n"), None);
        assert_eq!(mebibytes(Some(3 << 20)), "3 MiB");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_is_watched_and_its_failure_is_told() {
        let watched =
            watch(Command::new("sh").args(["-c", "echo one; echo apart >&2; sleep 0.2; echo two"]));
        let watched = watched.unwrap();
        assert_eq!(watched.stdout, "one\ntwo\n");
        assert_eq!(watched.stderr, "apart\n");
        assert!(watched.peak.unwrap() > 100_000, "{:?}", watched.peak);
        let error = watch(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }
}
