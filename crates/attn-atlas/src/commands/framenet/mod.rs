//! `attn framenet`.

mod score;

pub use score::run as score;

use crate::cli::FrameNetCommand;
use attn_core::place::{Output, check};
use attn_data::framenet::{FrameNet, Strictness, filter, write_links};

/// Filters sentences and prints the funnel, or scores heads.
pub fn run(command: FrameNetCommand) -> anyhow::Result<()> {
    match command {
        FrameNetCommand::Score(args) => score(&args),
        FrameNetCommand::Filter {
            framenet,
            reading,
            out,
            lenient,
        } => {
            check(&out, Output::Marked(&[b"\"lexical_unit\""]), &[&framenet])?;
            let strictness = if lenient {
                Strictness::Lenient
            } else {
                Strictness::default()
            };
            let framenet = FrameNet::open(&framenet)?.with_strictness(strictness);
            let filtered = filter(&framenet, reading)?;
            write_links(&out, &filtered.links)?;
            println!("{}", filtered.funnel);
            for note in filtered.report.notes() {
                println!("note: {note}");
            }
            println!("{}", out.display());
            Ok(())
        }
    }
}
