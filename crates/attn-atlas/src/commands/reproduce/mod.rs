//! `attn reproduce`: the stages of the paper, one after the other.
//!
//! Each stage is a command of its own with its own folder and finds by itself what it has done
//! before; this only passes the options on and keeps two runs from writing into one folder.

mod plan;
mod profile;

use super::{ablate, framenet, patterns, report, sep_cls, stats, table1};
use crate::cli::{
    AblateArgs, AblateFiguresArgs, AmountArgs, Artefact, Cli, Command, DataArgs, ExamplesArgs,
    GridArgs, NetworkArgs, PatternsCommand, ReportArgs, ReproduceArgs, ScoreArgs, SepClsArgs,
    SharesArgs, StatsArgs, Table1Args,
};
use crate::inputs::{self, data_name};
use crate::model::store;
use crate::training::is_whole;
use anyhow::{Context, bail};
use attn_core::{Mode, Split, Task};
use attn_train::Init;
use clap::Parser;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Held while a run writes into a folder.
const LOCK: &str = ".lock";
/// The training whose maps and heads are looked at.
const SHOWN_SEED: u64 = 1;

/// Regenerates what is asked for, or everything.
pub fn run(args: &ReproduceArgs) -> anyhow::Result<()> {
    // The words after `reproduce`, as the user wrote them.
    let given: Vec<OsString> = std::env::args_os().skip(2).collect();
    let line = ["attn", "reproduce"].map(OsString::from);
    let options = profile::options(&args.profile, &given)?;
    let options = options.into_iter().map(OsString::from);
    let whole = line.into_iter().chain(options).chain(given);
    match Cli::try_parse_from(whole) {
        Ok(Cli {
            command: Command::Reproduce(mut args),
        }) => {
            // All stages look at the rows that Table 1's trainings leave them.
            args.source = args.source.of_training();
            reproduce(&args)
        }
        Ok(_) => bail!("give the options after `reproduce`"),
        Err(error) => bail!("profile '{}': {error}", args.profile),
    }
}

fn reproduce(args: &ReproduceArgs) -> anyhow::Result<()> {
    let mut chosen = if args.only.is_empty() {
        Artefact::DEFAULT.to_vec()
    } else {
        args.only.clone()
    };
    if args.framenet.is_none() && args.only.is_empty() {
        eprintln!("note: no --framenet: Figure 3 is left out");
        chosen.retain(|&artefact| artefact != Artefact::Framenet);
    }
    let pipeline = Pipeline::new(args)?;
    if args.dry_run {
        return plan::print(args, &pipeline.tasks, &chosen, &pipeline.out);
    }
    let _lock = lock(&pipeline.out)?;
    let count = chosen.len();
    for (place, artefact) in chosen.into_iter().enumerate() {
        eprintln!("== {} ({} of {count})", artefact.name(), place + 1);
        pipeline.run(artefact)?;
    }
    println!("{}", pipeline.out.display());
    Ok(())
}

/// Takes a results folder for this run alone.
///
/// # Errors
/// Another run holds it, or it cannot be made.
fn lock(folder: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make", folder.display()))?;
    let path = folder.join(LOCK);
    let file = File::create(&path).with_context(|| format!("{}: cannot write", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another run is writing here; wait for it, or give --out another folder",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{}: cannot lock", path.display()))
        }
    }
}

/// The options, worked out.
struct Pipeline<'a> {
    args: &'a ReproduceArgs,
    tasks: Vec<Task>,
    out: PathBuf,
    checkpoints: PathBuf,
    /// What the model is called in records.
    model_name: String,
}

impl<'a> Pipeline<'a> {
    fn new(args: &'a ReproduceArgs) -> anyhow::Result<Self> {
        let tasks = inputs::tasks(&args.source, &args.tasks, Split::Dev)?;
        let model = args
            .model
            .model
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = format!("{model}-{}", data_name(&args.source.data));
        let checkpoints = match &args.checkpoints {
            Some(folder) => folder.clone(),
            None => store(&args.model.cache)?
                .0
                .root()
                .join("checkpoints")
                .join(&name),
        };
        let out = args.out.clone();
        Ok(Self {
            args,
            tasks,
            out: out.unwrap_or_else(|| Path::new("results").join(&name)),
            checkpoints,
            model_name: model,
        })
    }

