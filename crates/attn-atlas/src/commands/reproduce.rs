//! `attn reproduce`.

use super::{sep_cls, table1};
use crate::cli::{AmountArgs, Artefact, DataArgs, ReproduceArgs, SepClsArgs, Table1Args};
use attn_core::Split;
use attn_train::Init;
use clap::ValueEnum;

/// Regenerates what is asked for, or everything.
pub fn run(args: &ReproduceArgs) -> anyhow::Result<()> {
    let chosen = if args.only.is_empty() {
        Artefact::value_variants()
    } else {
        &args.only
    };
    let out = |experiment: &str| args.out.as_ref().map(|folder| folder.join(experiment));
    for artefact in chosen {
        match artefact {
            Artefact::SepCls => sep_cls::run(&SepClsArgs {
                model: args.model.clone(),
                data: DataArgs {
                    source: args.source.clone(),
                    split: Split::Dev,
                    max_eval: args.max_eval,
                    seed: args.seed,
                },
                tasks: args.tasks.clone(),
                out: out("sep-cls"),
            })?,
            Artefact::Table1 => table1::run(&Table1Args {
                model: args.model.clone(),
                source: args.source.clone(),
                tasks: args.tasks.clone(),
                amount: AmountArgs {
                    max_train: args.max_train,
                    max_eval: Some(args.max_eval),
                    sample_seed: args.seed,
                },
                recipe: args.recipe.clone(),
                seeds: args.seeds,
                seeds_large: None,
                inits: vec![Init::Pretrained, Init::Normal],
                no_train: false,
                checkpoints: args.checkpoints.clone(),
                out: out("table-1"),
            })?,
        }
    }
    Ok(())
}
