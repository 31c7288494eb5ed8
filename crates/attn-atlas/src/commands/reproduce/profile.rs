//! Profiles: options in a small file, beneath those of the command line.

use anyhow::{Context, bail};
use std::ffi::OsString;
use std::path::Path;

/// The profiles that come with the program.
const BUILT_IN: [(&str, &str); 3] = [
    (
        "starter",
        include_str!("../../../../../profiles/starter.toml"),
    ),
    ("glue", include_str!("../../../../../profiles/glue.toml")),
    ("paper", include_str!("../../../../../profiles/paper.toml")),
];

/// The text of a profile that comes with the program, or of a file.
///
/// # Errors
/// A name that is neither.
fn text(profile: &str) -> anyhow::Result<String> {
    if let Some((_, text)) = BUILT_IN.iter().find(|(name, _)| *name == profile) {
        return Ok((*text).to_owned());
    }
    let names = BUILT_IN.map(|(name, _)| name).join(", ");
    std::fs::read_to_string(Path::new(profile)).with_context(|| {
        format!("profile '{profile}': expected {names} or a file like those in profiles/")
    })
}

/// The options of a profile as words of a command line, without those that `given` (the user's
/// words) names itself.
///
/// # Errors
/// An unknown profile, or one that is not a table of plain values.
pub fn options(profile: &str, given: &[OsString]) -> anyhow::Result<Vec<String>> {
    let table: toml::Table = text(profile)?
        .parse()
        .with_context(|| format!("profile '{profile}'"))?;
    let mut words = Vec::new();
    for (name, value) in table {
        let option = format!("--{name}");
        // A value need not be UTF-8, a path say, but an option's name is.
        let own = |word: &OsString| {
            let mut parts = word.as_encoded_bytes().split(|&byte| byte == b'=');
            parts.next() == Some(option.as_bytes())
        };
        if given.iter().any(own) {
            continue;
        }
        let value = match value {
            toml::Value::Boolean(false) => continue,
            toml::Value::Boolean(true) => {
                words.push(option);
                continue;
            }
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Array(values) => {
                let parts = values.iter().map(|v| v.as_str().map(str::to_owned));
                let parts: Option<Vec<String>> = parts.collect();
                let parts = parts.with_context(|| {
                    format!("profile '{profile}': {name}: expected a list of texts")
                })?;
                parts.join(",")
            }
            other => bail!(
                "profile '{profile}': {name}: expected a text, a number, true or a list, found {other}"
            ),
        };
        words.extend([option, value]);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn the_command_line_counts_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, "model = \"m\"\nmax-eval = 7\ntasks = [\"RTE\", \"MRPC\"]\nbert-adam = true\nlenient = false\nlearning-rate = 2e-5\n").unwrap();
        let path = path.to_str().unwrap();
        let words = options(path, &["--max-eval=9".into(), "--model".into(), "n".into()]).unwrap();
        assert_eq!(
            words.join(" "),
            "--bert-adam --learning-rate 0.00002 --tasks RTE,MRPC"
        );
    }

    #[test]
    fn the_profiles_that_come_with_the_program_are_command_lines() {
        for (name, _) in BUILT_IN {
            let words = options(name, &[]).unwrap();
            let line = ["attn".to_owned(), "reproduce".to_owned()]
                .into_iter()
                .chain(words);
            assert!(
                matches!(
                    Cli::try_parse_from(line).unwrap().command,
                    Command::Reproduce(_)
                ),
                "{name}"
            );
        }
        let error = options("nonesuch", &[]).unwrap_err().to_string();
        assert!(error.contains("starter, glue, paper"), "{error}");
    }
}
