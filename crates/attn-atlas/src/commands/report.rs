//! `attn report`.

use crate::cli::ReportArgs;

/// Collects runs and writes the two reports.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let _ = args;
    anyhow::bail!("not here yet")
}
