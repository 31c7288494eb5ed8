//! CoNLL-U: what is read is written, and broken lines are named.

mod support;

use attn_lingua::conllu::{ConlluError, parse, read_file, to_text};

const WHOLE: &str = "# sent_id = 1\n# text = Don't go to Rome\n\
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n\
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t3:aux\t_\n\
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_\n\
3\tgo\tgo\tVERB\tVB\tMood=Imp\t0\troot\t0:root\t_\n\
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t3:conj\t_\n\
4\tto\tto\tADP\tIN\t_\t5\tcase\t5:case\t_\n\
5\tRome\tRome\tPROPN\tNNP\t_\t3\tobl\t3:obl:to\tSpaceAfter=No\n\n";

#[test]
fn it_comes_back_byte_for_byte() {
    let sentences = parse(WHOLE, "t").unwrap();
    assert_eq!(to_text(&sentences), WHOLE);
    let sentence = &sentences[0];
    assert_eq!(
        (
            sentence.words.len(),
            sentence.ranges.len(),
            sentence.empties.len()
        ),
        (5, 1, 1)
    );
    assert_eq!(sentence.words[0].head, Some(2));
    assert_eq!(sentence.comment("text"), Some("Don't go to Rome"));
    let (spans, end) = sentence.spans("Don't go to Rome", 0).unwrap();
    assert_eq!(spans, [0..2, 2..5, 6..8, 9..11, 12..16]);
    assert_eq!(end, 16);
    let without = parse(&WHOLE.replace("# text = Don't go to Rome\n", ""), "t").unwrap();
    assert_eq!(without[0].text(), "Don't go to Rome");
    assert_eq!(
        to_text(&support::sentences(2)),
        support::treebank().repeat(2)
    );
}

#[test]
fn parts_that_are_not_the_token_get_all_of_it() {
    let text = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\t_\tADP\tIN\t_\t0\troot\t_\t_\n2\tle\t_\tDET\tDT\t_\t1\tdet\t_\t_\n\n";
    let sentence = parse(text, "t").unwrap().remove(0);
    assert_eq!(sentence.spans(" du", 0).unwrap().0, [1..3, 1..3]);
    let error = sentence.spans("dur", 0).map(|_| ()).err();
    assert_eq!(
        error, None,
        "a prefix matches; what follows is the next sentence's business"
    );
    let error = sentence.spans("au", 0).unwrap_err().to_string();
    assert!(
        error.contains("word 1 'du'") && error.contains("'au'"),
        "{error}"
    );
}

#[test]
fn broken_lines_are_named() {
    let line = |n: usize| WHOLE.lines().nth(n - 1).unwrap();
    let cases: [(&str, String, &str); 15] = [
        (
            line(4),
            line(4).replacen('\t', " ", 1),
            "line 4: expected 10 columns separated by tabs, found 9",
        ),
        (
            line(4),
            line(4).replace("\tdo\t", "\t\t"),
            "line 4: column LEMMA is empty",
        ),
        (
            line(5),
            line(5).replacen('2', "3", 1),
            "line 5: expected word number 2, found '3'",
        ),
        (
            line(5),
            line(5).replacen('2', "x", 1),
            "line 5: expected word number 2, found 'x'",
        ),
        (
            line(6),
            line(6).replace("\t0\troot", "\t9\troot"),
            "line 6: HEAD is '9'",
        ),
        (
            line(6),
            line(6).replace("\t0\troot", "\t3\troot"),
            "line 6: HEAD is '3'",
        ),
        (
            line(6),
            line(6).replace("\t0\troot", "\t-1\troot"),
            "line 6: HEAD is '-1'",
        ),
        (
            line(6),
            line(6).replace("\t0\troot", "\t5\troot"),
            "line 1: the sentence has 0 words with HEAD 0",
        ),
        (
            line(8),
            line(8).replace("\t5\tcase", "\t0\tcase"),
            "line 1: the sentence has 2 words with HEAD 0",
        ),
        (
            line(9),
            line(9).replace("\t3\tobl", "\t4\tobl"),
            "line 8: word 4 'to' depends on itself",
        ),
        (
            line(3),
            line(3).replacen("1-2", "1-9", 1),
            "line 3: the range 1-9 ends behind the last word, 5",
        ),
        (
            line(3),
            line(3).replacen("1-2", "2-3", 1),
            "line 3: '2-3' is not a range",
        ),
        (
            line(3),
            line(3).replacen("1-2", "1-1", 1),
            "line 3: '1-1' is not a range",
        ),
        (
            line(7),
            line(7).replacen("3.1", "4.1", 1),
            "line 7: expected the empty node 3.1, found '4.1'",
        ),
        (
            line(7),
            format!("# late\n{}", line(7)),
            "line 7: a comment must stand before",
        ),
    ];
    for (old, new, expected) in cases {
        let error = parse(&WHOLE.replacen(old, &new, 1), "bank.conllu")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("bank.conllu, ") && error.contains(expected),
            "{error}\nexpected {expected}"
        );
    }
    let cut = parse(WHOLE.trim_end(), "t").unwrap_err().to_string();
    assert!(cut.contains("truncated"), "{cut}");
    let bare = parse("# only\n\n", "t").unwrap_err().to_string();
    assert!(
        bare.contains("line 1: a sentence has comments and no words"),
        "{bare}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = read_file(std::path::Path::new("no/such.conllu")).unwrap_err();
    assert!(matches!(error, ConlluError::Io { .. }) && error.to_string().contains("such.conllu"));
}