    fn run(&self, artefact: Artefact) -> anyhow::Result<()> {
        let args = self.args;
        let out = Some(self.out.join(artefact.name()));
        match artefact {
            Artefact::Table1 => self.table1(&[Init::Pretrained, Init::Normal]),
            Artefact::SepCls => sep_cls::run(&SepClsArgs {
                model: args.model.clone(),
                data: self.data(),
                tasks: self.tasks.clone(),
                out,
            }),
            Artefact::Framenet => framenet::score(&ScoreArgs {
                model: args.model.clone(),
                framenet: args.framenet.clone().context(
                    "--framenet is missing: Figure 3 needs FrameNet 1.7 (a folder, or framenet_v17.zip)",
                )?,
                sentences: attn_core::Reading::Authors,
                shuffles: 1000,
                seed: args.seed,
                lenient: args.source.lenient,
                out,
            }),
            Artefact::Stats => {
                self.needs_tuned()?;
                stats::run(&StatsArgs {
                    model: self.tuned("{task}"),
                    reference: Some(args.model.model.clone()),
                    data: self.data(),
                    tasks: self.tasks.clone(),
                    reading: args.reading,
                    annotations: None,
                    texts_out: None,
                    annotations_out: None,
                    divergence_rows: attn_stats::HeadDivergence::ROWS,
                    out,
                })
            }
            Artefact::Patterns => self.patterns(),
            Artefact::Ablation => self.ablation(),
            Artefact::Report => report::run(&ReportArgs {
                folder: self.out.clone(),
                out: None,
                title: None,
            }),
        }
    }

    fn data(&self) -> DataArgs {
        DataArgs {
            source: self.args.source.clone(),
            split: Split::Dev,
            max_eval: self.args.max_eval,
            seed: self.args.seed,
        }
    }

    /// The model that was tuned on a task.
    fn tuned(&self, task: &str) -> crate::cli::ModelArgs {
        let name = format!("{task}-{}-s{SHOWN_SEED}", Init::Pretrained);
        crate::cli::ModelArgs {
            model: self.checkpoints.join(name),
            ..self.args.model.clone()
        }
    }

    fn table1(&self, inits: &[Init]) -> anyhow::Result<()> {
        let args = self.args;
        table1::run(&Table1Args {
            model: args.model.clone(),
            source: args.source.clone(),
            tasks: self.tasks.clone(),
            amount: AmountArgs {
                max_train: args.max_train,
                max_eval: args.max_scored,
                sample_seed: args.seed,
            },
            max_train_large: args.max_train_large,
            recipe: args.recipe.clone(),
            seeds: args.seeds,
            seeds_large: args.seeds_large,
            inits: inits.to_vec(),
            no_train: false,
            checkpoints: Some(self.checkpoints.clone()),
            out: Some(self.out.join(Artefact::Table1.name())),
        })
    }

    /// Trains what the later stages look at, if Table 1 was not made.
    fn needs_tuned(&self) -> anyhow::Result<()> {
        let missing = self
            .tasks
            .iter()
            .any(|task| !is_whole(&self.tuned(task.name()).model));
        if missing {
            eprintln!(
                "note: not every task is fine-tuned (or its checkpoint is damaged): that comes first"
            );
            self.table1(&[Init::Pretrained])?;
        }
        Ok(())
    }

    fn patterns(&self) -> anyhow::Result<()> {
        self.needs_tuned()?;
        let folder = self.out.join(Artefact::Patterns.name());
        let network = NetworkArgs { network: None };
        patterns::run(&PatternsCommand::Shares(SharesArgs {
            model: self.args.model.clone(),
            data: self.data(),
            network,
            tasks: self.tasks.clone(),
            checkpoints: Some(self.checkpoints.clone()),
            errors: None,
            out: Some(folder.clone()),
        }))?;
        self.figure_1(&folder)?;
        patterns::run(&PatternsCommand::Grid(GridArgs {
            model: self.args.model.clone(),
            data: self.data(),
            tasks: self.tasks.clone(),
            checkpoints: Some(self.checkpoints.clone()),
            out: folder.join("figures"),
        }))
    }

    /// Figure 1 shows the project's labelled maps, whatever the model.
    fn figure_1(&self, folder: &Path) -> anyhow::Result<()> {
        let args = ExamplesArgs {
            out: folder.join("figures"),
            ..ExamplesArgs::default()
        };
        if args.maps.is_dir() && args.errors.is_file() {
            return patterns::run(&PatternsCommand::Examples(args));
        }
        eprintln!(
            "note: no {} or {} here: Figure 1 is left out",
            args.maps.display(),
            args.errors.display()
        );
        Ok(())
    }

    fn ablation(&self) -> anyhow::Result<()> {
        self.needs_tuned()?;
        let folder = self.out.join(Artefact::Ablation.name());
        let mut runs = Vec::new();
        for task in &self.tasks {
            let out = folder.join(task.name());
            ablate::run(&AblateArgs {
                command: None,
                model: self.tuned(task.name()),
                data: self.data(),
                task: Some(*task),
                labels: Vec::new(),
                sweep: true,
                heads: Vec::new(),
                layers: Vec::new(),
                random: 0,
                random_size: None,
                mode: Mode::Uniform,
                importance: true,
                cumulative: self.args.curve_points > 0,
                steps: self.args.curve_points.max(1),
                name: Some(self.model_name.clone()),
                out: Some(out.clone()),
            })?;
            runs.push(out);
        }
        ablate::figures(&AblateFiguresArgs {
            runs,
            metric: None,
            out: folder,
        })
    }
}
