//! A pull reader whose every error knows its file and byte.

use super::super::FrameNetError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;

/// The reader with what an error needs to say.
pub(super) struct Cursor<'a> {
    reader: Reader<&'a [u8]>,
    file: &'a str,
    /// Where the last event began.
    pub(super) offset: u64,
}

pub(super) type Result<T> = std::result::Result<T, FrameNetError>;

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|e| FrameNetError::Xml {
            file: file.to_owned(),
            offset: e.valid_up_to() as u64,
            reason: "expected UTF-8".to_owned(),
        })?;
        Ok(Self {
            reader: Reader::from_str(text),
            file,
            offset: 0,
        })
    }

    pub(super) fn error(&self, offset: u64, reason: impl Into<String>) -> FrameNetError {
        FrameNetError::Xml {
            file: self.file.to_owned(),
            offset,
            reason: reason.into(),
        }
    }

    fn next(&mut self) -> Result<Event<'a>> {
        self.offset = self.reader.buffer_position();
        let event = self.reader.read_event();
        event.map_err(|e| self.error(self.reader.error_position().max(self.offset), e.to_string()))
    }

    /// Passes over the element that `start` opened.
    pub(super) fn skip(&mut self, start: &BytesStart<'_>) -> Result<()> {
        let begin = self.offset;
        match self.reader.read_to_end(start.name()) {
            Ok(_) => Ok(()),
            Err(e) => Err(self.error(self.reader.error_position().max(begin), e.to_string())),
        }
    }

    pub(super) fn attribute<'t>(
        &self,
        tag: &'t BytesStart<'_>,
        name: &str,
    ) -> Result<Option<Cow<'t, str>>> {
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|e| self.error(self.offset, e.to_string()))?;
            if attribute.key.0 == name {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                return value
                    .map(Some)
                    .map_err(|e| self.error(self.offset, format!("attribute {name}: {e}")));
            }
        }
        Ok(None)
    }

    pub(super) fn required<'t>(&self, tag: &'t BytesStart<'_>, name: &str) -> Result<Cow<'t, str>> {
        self.attribute(tag, name)?.ok_or_else(|| {
            self.error(
                self.offset,
                format!("<{}> without its attribute {name}", tag.name().0),
            )
        })
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str, value: &str) -> Result<T> {
        let reason = || {
            self.error(
                self.offset,
                format!("{name}=\"{value}\": expected a number from 0"),
            )
        };
        value.parse().map_err(|_| reason())
    }

    pub(super) fn id(&self, tag: &BytesStart<'_>, name: &str) -> Result<u32> {
        self.number(name, &self.required(tag, name)?)
    }

    /// Opens the document: everything up to the root, which must be called `name`. The flag says
    /// whether the root is empty.
    pub(super) fn root(&mut self, name: &str) -> Result<(BytesStart<'a>, bool)> {
        loop {
            let (tag, empty) = match self.next()? {
                Event::Start(tag) => (tag, false),
                Event::Empty(tag) => (tag, true),
                Event::Eof => {
                    return Err(
                        self.error(self.offset, format!("expected <{name}>, found the end"))
                    );
                }
                _ => continue,
            };
            if tag.name().0 == name {
                return Ok((tag, empty));
            }
            return Err(self.error(
                self.offset,
                format!("expected <{name}>, found <{}>", tag.name().0),
            ));
        }
    }

    /// The next child of the element we are in, `None` at its end. The flag says whether it is empty.
    pub(super) fn child(&mut self) -> Result<Option<(BytesStart<'a>, bool)>> {
        loop {
            match self.next()? {
                Event::Start(tag) => return Ok(Some((tag, false))),
                Event::Empty(tag) => return Ok(Some((tag, true))),
                Event::End(_) => return Ok(None),
                Event::Eof => {
                    return Err(self.error(self.offset, "the file ends inside an element"));
                }
                _ => {}
            }
        }
    }

    /// The characters of the element we are in, up to its end.
    pub(super) fn text(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(entity) => {
                    let ch = entity
                        .resolve_char_ref()
                        .map_err(|e| self.error(self.offset, e.to_string()))?;
                    match (ch, quick_xml::escape::resolve_xml_entity(&entity)) {
                        (Some(ch), _) => text.push(ch),
                        (None, Some(known)) => text.push_str(known),
                        (None, None) => {
                            let reason = format!(
                                "unknown entity &{};: only XML's own five are read",
                                &*entity
                            );
                            return Err(self.error(self.offset, reason));
                        }
                    }
                }
                Event::End(_) => return Ok(text),
                Event::Start(tag) | Event::Empty(tag) => {
                    return Err(self.error(
                        self.offset,
                        format!("expected text only, found <{}>", tag.name().0),
                    ));
                }
                Event::Eof => return Err(self.error(self.offset, "the file ends inside a text")),
                _ => {}
            }
        }
    }

    /// What follows the root must be nothing but comments and blanks.
    pub(super) fn finish(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.trim().is_empty() => {}
                _ => {
                    return Err(
                        self.error(self.offset, "something follows the end of the root element")
                    );
                }
            }
        }
    }
}
