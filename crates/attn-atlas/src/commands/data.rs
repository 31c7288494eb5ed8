//! `attn data`.

use crate::cli::DataCommand;
use crate::model::folder;
use attn_data::glue::{CheckTable, check};
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
            let faults = rows.iter().filter(|row| row.is_fault()).count();
            anyhow::ensure!(faults == 0, "{faults} files are broken, see the table");
            Ok(())
        }
    }
}
