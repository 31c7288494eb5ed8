//! `attn data`.

use crate::cli::DataCommand;
use crate::model::folder;
use attn_data::glue::{CheckRow, CheckTable, check};
use attn_data::tokenise::Tokenizer;

/// Word pieces enough for any example: lengths are measured before truncation.
const NO_LIMIT: usize = 1 << 20;

/// Checks data folders.
pub fn run(command: DataCommand) -> anyhow::Result<()> {
    match command {
        DataCommand::Check { path, model, cache } => {
            let tokenizer = Tokenizer::open(&folder(&model, &cache)?, NO_LIMIT)?;
            let length =
                |example: &attn_core::Example| tokenizer.encode(example).map_or(0, |e| e.len());
            let rows = check(&path, Some(&length))?;
            print!("{}", CheckTable(&rows));
            let count = |of: fn(&CheckRow) -> bool| rows.iter().filter(|row| of(row)).count();
            let faults = faults(count(CheckRow::is_broken), count(CheckRow::differs));
            anyhow::ensure!(faults.is_empty(), "{faults}, see the table");
            Ok(())
        }
    }
}

/// What is wrong, in words; nothing when nothing is.
fn faults(broken: usize, differing: usize) -> String {
    let files = |n: usize| if n == 1 { "1 file" } else { "files" };
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("{} {one}", files(1))),
        n => Some(format!("{n} {} {many}", files(n))),
    };
    let parts = [
        count(broken, "is broken", "are broken"),
        count(differing, "differs from official", "differ from official"),
    ];
    parts
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_counts_are_not_called_broken() {
        for (broken, differing, expected) in [
            (0, 0, ""),
            (1, 0, "1 file is broken"),
            (0, 1, "1 file differs from official"),
            (0, 3, "3 files differ from official"),
            (2, 1, "2 files are broken and 1 file differs from official"),
        ] {
            assert_eq!(faults(broken, differing), expected);
        }
    }
}
