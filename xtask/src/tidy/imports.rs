//! Files of one crate that import each other.
//!
//! A path that starts with `crate::`, `super::` or `self::` is followed to the file of the longest
//! module path that it begins with. That is a reading of the text, not of the compiler: names that a
//! `mod.rs` re-exports count as imports of that `mod.rs`.

use anyhow::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Module = Vec<String>;

/// Pairs of files below `src` that import each other.
pub fn check(root: &Path, src: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let mut modules: BTreeMap<Module, &Path> = BTreeMap::new();
    for file in files {
        if let Ok(inner) = file.strip_prefix(src) {
            modules.insert(module(inner), file);
        }
    }
    let mut edges: BTreeSet<(&Module, &Module)> = BTreeSet::new();
    for (own, file) in &modules {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        for path in paths(&text, own) {
            let target = (0..=path.len())
                .rev()
                .find_map(|n| modules.get_key_value(&path[..n]).map(|(m, _)| m));
            if let Some(target) = target.filter(|target| *target != own) {
                edges.insert((own, target));
            }
        }
    }
    let mutual = edges.iter().filter(|(a, b)| {
        let family = a.starts_with(b) || b.starts_with(a);
        a < b && !family && edges.contains(&(*b, *a))
    });
    let shown = |module: &Module| {
        let file = modules.get(module).copied().unwrap_or(src);
        file.strip_prefix(root)
            .unwrap_or(file)
            .display()
            .to_string()
    };
    Ok(mutual
        .map(|(a, b)| format!("{} and {} import each other", shown(a), shown(b)))
        .collect())
}

/// The module path of a file below `src`.
fn module(inner: &Path) -> Module {
    let mut path: Module = inner
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if matches!(
        path.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        path.pop();
    }
    path
}

/// Module paths that a file of the module `own` names, from the crate's root.
fn paths(text: &str, own: &Module) -> Vec<Module> {
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    // The tests within a file look at everything by right.
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            follow(&code[at..], &mut Vec::new(), own, &mut found);
        }
    }
    found
}

/// Reads one path, with braces, from where `text` starts; `prefix` is what has been read of it.
fn follow(text: &str, prefix: &mut Vec<String>, own: &Module, found: &mut Vec<Module>) -> usize {
    let mut at = 0;
    let depth = prefix.len();
    loop {
        let rest = &text[at..];
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        at += name.len();
        if !name.is_empty() {
            prefix.push(name);
        }
        if text[at..].starts_with("::{") {
            at += 3;
            loop {
                let skipped = text[at..].len() - text[at..].trim_start().len();
                at += skipped;
                match text[at..].chars().next() {
                    Some('}') => {
                        at += 1;
                        break;
                    }
                    Some(',') => at += 1,
                    // Another name for what was just read.
                    Some('a') if text[at..].starts_with("as ") => {
                        let rest = &text[at..];
                        at += rest.find([',', '}']).unwrap_or(rest.len());
                    }
                    Some(c) if c.is_alphanumeric() || c == '_' => {
                        at += follow(&text[at..], prefix, own, found);
                    }
                    // `as name`, `*`, or no import at all.
                    Some(c) => at += c.len_utf8(),
                    None => break,
                }
            }
            break;
        }
        if text[at..].starts_with("::") {
            at += 2;
            continue;
        }
        found.extend(absolute(prefix, own));
        break;
    }
    prefix.truncate(depth);
    at
}

/// A path from the crate's root.
fn absolute(path: &[String], own: &Module) -> Option<Module> {
    let mut base: Module = match path.first()?.as_str() {
        "crate" => Vec::new(),
        _ => own.clone(),
    };
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                base.pop()?;
            }
            _ => break,
        }
        rest = tail;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, own: &[&str]) -> Vec<String> {
        let own: Module = own.iter().map(|&part| part.to_owned()).collect();
        paths(text, &own)
            .iter()
            .map(|path| path.join("/"))
            .collect()
    }

    #[test]
    fn paths_are_read_with_their_braces() {
        let text = "use crate::a::{B, c::{D, E as F}};\nuse super::super::g::H; // crate::z\n";
        assert_eq!(named(text, &["x", "y"]), ["a/B", "a/c/D", "a/c/E", "g/H"]);
        assert_eq!(
            named("fn f() -> super::K { self::l() }", &["x", "y"]),
            ["x/K", "x/y/l"]
        );
        assert!(named("use std::io;\nuse foo::crate_thing;", &["x"]).is_empty());
    }

    #[test]
    fn tests_at_the_end_are_not_read() {
        assert!(
            named(
                "#[cfg(test)]\nmod tests { use super::*; use crate::q::R; }",
                &["x"]
            )
            .is_empty()
        );
    }
}
