//! FrameNet's two XML formats, and the tokenising of what they hold.
#![no_main]

use attn_data::framenet::{
    FrameNetError, LexicalUnit, parse_frame, parse_lexical_unit, treebank_tokenize, word_tokenize,
};
use libfuzzer_sys::fuzz_target;

fn check(unit: &LexicalUnit) {
    for sentence in &unit.sentences {
        for set in &sentence.annotations {
            let spans = set.frame_elements.iter().filter_map(|element| element.span);
            for span in set.target.iter().copied().chain(spans) {
                assert!(span.start < span.end);
                let part = span.of(&sentence.text).expect("a span inside the text");
                assert_eq!(part.chars().count(), span.end - span.start);
            }
            for element in &set.frame_elements {
                assert!(element.span.is_some() != element.null_instantiation.is_some());
                assert!((1..=3).contains(&element.rank));
            }
        }
        for tokens in [
            treebank_tokenize(&sentence.text),
            word_tokenize(&sentence.text),
        ] {
            assert!(
                tokens
                    .iter()
                    .all(|token| token.span.of(&sentence.text).is_some())
            );
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut dropped = 0;
    let unit = parse_lexical_unit("lu1.xml", data, &mut |error| {
        assert!(matches!(error, FrameNetError::Xml { .. }));
        dropped += 1;
        Ok(())
    });
    match &unit {
        Ok(unit) => check(unit),
        Err(FrameNetError::Xml { offset, .. }) => assert!(*offset <= data.len() as u64),
        Err(other) => panic!("{other}"),
    }
    // A reading that stops at the first label beyond its sentence agrees with one that goes on.
    let strict = parse_lexical_unit("lu1.xml", data, &mut Err);
    match (strict, unit) {
        (Ok(strict), Ok(unit)) => assert!(dropped == 0 && strict == unit),
        (Err(error), Ok(_)) => assert!(dropped > 0 && error.to_string().contains("beyond")),
        (Ok(_), Err(error)) => panic!("{error}"),
        (Err(_), Err(_)) => {}
    }
    if let Ok(frame) = parse_frame("frame.xml", data) {
        for element in &frame.elements {
            assert!(frame.core_type(&element.name).is_some());
        }
    }
});
