//! How good an annotator is on a treebank.
//!
//! Three inputs: gold words; the raw text of each gold sentence (our words); the raw text of
//! whole paragraphs (our sentences and words). Words are aligned by their characters, and every
//! score is F1 as in the CoNLL 2018 shared task (on gold words precision, recall and F1 are the
//! same number). As there, LAS looks at relations without subtypes; `las_full` has them. Unlike
//! there, parts of a contraction are aligned by their own characters, not by longest common
//! subsequence.

mod count;

use crate::annotate::{Annotator, Chars, Word};
use crate::conllu::{Sentence, SpanError};
use count::Counts;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the annotator was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The treebank's own sentences and words.
    GoldWords,
    /// The text of each sentence.
    RawSentences,
    /// The text of each paragraph.
    RawText,
}

impl Input {
    /// All three.
    pub const ALL: [Input; 3] = [Input::GoldWords, Input::RawSentences, Input::RawText];
}

/// Precision and recall in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    /// Of what was found, how much is right.
    pub precision: f64,
    /// Of what there is, how much was found.
    pub recall: f64,
}

/// Scores on one treebank section in one way. All in per cent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The section, as the caller names it.
    pub section: String,
    /// What was given.
    pub input: Input,
    /// Whether all text was lower-cased first.
    pub lowered: bool,
    /// Gold sentences.
    pub sentences: usize,
    /// Gold words.
    pub words: usize,
    /// F1 of words (100 on gold words).
    pub word_f1: f64,
    /// F1 of sentences: same first and last character.
    pub sentence_f1: f64,
    /// Universal part of speech.
    pub upos: f64,
    /// Penn tag.
    pub xpos: f64,
    /// Head.
    pub uas: f64,
    /// Head and relation without subtype.
    pub las: f64,
    /// Head and relation with subtype.
    pub las_full: f64,
    /// Words that are subjects (`nsubj` and subtypes), whatever their head.
    pub subjects: PrecisionRecall,
    /// Words that are direct objects (`obj`), whatever their head.
    pub objects: PrecisionRecall,
}

/// Scores of several sections and inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One row per section, input and casing.
    pub rows: Vec<Scores>,
}

/// A gold sentence whose words are not in its own text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{section}, sentence at line {line}: {problem}")]
pub struct EvaluateError {
    /// The section.
    pub section: String,
    /// Line where the sentence starts.
    pub line: usize,
    /// What does not fit.
    pub problem: SpanError,
}

/// Scores `annotator` on a section, with all three inputs, as written and lower-cased.
///
/// # Errors
/// If a `# text` comment does not hold the words of its sentence.
pub fn evaluate(
    annotator: &Annotator,
    section: &str,
    gold: &[Sentence],
) -> Result<Report, EvaluateError> {
    let mut report = Report::default();
    for input in Input::ALL {
        for lowered in [false, true] {
            report
                .rows
                .push(score(annotator, section, gold, input, lowered)?);
        }
    }
    Ok(report)
}

/// Scores `annotator` in one way.
///
/// # Errors
/// See [`evaluate`].
pub fn score(
    annotator: &Annotator,
    section: &str,
    gold: &[Sentence],
    input: Input,
    lowered: bool,
) -> Result<Scores, EvaluateError> {
    let units = group(gold, input);
    let counts: Vec<Counts> = units
        .par_iter()
        .map(|unit| {
            let (text, truth) =
                unit_of(unit, lowered).map_err(|(line, problem)| EvaluateError {
                    section: section.to_owned(),
                    line,
                    problem,
                })?;
            let guess = match input {
                Input::GoldWords => on_gold_words(annotator, &truth),
                _ => annotator.annotate(&text),
            };
            Ok(Counts::compare(&truth, &guess))
        })
        .collect::<Result<_, EvaluateError>>()?;
    let mut sum = Counts::default();
    for count in &counts {
        sum.add(count);
    }
    Ok(sum.scores(section, input, lowered))
}

/// Sentences that are annotated together.
fn group(gold: &[Sentence], input: Input) -> Vec<&[Sentence]> {
    match input {
        Input::RawText => {
            let begins = |s: &Sentence| {
                s.comments
                    .iter()
                    .any(|c| c.starts_with("# newpar") || c.starts_with("# newdoc"))
            };
            gold.chunk_by(|_, next| !begins(next)).collect()
        }
        _ => gold.chunks(1).collect(),
    }
}

/// The text of a unit and its gold words in it.
fn unit_of(unit: &[Sentence], lowered: bool) -> Result<(String, Vec<Word>), (usize, SpanError)> {
    let mut text = String::new();
    let mut words = Vec::new();
    for (number, sentence) in unit.iter().enumerate() {
        let from = text.len();
        text.push_str(&sentence.text());
        text.push(' ');
        let (spans, _) = sentence
            .spans(&text, from)
            .map_err(|problem| (sentence.line, problem))?;
        let base = words.len();
        for (word, bytes) in sentence.words.iter().zip(spans) {
            words.push(Word {
                text: word.form.clone(),
                chars: 0..0,
                bytes,
                upos: word.upos.clone(),
                xpos: word.xpos.clone(),
                head: word.head.map(|head| head + base),
                deprel: word.deprel.clone(),
                sentence: number,
            });
        }
    }
    let mut chars = Chars::new(&text);
    for word in &mut words {
        word.chars = chars.of(&word.bytes);
        if lowered {
            word.text = word.text.to_lowercase();
        }
    }
    // Characters that grow when lower-cased would move every offset behind them.
    let lower = |c: char| {
        let mut low = c.to_lowercase();
        match (low.next(), low.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    };
    let text = if lowered {
        text.chars().map(lower).collect()
    } else {
        text
    };
    Ok((text, words))
}

fn on_gold_words(annotator: &Annotator, truth: &[Word]) -> Vec<Word> {
    let forms: Vec<&str> = truth.iter().map(|word| word.text.as_str()).collect();
    let parsed = annotator.annotate_words(&forms);
    let words = truth.iter().zip(parsed);
    words
        .map(|(word, p)| Word {
            upos: p.upos,
            xpos: p.xpos,
            head: p.head,
            deprel: p.deprel,
            ..word.clone()
        })
        .collect()
}

impl Report {
    /// The rows as a Markdown table.
    pub fn to_markdown(&self) -> String {
        let mut out = String::from(
            "| section | input | case | words | sentences | XPOS | UPOS | UAS | LAS | LAS with subtypes | subjects P / R | objects P / R |\n\
             |---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for row in &self.rows {
            let input = match row.input {
                Input::GoldWords => "gold words",
                Input::RawSentences => "raw sentences",
                Input::RawText => "raw text",
            };
            let case = if row.lowered { "lower" } else { "as is" };
            let (s, o) = (row.subjects, row.objects);
            out.push_str(&format!(
                "| {} | {input} | {case} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} / {:.1} | {:.1} / {:.1} |\n",
                row.section, row.word_f1, row.sentence_f1, row.xpos, row.upos, row.uas, row.las, row.las_full,
                s.precision, s.recall, o.precision, o.recall
            ));
        }
        out
    }
}
