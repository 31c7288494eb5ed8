//! Which sentences the experiment of Section 4.2 uses.
//!
//! Both readings look at one annotation set a sentence: the last that is not `UNANN` (NLTK's
//! reader lets later sets overwrite earlier ones; 1.7 has 1,119 sentences with more than one).
//! Tokens are those of [`word_tokenize`]. A frame element that is not said (null instantiation)
//! has no tokens and takes no part.
//!
//! # `authors`: 473 sentences
//! 1. At most 12 tokens.
//! 2. The target is one span.
//! 3. Every rank-1 element, tokenized by itself, has at most 3 tokens. Sentences without a
//!    said element pass.
//! 4. No token of a rank-1 element is within two tokens of the target. Both sides are compared as
//!    *strings*: each target token is looked up at its first occurrence in the sentence, and no
//!    element token may be spelled like a token from two before to two after it. A target that is
//!    not a token (`Mr` of `Mr.`) fails; without elements there is nothing to compare.
//! 5. At least one rank-1 element is in one of the frame's core sets (`FEcoreSet`). Those
//!    elements are the links. Most frames have no core set, so most sentences end here.
//!
//! # `paper`: the words of Section 4.2
//! 1. At most 12 tokens.
//! 2. At least one element of `coreType` `Core`, of any rank, and a target are marked.
//!    `Core-Unexpressed` does not count: by definition such an element is not said.
//! 3. Every marked core element covers at most 3 tokens.
//! 4. "The linked objects" are at least two tokens apart: the positions of every core element's
//!    tokens and of the target's differ by two or more, so that no link joins a token to itself
//!    or to its neighbour.

use super::tokenize::is_space;
use super::{
    AnnotationSet, CoreType, Frame, FrameNet, FrameNetError, Frames, LexicalUnit, Link,
    LinkElement, Report, Sentence, Span, Token, word_tokenize,
};
use attn_core::Reading;
use serde::{Deserialize, Serialize};

/// Longest sentence, in tokens.
const MAX_SENTENCE: usize = 12;
/// Longest frame element, in tokens.
const MAX_ELEMENT: usize = 3;
/// Tokens on either side of the target that must be free of elements (`authors`).
const WINDOW: usize = 2;
/// Least distance between linked tokens (`paper`).
const MIN_DISTANCE: usize = 2;

/// A stage of the filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// What it asks for.
    pub name: String,
    /// How many sentences are left after it.
    pub left: usize,
}

/// How many sentences each stage left, from all of them to those kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    /// The reading.
    pub reading: Reading,
    /// In order; the first counts all sentences.
    pub stages: Vec<Stage>,
}

impl Funnel {
    /// The number of sentences left by each stage.
    pub fn counts(&self) -> Vec<usize> {
        self.stages.iter().map(|s| s.left).collect()
    }
}

impl std::fmt::Display for Funnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "FrameNet sentences, reading '{}':", self.reading)?;
        for stage in &self.stages {
            writeln!(f, "{:>9}  {}", stage.left, stage.name)?;
        }
        Ok(())
    }
}

/// What [`filter`] found.
#[derive(Debug)]
pub struct Filtered {
    /// The kept sentences, by lexical unit's number and then in the file's order.
    pub links: Vec<Link>,
    /// How they came to be.
    pub funnel: Funnel,
    /// What was left out while reading.
    pub report: Report,
}

/// Runs the filter over the whole release, in parallel; the result does not depend on the number
/// of threads.
///
/// # Errors
/// As [`FrameNet::frames`] and [`FrameNet::map_units`]; [`FrameNetError::UnknownFrame`] for a unit
/// whose frame is missing.
pub fn filter(framenet: &FrameNet, reading: Reading) -> Result<Filtered, FrameNetError> {
    let frames = framenet.frames()?;
    let (units, report) = framenet.map_units(|unit| filter_unit(&frames, &unit, reading))?;
    let names: &[&str] = match reading {
        Reading::Authors => &[
            "sentences",
            "at most 12 tokens",
            "the target is one span",
            "every element of rank 1 has at most 3 tokens",
            "no element token within two tokens of the target",
            "an element in a core set of its frame",
        ],
        Reading::Paper => &[
            "sentences",
            "at most 12 tokens",
            "a target and a core element are marked",
            "every core element has at most 3 tokens",
            "core elements and target at least two tokens apart",
        ],
    };
    let mut stages: Vec<Stage> = names
        .iter()
        .map(|n| Stage {
            name: (*n).to_owned(),
            left: 0,
        })
        .collect();
    let mut links = Vec::new();
    for unit in units {
        for (stage, passed) in stages.iter_mut().zip(unit.passed) {
            stage.left += passed;
        }
        links.extend(unit.links);
    }
    Ok(Filtered {
        links,
        funnel: Funnel { reading, stages },
        report,
    })
}

/// One unit's share: sentences that passed stage 0 (all), 1, 2, ...
struct UnitResult {
    passed: [usize; 6],
    links: Vec<Link>,
}

