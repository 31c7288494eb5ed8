//! A few sentences of our own, annotated by hand, and helpers.
#![allow(dead_code)]

use attn_lingua::{Annotations, Word, conllu};

/// Eight short sentences, as `text` and `FORM/UPOS/XPOS/HEAD/DEPREL` words.
pub const SENTENCES: [(&str, &str); 8] = [
    (
        "The dog sees a cat.",
        "The/DET/DT/2/det dog/NOUN/NN/3/nsubj sees/VERB/VBZ/0/root a/DET/DT/5/det cat/NOUN/NN/3/obj ./PUNCT/./3/punct",
    ),
    (
        "A cat chases the mouse.",
        "A/DET/DT/2/det cat/NOUN/NN/3/nsubj chases/VERB/VBZ/0/root the/DET/DT/5/det mouse/NOUN/NN/3/obj ./PUNCT/./3/punct",
    ),
    (
        "She sleeps.",
        "She/PRON/PRP/2/nsubj sleeps/VERB/VBZ/0/root ./PUNCT/./2/punct",
    ),
    (
        "He is a teacher.",
        "He/PRON/PRP/4/nsubj is/AUX/VBZ/4/cop a/DET/DT/4/det teacher/NOUN/NN/0/root ./PUNCT/./4/punct",
    ),
    (
        "The mouse was seen by the dog.",
        "The/DET/DT/2/det mouse/NOUN/NN/4/nsubj:pass was/AUX/VBD/4/aux:pass seen/VERB/VBN/0/root by/ADP/IN/7/case the/DET/DT/7/det dog/NOUN/NN/4/obl:agent ./PUNCT/./4/punct",
    ),
    (
        "They gave him a book.",
        "They/PRON/PRP/2/nsubj gave/VERB/VBD/0/root him/PRON/PRP/2/iobj a/DET/DT/5/det book/NOUN/NN/2/obj ./PUNCT/./2/punct",
    ),
    (
        "We called it a success and left the house.",
        "We/PRON/PRP/2/nsubj called/VERB/VBD/0/root it/PRON/PRP/2/obj a/DET/DT/5/det success/NOUN/NN/2/xcomp and/CCONJ/CC/7/cc left/VERB/VBD/2/conj the/DET/DT/9/det house/NOUN/NN/7/obj ./PUNCT/./2/punct",
    ),
    (
        "There is no wish to see it.",
        "There/PRON/EX/2/expl is/VERB/VBZ/0/root no/DET/DT/4/det wish/NOUN/NN/2/nsubj to/PART/TO/6/mark see/VERB/VB/4/acl it/PRON/PRP/6/obj ./PUNCT/./2/punct",
    ),
];

/// The sentences as CoNLL-U.
pub fn treebank() -> String {
    let mut out = String::new();
    for (text, words) in SENTENCES {
        out.push_str(&format!("# text = {text}\n"));
        for (i, word) in words.split(' ').enumerate() {
            let c: Vec<&str> = word.split('/').collect();
            out.push_str(&format!(
                "{}\t{}\t_\t{}\t{}\t_\t{}\t{}\t_\t_\n",
                i + 1,
                c[0],
                c[1],
                c[2],
                c[3],
                c[4]
            ));
        }
        out.push('\n');
    }
    out
}

/// The hand-made annotation of sentence `i`, with its text.
pub fn annotated(i: usize) -> (&'static str, Vec<Word>) {
    let texts: Vec<&str> = SENTENCES.iter().map(|s| s.0).collect();
    let annotations = Annotations::from_text(&treebank(), "hand.conllu").unwrap();
    (
        texts[i],
        annotations.match_texts(&texts).unwrap().swap_remove(i),
    )
}

/// The sentences parsed, `times` over.
pub fn sentences(times: usize) -> Vec<conllu::Sentence> {
    conllu::parse(&treebank().repeat(times), "hand.conllu").unwrap()
}

/// The texts of some words.
pub fn texts<'a>(words: &'a [Word], indices: &[usize]) -> Vec<&'a str> {
    indices.iter().map(|&i| words[i].text.as_str()).collect()
}
