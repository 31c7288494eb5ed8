//! The command line.

// Documentation comments are the program's help texts here: brackets and angles stand for themselves.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]

mod ablation;
mod lingua;
mod pages;
mod patterns;
mod reproduce;
mod stats;
mod training;

pub use ablation::{AblateArgs, AblateCommand, AblateFiguresArgs, AblateRecomputeArgs};
pub use lingua::{LinguaAnnotateArgs, LinguaCommand, LinguaEvaluateArgs, LinguaTrainArgs};
pub use pages::{ReportArgs, ViewArgs};
pub use patterns::{
    AgreeArgs, AnnotateArgs, ClassifyArgs, ErrorsArgs, ExamplesArgs, GridArgs, LabelledArgs,
    MapsCommand, NetworkArgs, PatternEvaluateArgs, PatternTrainArgs, PatternsCommand, SampleArgs,
    SharesArgs, SheetsArgs,
};
pub use reproduce::{Artefact, ReproduceArgs};
pub use stats::{ScoreArgs, StatsArgs};
pub use training::{AmountArgs, EvaluateArgs, FinetuneArgs, RecipeArgs, Table1Args};

use crate::held_out::{HeldOut, TrainedOn};
use attn_bert::Backend;
use attn_core::{HeadId, Reading, Split, Task};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Component, Path, PathBuf};

/// Measures what the attention heads of BERT do.
#[derive(Debug, Parser)]
#[command(name = "attn", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One subcommand a stage.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the backends that this build contains.
    Devices,
    /// Download models and data sets into the cache, and verify them.
    Fetch(FetchArgs),
    /// Write the attention maps of texts to a file for other programs (safetensors or .npz).
    Extract(ExtractArgs),
    /// Fine-tune a model on a task.
    Finetune(FinetuneArgs),
    /// Score a fine-tuned model and write its logits.
    Evaluate(EvaluateArgs),
    /// Fine-tuned from pre-trained and from random weights, and not tuned at all (Table 1).
    Table1(Table1Args),
    /// Disable heads and layers of a fine-tuned model (Figures 8 and 9, Section 4.6).
    Ablate(Box<AblateArgs>),
    /// Attention to [SEP] and [CLS] for each head (Figure 6, Section 4.4).
    SepCls(SepClsArgs),
    /// Sample and draw attention maps for labelling (Section 4.1).
    #[command(subcommand)]
    Maps(MapsCommand),
    /// Write a page for labelling maps in a browser.
    Annotate(AnnotateArgs),
    /// The five patterns: labels, the network that sorts maps, Figures 1 and 2, Appendix A.
    #[command(subcommand)]
    Patterns(Box<PatternsCommand>),
    /// Sort every head's maps into the five patterns.
    Classify(Box<ClassifyArgs>),
    /// Show the attention maps of one input: a page to explore all heads, or a figure (SVG, PNG, PDF) of some.
    View(ViewArgs),
    /// Put the figures, tables and manifests of runs into one page, report.html, and REPORT.md.
    Report(ReportArgs),
    /// What the heads attend to: Figures 5, 6 and 7, Sections 4.4, 4.5 and 5, and how heads differ.
    ///
    /// All statistics come from one pass. {task} in --model stands for each task's name, so that every
    /// task can have its own fine-tuned model: --model checkpoints/{task}-pretrained-s1.
    Stats(StatsArgs),
    /// Look at GLUE data.
    #[command(subcommand)]
    Data(DataCommand),
    /// Look at FrameNet data, and score heads with it (Figure 3).
    #[command(subcommand)]
    Framenet(FrameNetCommand),
    /// The tagger and parser that find nouns, subjects and links (Sections 4.4 and 4.5).
    #[command(subcommand)]
    Lingua(LinguaCommand),
    /// Regenerate the paper's tables and figures, one stage after the other.
    Reproduce(Box<ReproduceArgs>),
}

/// Where downloads go and whether there may be any.
#[derive(Debug, Clone, Args)]
pub struct CacheArgs {
    /// Folder for downloads [default: $ATTN_CACHE, else the system's cache folder].
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Never use the network or pip.
    #[arg(long)]
    pub offline: bool,
    /// Another list of artefacts in place of the built-in one (datasets/sources.toml).
    #[arg(long, value_name = "FILE")]
    pub sources: Option<PathBuf>,
}

