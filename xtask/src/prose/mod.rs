//! `cargo xtask prose`: numbers in the documentation, filled from the committed results.
//!
//! A number that a run found stands between two comments, which Markdown does not show:
//!
//! ```text
//! ends at <!--n table1 task=MRPC metric=pretrained_f1 as=points-->84.7 [81.6, 87.5]<!--/n--> of F1
//! ```
//!
//! After `n` comes a source (a name from `docs/numbers.json`, which says in which file it lies), then
//! which record or row (`field=value`, several narrow the choice to one) and how it is written:
//! `column=NAME` (tables), `show=value|interval|n|seed|low|high|all` (`value` with its interval when it
//! has one is the default), `as=points` or `as=percent` (times 100), `digits=N`. Values with blanks or
//! dashes in them are quoted: `split="five folds"`.
//!
//! `--write` fills the numbers in, `--check` fails where one differs, `--dry-run` shows what would
//! change: as in ruff. So prose cannot drift from the results. A comment at the beginning of a line
//! would make that line HTML; it is refused.

mod marker;
mod source;

use anyhow::{Context, bail};
use clap::Args;
use marker::Piece;
use source::Sources;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the names of sources are.
const NUMBERS: &str = "docs/numbers.json";

/// Arguments of `cargo xtask prose`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ProseArgs {
    /// Write the numbers of the committed results into README.md and docs/*.md.
    #[arg(long)]
    write: bool,
    /// Change nothing; fail when a number differs from the results.
    #[arg(long)]
    check: bool,
    /// Change nothing; show what would change.
    #[arg(long)]
    dry_run: bool,
}

/// A number that is not what the results say.
#[derive(Debug, PartialEq)]
struct Change {
    line: usize,
    query: String,
    found: String,
    expected: String,
}

/// The text with every number filled in, and what differs.
fn fill(text: &str, sources: &Sources) -> anyhow::Result<(String, Vec<Change>)> {
    let (mut filled, mut changes) = (String::with_capacity(text.len()), Vec::new());
    for piece in marker::pieces(text)? {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Number { line, query, found } => {
                let expected = sources
                    .answer(query)
                    .with_context(|| format!("line {line}: <!--n {query}-->"))?;
                filled.push_str(&format!("<!--n {query}-->{expected}<!--/n-->"));
                if expected != found {
                    changes.push(Change {
                        line,
                        query: query.to_owned(),
                        found: found.to_owned(),
                        expected,
                    });
                }
            }
        }
    }
    Ok((filled, changes))
}