fn filter_unit(
    frames: &Frames,
    unit: &LexicalUnit,
    reading: Reading,
) -> Result<UnitResult, FrameNetError> {
    let frame = frames
        .get(&unit.frame)
        .ok_or_else(|| FrameNetError::UnknownFrame {
            unit: unit.name.clone(),
            frame: unit.frame.clone(),
        })?;
    let mut result = UnitResult {
        passed: [0; 6],
        links: Vec::new(),
    };
    for sentence in &unit.sentences {
        let (passed, elements) = match reading {
            Reading::Authors => authors(frame, sentence),
            Reading::Paper => paper(frame, sentence),
        };
        for count in result.passed.iter_mut().take(passed + 1) {
            *count += 1;
        }
        if let (Some(set), false) = (sentence.annotation(), elements.is_empty()) {
            result.links.push(Link {
                sentence: sentence.id,
                annotation_set: set.id,
                lexical_unit: unit.name.clone(),
                lexical_unit_id: unit.id,
                frame: unit.frame.clone(),
                text: sentence.text.clone(),
                target: set.target.clone(),
                elements,
            });
        }
    }
    Ok(result)
}

/// The sentence's tokens when there are at most 12.
fn short(text: &str) -> Option<Vec<Token>> {
    // Tokenizing never joins words, so long sentences are told without it.
    let words = text
        .split(is_space)
        .filter(|w| !w.is_empty())
        .take(MAX_SENTENCE + 1)
        .count();
    (words <= MAX_SENTENCE)
        .then(|| word_tokenize(text))
        .filter(|tokens| tokens.len() <= MAX_SENTENCE)
}

/// Elements with a span, sorted by place.
fn said<'a>(
    frame: &Frame,
    set: &'a AnnotationSet,
    rank: Option<u8>,
) -> Vec<(&'a str, Span, Option<CoreType>)> {
    let mut said: Vec<_> = set
        .frame_elements
        .iter()
        .filter(|e| rank.is_none_or(|rank| e.rank == rank))
        .filter_map(|e| Some((e.name.as_str(), e.span?, frame.core_type(&e.name))))
        .collect();
    said.sort_unstable_by_key(|&(name, span, _)| (span, name));
    said
}

/// Stages passed and, at the end, the linked elements.
fn authors(frame: &Frame, sentence: &Sentence) -> (usize, Vec<LinkElement>) {
    let Some(tokens) = short(&sentence.text) else {
        return (0, Vec::new());
    };
    let Some(set) = sentence.annotation() else {
        return (1, Vec::new());
    };
    let [target] = set.target[..] else {
        return (1, Vec::new());
    };
    let words = |span: Span| -> Vec<String> {
        word_tokenize(span.of(&sentence.text).unwrap_or_default())
            .into_iter()
            .map(|t| t.text)
            .collect()
    };
    let elements = said(frame, set, Some(1));
    let element_words: Vec<Vec<String>> = elements.iter().map(|e| words(e.1)).collect();
    if element_words.iter().any(|w| w.len() > MAX_ELEMENT) {
        return (2, Vec::new());
    }
    for target_word in words(target) {
        let Some(place) = tokens.iter().position(|t| t.text == target_word) else {
            if elements.is_empty() {
                continue;
            }
            return (3, Vec::new());
        };
        let near = &tokens[place.saturating_sub(WINDOW)..(place + WINDOW + 1).min(tokens.len())];
        if element_words
            .iter()
            .flatten()
            .any(|word| near.iter().any(|t| t.text == *word))
        {
            return (3, Vec::new());
        }
    }
    let linked: Vec<LinkElement> = elements
        .into_iter()
        .filter(|(name, ..)| frame.in_core_set(name))
        .filter_map(|(name, span, core)| {
            Some(LinkElement {
                name: name.to_owned(),
                core_type: core?,
                span,
            })
        })
        .collect();
    (if linked.is_empty() { 4 } else { 5 }, linked)
}

/// Stages passed and, at the end, the linked elements.
fn paper(frame: &Frame, sentence: &Sentence) -> (usize, Vec<LinkElement>) {
    let Some(tokens) = short(&sentence.text) else {
        return (0, Vec::new());
    };
    let Some(set) = sentence.annotation() else {
        return (1, Vec::new());
    };
    let core: Vec<LinkElement> = said(frame, set, None)
        .into_iter()
        .filter(|e| e.2 == Some(CoreType::Core))
        .map(|(name, span, _)| LinkElement {
            name: name.to_owned(),
            core_type: CoreType::Core,
            span,
        })
        .collect();
    if set.target.is_empty() || core.is_empty() {
        return (1, Vec::new());
    }
    let covered = |spans: &[Span]| -> Vec<usize> {
        (0..tokens.len())
            .filter(|&i| spans.iter().any(|s| s.overlaps(tokens[i].span)))
            .collect()
    };
    let target = covered(&set.target);
    let places: Vec<Vec<usize>> = core.iter().map(|e| covered(&[e.span])).collect();
    if places.iter().any(|p| p.len() > MAX_ELEMENT) {
        return (2, Vec::new());
    }
    let near = |&i: &usize| target.iter().any(|t| t.abs_diff(i) < MIN_DISTANCE);
    if places.iter().flatten().any(near) {
        return (3, Vec::new());
    }
    (4, core)
}
