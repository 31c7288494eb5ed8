//! What FrameNet's files say, as plain types.

use serde::{Deserialize, Serialize};

/// A half-open range of characters (Unicode code points) in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First character.
    pub start: usize,
    /// One past the last character. FrameNet's own `end` is the last character.
    pub end: usize,
}

impl Span {
    /// Byte offsets of this span in `text`; `None` when it is reversed or ends beyond the text.
    pub fn bytes(self, text: &str) -> Option<std::ops::Range<usize>> {
        let mut places = text.char_indices().map(|(i, _)| i).chain([text.len()]);
        let start = places.nth(self.start)?;
        match self.end.checked_sub(self.start)? {
            0 => Some(start..start),
            length => Some(start..places.nth(length - 1)?),
        }
    }

    /// The part of `text` that this span covers; `None` as for [`Span::bytes`].
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.bytes(text)?)
    }

    /// Whether the two share a character.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A lexical unit: a word in one of its senses, which evokes one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexicalUnit {
    /// FrameNet's number, also in the file's name.
    pub id: u32,
    /// Lemma and part of speech, for example `address.v`.
    pub name: String,
    /// The frame it evokes.
    pub frame: String,
    /// That frame's number.
    pub frame_id: u32,
    /// Part of speech as FrameNet writes it (`V`, `N`, `A`, ...).
    pub pos: String,
    /// How far the lexicographers got, for example `Finished_Initial`; empty when not given.
    pub status: String,
    /// Its example sentences over all sub-corpora, in the file's order.
    pub sentences: Vec<Sentence>,
}

/// An example sentence of a lexical unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// FrameNet's number.
    pub id: u32,
    /// The text exactly as in the file; all spans count its characters.
    pub text: String,
    /// Frame annotations. The set of parts of speech that heads every sentence (status `UNANN`,
    /// no target or element layer) is left out.
    pub annotations: Vec<AnnotationSet>,
}

impl Sentence {
    /// The last set that is annotated. Few sentences have more than one, and NLTK's reader lets
    /// later sets overwrite earlier ones.
    pub fn annotation(&self) -> Option<&AnnotationSet> {
        self.annotations.iter().rfind(|set| set.status != "UNANN")
    }
}

/// One frame annotation of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationSet {
    /// FrameNet's number.
    pub id: u32,
    /// `MANUAL`, `AUTO_EDITED` or `AUTO_APP`; `UNANN` for a set begun but not annotated (54 in 1.7).
    pub status: String,
    /// The words that evoke the frame, sorted; several spans when they are apart. Of several
    /// target layers the first with a label counts, as in NLTK's reader.
    pub target: Vec<Span>,
    /// Frame elements, layer by layer.
    pub frame_elements: Vec<FrameElement>,
}

/// A frame element of an annotation set: either a span of the text or a null instantiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameElement {
    /// Its name within the frame.
    pub name: String,
    /// The layer, 1 to 3: higher ranks hold elements that overlap those below.
    pub rank: u8,
    /// Where it is expressed.
    pub span: Option<Span>,
    /// Why it is not expressed.
    pub null_instantiation: Option<NullInstantiation>,
}

/// How an element is understood without being said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NullInstantiation {
    /// Definite: known from the context (`DNI`).
    Definite,
    /// Indefinite: of no matter here (`INI`).
    Indefinite,
    /// Constructional: dropped by grammar, as in imperatives and passives (`CNI`).
    Constructional,
    /// Incorporated into the lexical unit (`INC`).
    Incorporated,
    /// Said by a possessive apostrophe (`APos`; in the schema, not in release 1.7).
    Apostrophe,
}

/// How central an element is to its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CoreType {
    /// Needed for the frame to make sense.
    Core,
    /// Time, place, manner and the like.
    Peripheral,
    /// Belongs to a larger event.
    #[serde(rename = "Extra-Thematic")]
    ExtraThematic,
    /// Core in the frames that inherit from this one, but never said with it.
    #[serde(rename = "Core-Unexpressed")]
    CoreUnexpressed,
}

/// An element as its frame defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementType {
    /// Unique within the frame.
    pub name: String,
    /// How central it is.
    pub core_type: CoreType,
}

/// A frame: a kind of situation with its roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// FrameNet's number.
    pub id: u32,
    /// Unique name, for example `Commerce_buy`.
    pub name: String,
    /// All its elements.
    pub elements: Vec<ElementType>,
    /// Sets of core elements of which one is enough (`FEcoreSet`).
    pub core_sets: Vec<Vec<String>>,
}

impl Frame {
    /// The type of the element called `name`.
    pub fn core_type(&self, name: &str) -> Option<CoreType> {
        self.elements
            .iter()
            .find(|e| e.name == name)
            .map(|e| e.core_type)
    }

    /// Whether some core set lists the element called `name`.
    pub fn in_core_set(&self, name: &str) -> bool {
        self.core_sets.iter().flatten().any(|n| n == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_characters_and_slice_bytes() {
        let text = "Zoë sang";
        let span = |start, end| Span { start, end };
        assert_eq!(span(0, 3).bytes(text), Some(0..4));
        assert_eq!(span(4, 8).of(text), Some("sang"));
        assert_eq!(span(8, 8).of(text), Some(""));
        assert_eq!(span(4, 9).of(text), None);
        assert_eq!(span(5, 4).bytes(text), None);
        assert_eq!(span(9, 9).bytes(text), None);
    }
}
