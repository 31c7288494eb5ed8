//! `attn reproduce`.

use super::sep_cls;
use crate::cli::{Artefact, ReproduceArgs};
use clap::ValueEnum;

/// Regenerates what is asked for, or everything.
pub fn run(args: &ReproduceArgs) -> anyhow::Result<()> {
    let chosen = if args.only.is_empty() {
        Artefact::value_variants()
    } else {
        &args.only
    };
    for artefact in chosen {
        match artefact {
            Artefact::SepCls => sep_cls::run(&args.sep_cls)?,
        }
    }
    Ok(())
}
