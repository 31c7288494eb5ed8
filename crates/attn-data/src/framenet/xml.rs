//! FrameNet's two XML formats, read with a pull parser.
//!
//! quick-xml checks that tags match and never expands an entity of a document type; ours is the
//! rest: attributes, numbers, offsets. Parts that we have no use for (header, valences, layers of
//! grammar and parts of speech) are passed over, checked for well-formedness only.

mod cursor;

use super::{
    AnnotationSet, CoreType, ElementType, Frame, FrameElement, FrameNetError, LexicalUnit,
    NullInstantiation, Sentence, Span,
};
use cursor::{Cursor, Result};
use quick_xml::events::BytesStart;
use std::borrow::Cow;

/// Reads a lexical unit's file (`lu/lu<number>.xml`). `file` is its name for messages. Labels that
/// lie beyond the end of their sentence are given to `beyond`: it answers with `Ok` to drop the
/// label and go on, or with the error to stop with.
///
/// # Errors
/// [`FrameNetError::Xml`] for broken XML, a missing attribute, a value that is no number, a label
/// that ends before it starts, an unknown entity, rank or null instantiation; and `beyond`'s.
pub fn parse_lexical_unit(
    file: &str,
    bytes: &[u8],
    beyond: &mut dyn FnMut(FrameNetError) -> Result<()>,
) -> Result<LexicalUnit> {
    let mut cursor = Cursor::new(file, bytes)?;
    let (tag, empty) = cursor.root("lexUnit")?;
    let mut unit = LexicalUnit {
        id: cursor.id(&tag, "ID")?,
        name: cursor.required(&tag, "name")?.into_owned(),
        frame: cursor.required(&tag, "frame")?.into_owned(),
        frame_id: cursor.id(&tag, "frameID")?,
        pos: cursor.required(&tag, "POS")?.into_owned(),
        status: cursor
            .attribute(&tag, "status")?
            .unwrap_or_default()
            .into_owned(),
        sentences: Vec::new(),
    };
    if !empty {
        while let Some((tag, empty)) = cursor.child()? {
            match (tag.name().0, empty) {
                (_, true) => {}
                ("subCorpus", false) => {
                    while let Some((tag, empty)) = cursor.child()? {
                        match (tag.name().0, empty) {
                            ("sentence", true) => {
                                return Err(
                                    cursor.error(cursor.offset, "<sentence> without <text>")
                                );
                            }
                            ("sentence", false) => {
                                unit.sentences.push(sentence(&mut cursor, &tag, beyond)?)
                            }
                            (_, true) => {}
                            (_, false) => cursor.skip(&tag)?,
                        }
                    }
                }
                (_, false) => cursor.skip(&tag)?,
            }
        }
    }
    cursor.finish()?;
    Ok(unit)
}

type Beyond<'f> = &'f mut dyn FnMut(FrameNetError) -> Result<()>;

fn sentence(cursor: &mut Cursor<'_>, tag: &BytesStart<'_>, beyond: Beyond<'_>) -> Result<Sentence> {
    let begin = cursor.offset;
    let id = cursor.id(tag, "ID")?;
    let mut text = None;
    let mut length = 0;
    let mut annotations = Vec::new();
    while let Some((tag, empty)) = cursor.child()? {
        match tag.name().0 {
            "text" => {
                let read = if empty { String::new() } else { cursor.text()? };
                length = read.chars().count();
                text = Some(read);
            }
            "annotationSet" => {
                let status = cursor.required(&tag, "status")?.into_owned();
                if text.is_none() {
                    return Err(cursor.error(
                        cursor.offset,
                        "<annotationSet> before the sentence's <text>",
                    ));
                }
                let unannotated = status == "UNANN";
                let id = cursor.id(&tag, "ID")?;
                let mut set = AnnotationSet {
                    id,
                    status,
                    target: Vec::new(),
                    frame_elements: Vec::new(),
                };
                let framed = !empty && layers(cursor, length, &mut set, beyond)?;
                if framed || !unannotated {
                    annotations.push(set);
                }
            }
            _ if empty => {}
            _ => cursor.skip(&tag)?,
        }
    }
    let text = text.ok_or_else(|| cursor.error(begin, format!("sentence {id} has no <text>")))?;
    Ok(Sentence {
        id,
        text,
        annotations,
    })
}

/// Reads the layers of a set; says whether one of them was about a frame.
fn layers(
    cursor: &mut Cursor<'_>,
    length: usize,
    set: &mut AnnotationSet,
    beyond: Beyond<'_>,
) -> Result<bool> {
    let mut framed = false;
    while let Some((tag, empty)) = cursor.child()? {
        let layer = match tag.name().0 {
            "layer" => cursor.required(&tag, "name")?,
            _ => Cow::Borrowed(""),
        };
        let about_frame = layer == "Target" || layer == "FE";
        framed |= about_frame;
        if !about_frame && !empty {
            cursor.skip(&tag)?;
        }
        if !about_frame || empty {
            continue;
        }
        let rank: u8 = match cursor.attribute(&tag, "rank")? {
            Some(rank) => cursor.number("rank", &rank)?,
            None => 1,
        };
        if !(1..=3).contains(&rank) {
            return Err(cursor.error(
                cursor.offset,
                format!("layer of rank {rank}: expected 1 to 3"),
            ));
        }
        let mut spans = Vec::new();
        while let Some((label, empty)) = cursor.child()? {
            if label.name().0 == "label" {
                match span(cursor, &label, length) {
                    Ok(span) if layer == "Target" => spans.extend(span),
                    Ok(span) => set
                        .frame_elements
                        .push(element(cursor, &label, rank, span)?),
                    Err(Label::Broken(e)) => return Err(e),
                    Err(Label::Beyond(e)) => beyond(e)?,
                }
            }
            if !empty {
                cursor.skip(&label)?;
            }
        }
        if layer == "Target" && set.target.is_empty() {
            spans.sort_unstable();
            set.target = spans;
        }
    }
    Ok(framed)
}