/// Arguments of `attn fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// What to fetch; without names, what there is and what is cached is listed.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Hash cached files anew, too.
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Which model, on what.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// A name from `attn fetch`, or a checkpoint folder in Hugging Face's layout. Where a command
    /// takes several tasks, {task} in it stands for each one's name.
    #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
    pub model: PathBuf,
    /// What computes: flex (CPU), wgpu or cuda, as far as compiled in.
    #[arg(long, default_value_t = Backend::Flex)]
    pub backend: Backend,
    /// Which device of the backend, from 0.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub device: usize,
    /// Longest input in word pieces, special tokens included; the longer text is cut first.
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub max_length: usize,
    #[command(flatten)]
    pub cache: CacheArgs,
}

impl ModelArgs {
    /// Whether each task has a model of its own.
    pub fn varies(&self) -> bool {
        self.model.to_string_lossy().contains("{task}")
    }

    /// The model for a task.
    pub fn for_task(&self, task: Task) -> Self {
        Self {
            model: named(&self.model, task),
            ..self.clone()
        }
    }
}

/// A path with a task's name for `{task}`; parts that are not UTF-8 stay.
fn named(path: &Path, task: Task) -> PathBuf {
    let part = |part: Component<'_>| match part.as_os_str().to_str() {
        Some(text) => PathBuf::from(text.replace("{task}", task.name())),
        None => PathBuf::from(part.as_os_str()),
    };
    path.components().map(part).collect()
}

/// Where labelled data lies and how it is read.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// Folder with GLUE's task folders (TSV, or nyu-mll/glue's Parquet); with --text-a, one .csv, .tsv
    /// or .jsonl file of your own.
    #[arg(long, default_value = "datasets/starter", value_name = "DIR|FILE")]
    pub data: PathBuf,
    /// Skip broken rows and count them, rather than stop at the first.
    #[arg(long)]
    pub lenient: bool,
    /// Your own file: the column of the first text.
    #[arg(long, value_name = "COLUMN")]
    pub text_a: Option<String>,
    /// Your own file: the column of the second text.
    #[arg(long, value_name = "COLUMN", requires = "text_a")]
    pub text_b: Option<String>,
    /// Your own file: the column of the label.
    #[arg(long, value_name = "COLUMN", requires = "text_a")]
    pub label: Option<String>,
    /// Your own file: labels are numbers to predict, not classes.
    #[arg(long, requires = "label")]
    pub regression: bool,
    /// Where training rows come from: the training file; a fixed split of the dev rows; or the file
    /// where there is one, else the split. Dev is what remains; where nothing was trained on the rows,
    /// auto leaves all of them in dev. A split of GLUE's dev rows is grouped: no premise, sentence or
    /// question stands on both sides.
    #[arg(long, default_value = "auto", value_name = "file|split-dev|auto")]
    pub train_from: TrainFrom,
    /// Your own file: rows with the same value in this column stay on one side of the split (a document
    /// or an author, or a column of texts). May be given several times; rows that are tied over other
    /// rows stay together, too.
    #[arg(long, value_name = "COLUMN", requires = "text_a")]
    pub group_by: Vec<String>,
    /// Split GLUE's dev rows one by one, as before they were grouped: for models that were tuned on such
    /// a split, which must be scored on its rest.
    #[arg(long, conflicts_with = "text_a")]
    pub ungrouped: bool,
    /// Share of the dev rows (or of your own file) that a split gives to training.
    #[arg(long, default_value_t = 0.8, value_name = "SHARE")]
    pub train_fraction: f64,
    /// Seed of that split; the same for all trainings, so that all are evaluated on the same rows.
    #[arg(long, default_value_t = 42, value_name = "SEED")]
    pub split_seed: u64,
    /// What models have seen of the data; the commands fill it in.
    #[arg(skip)]
    pub held_out: HeldOut,
}

