//! Writing CoNLL-U.

use super::Sentence;
use std::io::{self, Write};

/// Writes sentences. What [`super::parse`] read comes out byte for byte.
pub fn write(sentences: &[Sentence], out: &mut impl Write) -> io::Result<()> {
    for sentence in sentences {
        for comment in &sentence.comments {
            writeln!(out, "{comment}")?;
        }
        let mut empties = sentence.empties.iter().peekable();
        let mut ranges = sentence.ranges.iter().peekable();
        for (i, word) in sentence.words.iter().enumerate() {
            write_empties(&mut empties, i, out)?;
            while let Some(range) = ranges.next_if(|range| range.first == i) {
                let columns = range.columns.join("\t");
                writeln!(
                    out,
                    "{}-{}\t{}\t{columns}\t{}",
                    range.first + 1,
                    range.last + 1,
                    range.form,
                    range.misc
                )?;
            }
            writeln!(
                out,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                i + 1,
                word.form,
                word.lemma,
                word.upos,
                word.xpos,
                word.feats,
                word.head.map_or(0, |head| head + 1),
                word.deprel,
                word.deps,
                word.misc
            )?;
        }
        write_empties(&mut empties, sentence.words.len(), out)?;
        writeln!(out)?;
    }
    Ok(())
}

fn write_empties<'a>(
    empties: &mut std::iter::Peekable<impl Iterator<Item = &'a super::Empty>>,
    after: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    while let Some(empty) = empties.next_if(|empty| empty.after == after) {
        writeln!(
            out,
            "{}.{}\t{}",
            empty.after,
            empty.number,
            empty.columns.join("\t")
        )?;
    }
    Ok(())
}

/// [`write()`] into a string.
pub fn to_text(sentences: &[Sentence]) -> String {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail, and everything written was a `str`.
    let _ = write(sentences, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
