//! Arguments of `attn lingua`: the tagger and parser behind Sections 4.4 and 4.5.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with the tagger and parser.
#[derive(Debug, Subcommand)]
pub enum LinguaCommand {
    /// Train them on a Universal Dependencies treebank.
    ///
    /// Needs PATH/*-ud-train.conllu; scores the model on the dev and test sections that lie beside it.
    Train(LinguaTrainArgs),
    /// Score a model on a treebank's dev and test sections, from gold words and from raw text.
    Evaluate(LinguaEvaluateArgs),
    /// Print words with part of speech, head and relation, as CoNLL-U.
    Annotate(LinguaAnnotateArgs),
}

/// Arguments of `attn lingua train`.
#[derive(Debug, Args)]
pub struct LinguaTrainArgs {
    /// Folder with en_ewt-ud-{train,dev,test}.conllu.
    #[arg(long, value_name = "PATH")]
    pub treebank: PathBuf,
    /// Seed of everything random; the same seed and treebank give the same bytes.
    #[arg(long, default_value_t = 42, value_name = "SEED")]
    pub seed: u64,
    /// The model file; the table of scores is written beside it, as FILE with .md.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `attn lingua evaluate`.
#[derive(Debug, Args)]
pub struct LinguaEvaluateArgs {
    /// Folder with en_ewt-ud-{dev,test}.conllu; en_pud-ud-test.conllu is scored as well when it is there.
    #[arg(long, value_name = "PATH")]
    pub treebank: PathBuf,
    /// A model of `attn lingua train` [default: the built-in one].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}

/// Arguments of `attn lingua annotate`.
#[derive(Debug, Args)]
pub struct LinguaAnnotateArgs {
    /// English texts.
    #[arg(required = true, value_name = "TEXT")]
    pub texts: Vec<String>,
    /// A model of `attn lingua train` [default: the built-in one].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}