/// Why a label has no usable span.
enum Label {
    Broken(FrameNetError),
    Beyond(FrameNetError),
}

impl From<FrameNetError> for Label {
    fn from(error: FrameNetError) -> Self {
        Label::Broken(error)
    }
}

/// A label's span, or `None` for a null instantiation. FrameNet's `end` is inclusive.
fn span(
    cursor: &Cursor<'_>,
    label: &BytesStart<'_>,
    length: usize,
) -> std::result::Result<Option<Span>, Label> {
    let (start, last) = match (
        cursor.attribute(label, "start")?,
        cursor.attribute(label, "end")?,
    ) {
        (None, None) => return Ok(None),
        (Some(start), Some(end)) => (
            cursor.number::<u32>("start", &start)? as usize,
            cursor.number::<u32>("end", &end)? as usize,
        ),
        (start, _) => {
            let missing = if start.is_some() { "end" } else { "start" };
            return Err(cursor
                .error(
                    cursor.offset,
                    format!("<label> without its attribute {missing}"),
                )
                .into());
        }
    };
    if start > last {
        return Err(cursor
            .error(
                cursor.offset,
                format!("label starts at {start} but ends at {last}"),
            )
            .into());
    }
    if last >= length {
        let reason =
            format!("label {start} to {last} lies beyond its sentence of {length} characters");
        return Err(Label::Beyond(cursor.error(cursor.offset, reason)));
    }
    Ok(Some(Span {
        start,
        end: last + 1,
    }))
}

fn element(
    cursor: &Cursor<'_>,
    label: &BytesStart<'_>,
    rank: u8,
    span: Option<Span>,
) -> Result<FrameElement> {
    let null_instantiation = match (span, cursor.attribute(label, "itype")?.as_deref()) {
        (Some(_), _) => None,
        (None, Some("DNI")) => Some(NullInstantiation::Definite),
        (None, Some("INI")) => Some(NullInstantiation::Indefinite),
        (None, Some("CNI")) => Some(NullInstantiation::Constructional),
        (None, Some("INC")) => Some(NullInstantiation::Incorporated),
        (None, Some("APos")) => Some(NullInstantiation::Apostrophe),
        (None, found) => {
            let reason = format!(
                "label without start and end: expected itype DNI, INI, CNI, INC or APos, found {found:?}"
            );
            return Err(cursor.error(cursor.offset, reason));
        }
    };
    let name = cursor.required(label, "name")?.into_owned();
    Ok(FrameElement {
        name,
        rank,
        span,
        null_instantiation,
    })
}

/// Reads a frame's file (`frame/<name>.xml`). `file` is its name for messages.
///
/// # Errors
/// [`FrameNetError::Xml`] for broken XML, a missing attribute or an unknown core type.
pub fn parse_frame(file: &str, bytes: &[u8]) -> Result<Frame> {
    let mut cursor = Cursor::new(file, bytes)?;
    let (tag, empty) = cursor.root("frame")?;
    let (id, name) = (
        cursor.id(&tag, "ID")?,
        cursor.required(&tag, "name")?.into_owned(),
    );
    let mut frame = Frame {
        id,
        name,
        elements: Vec::new(),
        core_sets: Vec::new(),
    };
    while !empty && let Some((tag, empty)) = cursor.child()? {
        match tag.name().0 {
            "FE" => {
                let core_type = match &*cursor.required(&tag, "coreType")? {
                    "Core" => CoreType::Core,
                    "Peripheral" => CoreType::Peripheral,
                    "Extra-Thematic" => CoreType::ExtraThematic,
                    "Core-Unexpressed" => CoreType::CoreUnexpressed,
                    other => {
                        let reason = format!(
                            "coreType=\"{other}\": expected Core, Peripheral, Extra-Thematic or Core-Unexpressed"
                        );
                        return Err(cursor.error(cursor.offset, reason));
                    }
                };
                let name = cursor.required(&tag, "name")?.into_owned();
                frame.elements.push(ElementType { name, core_type });
            }
            "FEcoreSet" if !empty => {
                let mut set = Vec::new();
                while let Some((member, empty)) = cursor.child()? {
                    if member.name().0 == "memberFE" {
                        set.push(cursor.required(&member, "name")?.into_owned());
                    }
                    if !empty {
                        cursor.skip(&member)?;
                    }
                }
                frame.core_sets.push(set);
                continue;
            }
            _ => {}
        }
        if !empty {
            cursor.skip(&tag)?;
        }
    }
    cursor.finish()?;
    Ok(frame)
}

#[cfg(test)]
mod tests;
