//! What one file's text shows: its first line, its length, `unsafe`.

use super::LINES;

/// What is wrong with a file of a package.
pub fn check(package: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    // Attributes of the whole file may come before it.
    let mut heads = text
        .lines()
        .filter(|l| !l.trim().is_empty() && !l.starts_with("#!["));
    if !heads.next().is_some_and(|line| line.starts_with("//!")) {
        complaints.push("no `//!` line says what the file is for".to_owned());
    }
    let lines = text.lines().count();
    if lines > LINES {
        complaints.push(format!("{lines} lines; at most {LINES}"));
    }
    if package != "attn-kernels" {
        for (at, line) in text.lines().enumerate() {
            if has_unsafe(line) {
                let line = at + 1;
                complaints.push(format!(
                    "line {line}: `unsafe`, which only attn-kernels may contain"
                ));
            }
        }
    }
    complaints
}

/// Whether a line has an `unsafe` block, function, trait or implementation, outside of comments and
/// text.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    [
        "unsafe {",
        "unsafe fn ",
        "unsafe impl ",
        "unsafe trait ",
        "unsafe extern ",
    ]
    .iter()
    .any(|form| {
        code.match_indices(form).any(|(at, _)| {
            // An odd number of quotation marks before it: within a string.
            let before = &code[..at];
            before
                .replace("\\\"", "")
                .matches('"')
                .count()
                .is_multiple_of(2)
                && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '`')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_told_from_words() {
        assert!(has_unsafe("    unsafe { f() }"));
        assert!(has_unsafe("pub unsafe fn f() {"));
        assert!(!has_unsafe("// unsafe { f() }"));
        assert!(!has_unsafe("unsafe_code = \"forbid\""));
        assert!(!has_unsafe("let text = \"unsafe { f() }\";"));
    }

    #[test]
    fn attributes_may_precede_the_first_line() {
        assert!(check("attn-core", "#![cfg(test)]\n\n//! Tests.\n").is_empty());
        assert_eq!(check("attn-core", "use a;\n//! Late.\n").len(), 1);
    }
}
