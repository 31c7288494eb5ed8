//! Word lists of the tokenizer. All in lower case.

/// Whether a word takes the n of a detached `'t` (`doesn 't`).
pub(crate) fn takes_not(word: &str) -> bool {
    const WORDS: [&str; 23] = [
        "don", "doesn", "didn", "isn", "aren", "wasn", "weren", "haven", "hasn", "hadn", "won",
        "wouldn", "can", "couldn", "shouldn", "mustn", "needn", "mightn", "ain", "shan", "daren",
        "oughtn", "mayn",
    ];
    WORDS.contains(&word.to_lowercase().as_str())
}

/// Where words that are written together fall apart: byte lengths of the parts.
pub(crate) fn parts(word: &str) -> &'static [usize] {
    match word {
        "cannot" => &[3, 3],
        "gonna" | "gotta" | "gimme" | "lemme" | "wanna" => &[3, 2],
        "dont" | "cant" | "wont" | "aint" => &[2, 2],
        "didnt" | "isnt" | "arnt" => &[3, 2],
        "doesnt" | "wasnt" | "havent" | "hasnt" | "hadnt" | "arent" => &[4, 2],
        "couldnt" | "wouldnt" => &[5, 2],
        "shouldnt" => &[6, 2],
        "im" | "ive" => &[1, 2],
        "thats" | "whats" => &[4, 1],
        "youre" | "youve" => &[3, 2],
        "theyre" => &[4, 2],
        _ => &[],
    }
}

/// Whether a hyphen behind this belongs to the word.
pub(crate) fn is_prefix(word: &str) -> bool {
    const PREFIXES: [&str; 39] = [
        "non", "anti", "pre", "post", "co", "ex", "mid", "multi", "pro", "re", "semi", "neo", "e",
        "un", "sub", "counter", "inter", "intra", "ultra", "over", "socio", "psycho", "pseudo",
        "quasi", "bi", "tri", "cross", "de", "dis", "extra", "hyper", "mini", "super", "trans",
        "under", "vice", "micro", "macro", "geo",
    ];
    PREFIXES.contains(&word)
}

/// Whether these letters behind digits are a unit, and thus a word of their own.
pub(crate) fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 30] = [
        "am", "pm", "a.m", "p.m", "a.m.", "p.m.", "k", "m", "mm", "bn", "b", "ft", "kg", "km",
        "cm", "lb", "lbs", "oz", "mg", "ml", "mph", "mw", "gb", "mb", "hrs", "hr", "min", "mins",
        "yrs", "yr",
    ];
    UNITS.contains(&word)
}

/// Whether a full stop behind this belongs to the word.
pub(crate) fn is_abbreviation(word: &str) -> bool {
    const WORDS: [&str; 78] = [
        "mr", "mrs", "ms", "dr", "st", "jr", "sr", "inc", "corp", "co", "ltd", "gen", "col", "lt",
        "sgt", "capt", "cpl", "maj", "gov", "sen", "sens", "rep", "reps", "rev", "prof", "hon",
        "pres", "vs", "etc", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct",
        "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "ft", "ave",
        "blvd", "rd", "vol", "dept", "univ", "al", "fig", "eg", "ie", "ca", "approx", "est", "ph",
        "mt", "bros", "attn", "ext", "tel", "cf", "viz", "esp", "yrs", "messrs", "supt", "adm",
        "cmdr", "assn",
    ];
    WORDS.contains(&word)
}

/// Whether a name that ends so is a file or a host.
pub(crate) fn is_ending(word: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        "com", "org", "net", "edu", "gov", "mil", "int", "info", "uk", "de", "doc", "xls", "pdf",
        "html", "htm", "txt", "ppt", "jpg", "gif", "zip", "exe", "tv",
    ];
    ENDINGS.contains(&word)
}

/// Words that begin with an apostrophe.
pub(crate) fn keeps_apostrophe(word: &str) -> bool {
    const WORDS: [&str; 12] = [
        "em", "cause", "til", "till", "tis", "twas", "n", "round", "bout", "cos", "ol", "nuff",
    ];
    let short_year = |w: &str| {
        let digits = w.trim_end_matches('s');
        digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    WORDS.contains(&word) || short_year(word)
}

/// Endings that are words of their own, without their apostrophe.
pub(crate) fn is_clitic(word: &str) -> bool {
    matches!(word, "s" | "m" | "re" | "ve" | "ll" | "d")
}

/// Faces made of signs.
pub(crate) fn is_emoticon(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    chars.next_if_eq(&'>');
    let eyes = chars
        .next_if(|c| matches!(c, ':' | ';' | '=' | '8' | 'X'))
        .is_some();
    chars.next_if(|c| matches!(c, '-' | '\'' | 'o' | '^'));
    let mut mouths = 0;
    while chars
        .next_if(|c| matches!(c, ')' | '(' | 'D' | 'P' | 'p' | '/' | '|' | '*' | ']' | '['))
        .is_some()
    {
        mouths += 1;
    }
    (eyes && mouths > 0 && chars.next().is_none())
        || matches!(text, "<3" | "^_^" | "-_-" | "T_T" | "(:" | "(-:")
}

/// What Penn tokenizers write for brackets.
pub(crate) fn is_escape(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "-lrb-" | "-rrb-" | "-lsb-" | "-rsb-" | "-lcb-" | "-rcb-"
    )
}
