//! Arguments of the command that disables heads.

use super::{DataArgs, ModelArgs};
use attn_core::{HeadId, Metric, Mode, Task};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

/// Heads to disable together, written `3:0,1:11`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadSet(pub Vec<HeadId>);

impl FromStr for HeadSet {
    type Err = attn_core::ParseHeadError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let heads = text.split(',').map(|part| part.trim().parse());
        Ok(Self(heads.collect::<Result<_, _>>()?))
    }
}

/// A metric by its name in records.
fn metric(name: &str) -> Result<Metric, String> {
    const ALL: [Metric; 6] = [
        Metric::Accuracy,
        Metric::F1,
        Metric::Matthews,
        Metric::Pearson,
        Metric::Spearman,
        Metric::PearsonSpearman,
    ];
    ALL.into_iter().find(|m| m.name() == name).ok_or_else(|| {
        let names = ALL.map(Metric::name).join(", ");
        format!("unknown score '{name}': expected one of {names}")
    })
}

/// Arguments of `attn ablate`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct AblateArgs {
    #[command(subcommand)]
    pub command: Option<AblateCommand>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    /// The GLUE task that the model was fine-tuned for (with --text-a, your own file is the task).
    #[arg(long, required_unless_present = "text_a", conflicts_with = "text_a")]
    pub task: Option<Task>,
    /// Names of the model's classes in the order of its outputs, in place of its configuration's.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub labels: Vec<String>,
    /// Every single head and every whole layer (the default unless heads, layers or random sets are
    /// named).
    #[arg(long)]
    pub sweep: bool,
    /// Heads to disable together, layer:head from 0; may be given several times.
    #[arg(long, value_name = "L:H,…")]
    pub heads: Vec<HeadSet>,
    /// Whole layers, from 0, one at a time.
    #[arg(long, value_delimiter = ',', value_name = "L,…")]
    pub layers: Vec<usize>,
    /// So many random sets of heads.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub random: usize,
    /// Heads in a random set [default: as many as a layer has].
    #[arg(long, value_name = "N")]
    pub random_size: Option<usize>,
    /// What a disabled head attends to instead: uniform (1/L, the paper's), zero (nothing) or mean
    /// (its mean map over the examples of the same length).
    #[arg(long, default_value_t = Mode::Uniform)]
    pub mode: Mode,
    /// After the sweep, each head's importance by gradients, and how its ranks agree with the ablation's.
    #[arg(long)]
    pub importance: bool,
    /// After the sweep, --importance, and curves that disable more and more heads: by ablation, by
    /// gradient and at random.
    #[arg(long)]
    pub cumulative: bool,
    /// Points of those curves.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub steps: usize,
    /// What the model is called in records [default: its folder's name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder for predictions, records, tables and figures.
    #[arg(long, value_name = "DIR", required = true)]
    pub out: Option<PathBuf>,
}

/// Subcommands of `attn ablate`.
#[derive(Debug, Subcommand)]
pub enum AblateCommand {
    /// Draw the sweeps of several runs as one Figure 8, one Figure 9 and one forest plot, and put
    /// their claims into one table.
    Figures(AblateFiguresArgs),
}

/// Arguments of `attn ablate figures`.
#[derive(Debug, Args)]
pub struct AblateFiguresArgs {
    /// Folders that attn ablate wrote.
    #[arg(required = true, value_name = "RUN_DIR")]
    pub runs: Vec<PathBuf>,
    /// The score to show, for example accuracy [default: each task's main one].
    #[arg(long, value_parser = metric, value_name = "SCORE")]
    pub metric: Option<Metric>,
    /// Folder for figures and tables.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn parse(line: &str) -> Result<AblateArgs, clap::Error> {
        match Cli::try_parse_from(line.split(' '))?.command {
            Command::Ablate(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sets_repeat_and_figures_need_neither_task_nor_out() {
        let args =
            parse("attn ablate --task RTE --out x --heads 3:0,1:11 --heads 0:2 --layers 2,3")
                .unwrap();
        assert_eq!(args.heads.len(), 2);
        assert_eq!(args.heads[0].0, ["3:0", "1:11"].map(|h| h.parse().unwrap()));
        assert_eq!(
            (args.layers.as_slice(), args.mode),
            ([2, 3].as_slice(), Mode::Uniform)
        );
        let args = parse("attn ablate figures a b --out x --metric accuracy").unwrap();
        let Some(AblateCommand::Figures(figures)) = args.command else {
            panic!("no subcommand");
        };
        assert_eq!(
            (figures.runs.len(), figures.metric),
            (2, Some(Metric::Accuracy))
        );
        for (line, expected) in [
            ("attn ablate --task RTE", "--out"),
            ("attn ablate --out x", "--task"),
            ("attn ablate --task RTE --out x --heads 3", "layer:head"),
            (
                "attn ablate --task RTE --out x --mode off",
                "uniform, zero or mean",
            ),
            (
                "attn ablate figures a --out x --metric acc",
                "pearson_spearman",
            ),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