impl SourceArgs {
    /// The same for a command that looks at models and trains none of them.
    pub fn beside<'a>(&self, models: impl IntoIterator<Item = &'a TrainedOn>) -> Self {
        let mut source = self.clone();
        if let HeldOut::Models(known) = &mut source.held_out {
            known.extend(models.into_iter().cloned());
        }
        source
    }

    /// The same for a command that trains.
    pub fn of_training(&self) -> Self {
        Self {
            held_out: HeldOut::Training,
            ..self.clone()
        }
    }
}

/// Where training rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrainFrom {
    /// The training file.
    File,
    /// A fixed split of the dev rows.
    SplitDev,
    /// The training file where there is one, else a split of the dev rows.
    Auto,
}

/// Which labelled data, and how much of it.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// Part of the data: train, dev, or test (GLUE's test sets, for what needs no labels).
    #[arg(long, default_value_t = Split::Dev)]
    pub split: Split,
    /// At most so many examples of each task, drawn at random (the paper's limit).
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub max_eval: usize,
    /// Seed of everything random: the sample and the bootstrap.
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}

/// Which heads.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectArgs {
    /// Single heads, separated by commas. 3-4 is the fourth head of the third layer, counted from 1 as in
    /// tables and figures; 2:3 is the same head, counted from 0 as in records.
    #[arg(
        long,
        visible_alias = "head",
        value_delimiter = ',',
        value_name = "HEAD,…",
        conflicts_with = "layers"
    )]
    pub heads: Vec<HeadId>,
    /// All heads of these layers, counted from 0, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "LAYER,…")]
    pub layers: Vec<usize>,
}

impl DataArgs {
    /// As [`SourceArgs::beside`].
    pub fn beside<'a>(&self, models: impl IntoIterator<Item = &'a TrainedOn>) -> Self {
        Self {
            source: self.source.beside(models),
            ..self.clone()
        }
    }
}

/// Arguments of `attn extract`.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Text file: one sentence a line, or two separated by a tab.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["task", "text_a"],
        conflicts_with_all = ["task", "text_a"]
    )]
    pub input: Option<PathBuf>,
    /// A GLUE task to read from --data in place of a text file.
    #[arg(long, conflicts_with = "text_a")]
    pub task: Option<Task>,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub select: SelectArgs,
    /// Merge subword tokens into words: weights summed over a word's tokens as keys, averaged over them as
    /// queries. `tokens` in the file are then the words.
    #[arg(long, conflicts_with = "hidden")]
    pub words: bool,
    /// The file to write: tensors maps.<i> of [layers, heads, L, L], f32 (with --heads [heads, L, L]).
    /// .safetensors, or .npz for NumPy's format.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write hidden.<i> of [layers + 1, L, hidden] as well.
    #[arg(long)]
    pub hidden: bool,
}

/// Arguments of `attn sep-cls`.
#[derive(Debug, Clone, Args)]
pub struct SepClsArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub data: DataArgs,
    /// Tasks, separated by commas [default: the paper's seven, as far as --data has them].
    #[arg(long, value_delimiter = ',', value_name = "TASK,…")]
    pub tasks: Vec<Task>,
    /// Folder for records, tables and figures [default: results/<model>-<data>/sep-cls].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Subcommands of `attn data`.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Check a folder: rows against the official counts, labels, lengths, hashes, a verdict.
    Check {
        /// Folder with GLUE's task folders.
        path: PathBuf,
        /// Measure lengths in this model's word pieces (a cached name or a folder).
        #[arg(long, default_value = "all-MiniLM-L6-v2", value_name = "NAME|PATH")]
        model: PathBuf,
        #[command(flatten)]
        cache: CacheArgs,
    },
}

/// Subcommands of `attn framenet`.
#[derive(Debug, Subcommand)]
pub enum FrameNetCommand {
    /// How much each head attends along annotated links (Figure 3, Section 4.2).
    Score(ScoreArgs),
    /// Find the sentences of Section 4.2 and print how many each condition leaves.
    Filter {
        /// FrameNet 1.7: a folder, or NLTK's framenet_v17.zip.
        #[arg(long, value_name = "PATH")]
        framenet: PathBuf,
        /// The paper's words or the authors' code.
        #[arg(long, default_value_t = Reading::Paper)]
        reading: Reading,
        /// File to write: JSON Lines, one sentence a line.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Skip broken lexical units and count them, rather than stop at the first.
        #[arg(long)]
        lenient: bool,
    },
}
