//! When two names mean the same class.

/// Names of one class, as public checkpoints and files write them, in the form of [`plain`].
const GROUPS: [&[&str]; 10] = [
    &["entailment", "entail", "entails", "entailed"],
    &[
        "notentailment",
        "nonentailment",
        "noentailment",
        "notentailed",
    ],
    &["neutral"],
    &[
        "contradiction",
        "contradict",
        "contradicts",
        "contradictory",
    ],
    &[
        "equivalent",
        "isequivalent",
        "paraphrase",
        "isparaphrase",
        "duplicate",
        "isduplicate",
    ],
    &[
        "notequivalent",
        "nonequivalent",
        "inequivalent",
        "notparaphrase",
        "nonparaphrase",
        "notduplicate",
        "nonduplicate",
    ],
    &["positive", "pos"],
    &["negative", "neg"],
    &["acceptable", "grammatical"],
    &["unacceptable", "notacceptable", "ungrammatical"],
];

/// A name without what does not distinguish it: case, blanks, hyphens and underscores. A whole
/// number keeps its sign.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim();
    if let Ok(number) = name.parse::<i64>() {
        return number.to_string();
    }
    let bare: String = name
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    // A name of nothing but marks is told from others by them.
    if bare.is_empty() {
        name.to_owned()
    } else {
        bare
    }
}

/// Whether two names, as [`plain`] gives them, are known to mean one class.
pub(super) fn related(a: &str, b: &str) -> bool {
    GROUPS
        .iter()
        .any(|group| group.contains(&a) && group.contains(&b))
}

/// The number of a class whose name says nothing else: `LABEL_2` and `2` give 2.
pub(super) fn number(name: &str) -> Option<usize> {
    let plain = plain(name);
    plain.strip_prefix("label").unwrap_or(&plain).parse().ok()
}