/// README.md and the pages of `docs`, by name.
fn pages(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let docs = root.join("docs");
    let mut pages = vec![root.join("README.md")];
    let entries = std::fs::read_dir(&docs).with_context(|| docs.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(pages)
}

/// Goes through all pages.
///
/// # Errors
/// A broken marker, a number that the results do not have, and with `--check` one that differs.
pub fn run(root: &Path, args: &ProseArgs) -> anyhow::Result<ExitCode> {
    let sources = Sources::read(root, &root.join(NUMBERS))?;
    let (mut numbers, mut stale) = (0, 0);
    for page in pages(root)? {
        let name = page
            .strip_prefix(root)
            .unwrap_or(&page)
            .display()
            .to_string();
        let text = std::fs::read_to_string(&page).with_context(|| name.clone())?;
        let (filled, changes) = fill(&text, &sources).with_context(|| name.clone())?;
        numbers += text.matches("<!--/n-->").count();
        stale += changes.len();
        for c in &changes {
            println!(
                "{name}:{}: '{}' should be '{}' ({})",
                c.line, c.found, c.expected, c.query
            );
        }
        if args.write && !changes.is_empty() {
            std::fs::write(&page, filled).with_context(|| name.clone())?;
        }
    }
    if args.check && stale > 0 {
        bail!(
            "{stale} of {numbers} numbers differ from the committed results: `cargo xtask prose --write` fills them in; \
             then read the sentences around them"
        );
    }
    let what = if args.write { "written" } else { "to write" };
    println!("{numbers} numbers, {stale} {what}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with one source of each kind.
    fn folder() -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "r.jsonl",
            "{\"task\":\"MRPC\",\"metric\":\"f1\",\"head\":null,\"value\":0.84688,\"n\":408,\"seed\":42,\"ci_low\":0.8161,\"ci_high\":0.8754}\n\
             {\"task\":\"RTE\",\"metric\":\"f1\",\"head\":3,\"value\":-0.02,\"n\":277,\"seed\":42,\"ci_low\":null,\"ci_high\":null}\n",
        );
        write(
            "t.csv",
            "task,\"change, in points\",change low,change high,n\nQNLI,-4.66,-10.04,1.56,1000\n",
        );
        write(
            "b.json",
            "{\"seconds\": [], \"ratios\": [{\"name\": \"x over y\", \"values\": [1.5, 1.0, 1.2, 1.3]}]}",
        );
        write(
            "numbers.json",
            "{\"r\": \"r.jsonl\", \"t\": \"t.csv\", \"b\": \"b.json\"}",
        );
        let sources = Sources::read(folder.path(), &folder.path().join("numbers.json")).unwrap();
        (folder, sources)
    }

    #[test]
    fn numbers_are_filled_in_and_what_differs_is_named() {
        let (_folder, sources) = folder();
        let text = "# T\nF1 is <!--n r task=MRPC as=points-->80.0<!--/n--> at\nn = <!--n r task=MRPC show=n-->408<!--/n-->.\n";
        let (filled, changes) = fill(text, &sources).unwrap();
        assert!(
            filled.contains("as=points-->84.7 [81.6, 87.5]<!--/n--> at\nn = "),
            "{filled}"
        );
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].line, changes[0].found.as_str()), (2, "80.0"));
        // What was written is left as it is.
        assert_eq!(
            fill(&filled, &sources).unwrap(),
            (filled.clone(), Vec::new())
        );
    }

    #[test]
    fn every_way_to_write_a_number() {
        let (_folder, sources) = folder();
        let answer = |query: &str| sources.answer(query).unwrap();
        assert_eq!(answer("r task=MRPC digits=3"), "0.847 [0.816, 0.875]");
        assert_eq!(answer("r task=MRPC as=points show=value"), "84.7");
        assert_eq!(
            answer("r task=MRPC as=points show=interval digits=0"),
            "[82, 88]"
        );
        assert_eq!(
            answer("r task=MRPC as=points show=all"),
            "84.7 [81.6, 87.5] (n = 408, seed 42)"
        );
        // A true minus sign; no interval, none shown.
        assert_eq!(answer("r metric=f1 head=3 as=points"), "−2.0");
        assert_eq!(
            answer("t task=QNLI column=\"change, in points\" digits=1"),
            "−4.7"
        );
        assert_eq!(
            answer("t task=QNLI column=change show=interval"),
            "[−10.0, 1.6]"
        );
        assert_eq!(answer("t task=QNLI column=n"), "1000");
        // A benchmark: median, least and greatest round.
        assert_eq!(answer("b name=\"x over y\" digits=2"), "1.25 [1.00, 1.50]");
    }

    #[test]
    fn wrong_queries_say_what_is_wrong() {
        let (_folder, sources) = folder();
        let error = |query: &str| format!("{:#}", sources.answer(query).unwrap_err());
        assert!(error("x task=MRPC").contains("no source 'x'"));
        assert!(error("r metric=f1").contains("2 of 2 records"));
        assert!(error("r task=SST-2").contains("0 of 2 records"));
        assert!(error("r tusk=MRPC").contains("'tusk'"));
        assert!(error("r task=RTE show=interval").contains("no interval"));
        assert!(error("t task=QNLI column=none").contains("no column 'none'"));
        assert!(error("r task=MRPC as=miles").contains("as=miles"));
    }

    #[test]
    fn broken_markers_are_refused_with_their_line() {
        let (_folder, sources) = folder();
        let error = |text: &str| format!("{:#}", fill(text, &sources).unwrap_err());
        assert!(error("a\nb <!--n r task=MRPC-->84").contains("line 2"));
        assert!(error("a <!--n r\ntask=MRPC-->84<!--/n-->").contains("line 1"));
        assert!(
            error("a\n<!--n r task=MRPC show=n-->408<!--/n-->").contains("beginning of a line")
        );
        assert!(error("a <!--/n-->").contains("no beginning"));
        assert!(
            error("a <!--n r task=MRPC-->8 <!--n r task=MRPC-->4<!--/n--><!--/n-->")
                .contains("within")
        );
        // In a code block or between back quotes a marker is text.
        let text = "`<!--n r task=MRPC-->84<!--/n-->`\n```\n<!--n r-->\n```\n";
        assert_eq!(fill(text, &sources).unwrap(), (text.to_owned(), Vec::new()));
    }

    /// The pages of this repository.
    #[test]
    fn the_documentation_holds_what_the_results_say() {
        let root = crate::root().unwrap();
        let sources = Sources::read(root, &root.join(NUMBERS)).unwrap();
        let mut numbers = 0;
        for page in pages(root).unwrap() {
            let text = std::fs::read_to_string(&page).unwrap();
            let (_, changes) = fill(&text, &sources).unwrap();
            assert!(changes.is_empty(), "{}: {changes:?}", page.display());
            numbers += text.matches("<!--/n-->").count();
        }
        assert!(numbers > 50, "{numbers} numbers");
    }
}
