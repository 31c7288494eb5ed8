//! The filter's result: sentences with a target and the elements linked to it, as JSON Lines.

use super::{CoreType, FrameNetError, Span};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A kept sentence with its frame-semantic links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// FrameNet's number of the sentence.
    pub sentence: u32,
    /// FrameNet's number of the annotation set.
    pub annotation_set: u32,
    /// The lexical unit's name, for example `agitated.a`.
    pub lexical_unit: String,
    /// The lexical unit's number.
    pub lexical_unit_id: u32,
    /// The frame that it evokes.
    pub frame: String,
    /// The sentence exactly as in FrameNet.
    pub text: String,
    /// The target's spans, in characters of `text`, half-open.
    pub target: Vec<Span>,
    /// The elements that count as linked to the target: those in a core set of the frame
    /// (`authors`) or those of type `Core` (`paper`). Never empty.
    pub elements: Vec<LinkElement>,
}

/// A frame element linked to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkElement {
    /// Its name within the frame.
    pub name: String,
    /// How central it is to the frame.
    pub core_type: CoreType,
    /// Where it stands, in characters of the text, half-open.
    pub span: Span,
}

/// Writes one link a line, atomically.
///
/// # Errors
/// [`FrameNetError::Links`] when the file cannot be written.
pub fn write_links(path: &Path, links: &[Link]) -> Result<(), FrameNetError> {
    Ok(attn_core::io::write_jsonl(path, links)?)
}

/// Reads what [`write_links`] wrote.
///
/// # Errors
/// [`FrameNetError::Links`] when the file cannot be read or a line is no link.
pub fn read_links(path: &Path) -> Result<Vec<Link>, FrameNetError> {
    Ok(attn_core::io::read_jsonl(path)?)
}
