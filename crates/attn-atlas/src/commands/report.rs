//! `attn report`: what lies in one or several run folders as one page, and as REPORT.md.
//!
//! A run folder has a manifest, records, `figures/*.svg` and `tables/*.csv`, and may have
//! `findings.jsonl` about the paper's claims. A folder of such folders is looked through to some
//! depth, so that `attn report results` takes every run there is.

mod collect;

use crate::cli::ReportArgs;
use crate::findings;
use anyhow::{Context, ensure};
use attn_core::io::write_atomically;
use attn_core::place::{Output, check};
use attn_core::{Finding, Manifest};
use attn_figures::PAGE_MARKS;
use attn_figures::claims::PaperClaims;
use attn_figures::report::{
    Block, Link, Report, ReportFigure, ReportTable, Section, table_from_csv,
};
use collect::{Found, files, find};
use std::path::{Component, Path, PathBuf};

/// The paper's claims, which belong to the program.
pub const CLAIMS: &str = include_str!("../../../../results/paper/claims.json");

/// What every report says near its beginning, in Markdown, and in HTML.
const MARKS: &[&[u8]] = &[
    b"Claims and the paper's numbers: ",
    PAGE_MARKS[0],
    PAGE_MARKS[1],
];

/// Collects runs and writes the two reports.
pub fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| args.folder.join("report.html"));
    let found = find(&args.folder)?;
    let runs = found.iter().filter(|f| f.run).count();
    ensure!(
        runs > 0,
        "{}: no run here; expected manifest.json, or folders that have one",
        args.folder.display()
    );
    let base = absolute(
        out.parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    )?;
    let paper: PaperClaims = serde_json::from_str(CLAIMS).context("results/paper/claims.json")?;
    let mut report = Report {
        title: args.title.clone().unwrap_or_else(|| title(&args.folder)),
        text: vec![format!(
            "{runs} runs. Claims and the paper's numbers: {}.",
            paper.source
        )],
        claims: paper.claims,
        ..Report::default()
    };
    let mut written = Vec::new();
    for found in &found {
        let Found { folder, run } = found;
        let mut section = section(found, &base)?;
        let place = relative(&absolute(folder)?, &absolute(&args.folder)?);
        if !place.is_empty() {
            section.title = place.replace('/', " / ");
        }
        report.sections.push(section);
        if !run {
            continue;
        }
        let own = findings::written(folder)?;
        report
            .findings
            .extend(findings::of_run(folder, &own.records)?);
        written.push(own);
    }
    report.findings.extend(findings::across::findings(&written));
    let known = |f: &Finding| report.claims.iter().any(|c| c.id == f.claim);
    if let Some(stray) = report.findings.iter().find(|f| !known(f)) {
        eprintln!(
            "note: a finding names claim '{}', which results/paper/claims.json has not",
            stray.claim
        );
    }
    let html = report.html();
    let markdown = out.with_file_name("REPORT.md");
    for path in [&out, &markdown] {
        check(path, Output::Marked(MARKS), &[])?;
    }
    write_atomically(&out, |file| file.write_all(html.as_bytes()))?;
    write_atomically(&markdown, |file| {
        file.write_all(report.markdown().as_bytes())
    })?;
    println!("{}\n{}", out.display(), markdown.display());
    Ok(())
}

fn title(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    format!("Attention Atlas: {}", name(&full))
}

/// The last part of a path.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}: not a path", path.display()))
}

/// `path` as seen from the folder `base`, both absolute, with `/` between the parts.
fn relative(path: &Path, base: &Path) -> String {
    let normal = |path: &Path| -> Vec<String> {
        let mut parts = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::ParentDir => {
                    parts.pop();
                }
                _ => {}
            }
        }
        parts
    };
    let (path, base) = (normal(path), normal(base));
    let shared = path.iter().zip(&base).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), base.len() - shared);
    up.chain(path[shared..].iter().cloned())
        .collect::<Vec<_>>()
        .join("/")
}

fn link(path: &Path, base: &Path) -> anyhow::Result<Link> {
    Ok(Link::file(name(path), &relative(&absolute(path)?, base)))
}

/// What lies in one folder: a run, or figures and tables that were drawn from the runs below it.
fn section(Found { folder, run }: &Found, base: &Path) -> anyhow::Result<Section> {
    let path = folder.join("manifest.json");
    let manifest: Option<Manifest> = run
        .then(|| {
            serde_json::from_str(&read(&path)?)
                .with_context(|| format!("{}: not a manifest; make the run again", path.display()))
        })
        .transpose()?;
    let mut links = Vec::new();
    for name in [
        "manifest.json",
        "records.jsonl",
        "records.parquet",
        "findings.jsonl",
        "claims.jsonl",
    ] {
        let path = folder.join(name);
        if path.is_file() {
            links.push(self::link(&path, base)?);
        }
    }
    let mut tables = Vec::new();
    // A training keeps its curve and its epochs beside the manifest.
    for path in [files(&folder.join("tables"), "csv")?, files(folder, "csv")?].concat() {
        tables.push(table(&path, base)?);
    }
    let mut blocks = Vec::new();
    let figures = [
        files(&folder.join("figures"), "svg")?,
        files(folder, "svg")?,
    ]
    .concat();
    let names: Vec<String> = figures.iter().map(|p| stem(p)).collect();
    for (path, name) in figures.iter().zip(&names) {
        let png = path.with_extension("png");
        let mut links = vec![link(path, base)?];
        if png.is_file() {
            links.push(link(&png, base)?);
        }
        blocks.push(Block::Figure(ReportFigure {
            name: name.clone(),
            svg: read(path)?,
            links,
        }));
        // A table stands under the figure that its name begins with, the longest such name.
        let owner = |table: &ReportTable| {
            names
                .iter()
                .filter(|n| table.name.starts_with(n.as_str()))
                .max_by_key(|n| n.len())
        };
        let (mine, rest) = tables
            .into_iter()
            .partition::<Vec<_>, _>(|t| owner(t) == Some(name));
        blocks.extend(mine.into_iter().map(Block::Table));
        tables = rest;
    }
    blocks.extend(tables.into_iter().map(Block::Table));
    let (title, text) = match &manifest {
        Some(manifest) => (manifest.run.clone(), Vec::new()),
        None => (
            name(folder),
            vec![
                "Drawn from the runs that follow; their manifests say what these were made from."
                    .to_owned(),
            ],
        ),
    };
    Ok(Section {
        title,
        text,
        blocks,
        manifest,
        links,
    })
}

/// A table from its CSV; its title is that of the Markdown file beside it.
fn table(path: &Path, base: &Path) -> anyhow::Result<ReportTable> {
    let markdown = path.with_extension("md");
    let mut links = vec![link(path, base)?];
    let mut title = String::new();
    if markdown.is_file() {
        links.push(link(&markdown, base)?);
        title = read(&markdown)?
            .lines()
            .next()
            .map(plain_title)
            .unwrap_or_default();
    }
    let name = path.display().to_string();
    let table = table_from_csv(&name, &title, &read(path)?)?;
    Ok(ReportTable {
        name: stem(path),
        table,
        links,
    })
}

/// The title of a table's Markdown: its first line in bold, without escapes.
fn plain_title(line: &str) -> String {
    let Some(title) = line.strip_prefix("**").and_then(|l| l.strip_suffix("**")) else {
        return String::new();
    };
    let mut out = String::new();
    let mut characters = title.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_seen_from_the_report() {
        let see = |path: &str, base: &str| relative(Path::new(path), Path::new(base));
        assert_eq!(see("/r/a/figures/x.svg", "/r"), "a/figures/x.svg");
        assert_eq!(see("/r/a/x.svg", "/r/b/c"), "../../a/x.svg");
        assert_eq!(see("/r/../q/x", "/q"), "x");
    }

    #[test]
    fn titles_lose_their_escapes() {
        assert_eq!(plain_title("**a \\*b\\* &lt;c&gt; \\\\**"), "a *b* <c> \\");
        assert_eq!(plain_title("| a | b |"), "");
    }

    #[test]
    fn the_papers_claims_are_read_and_their_ids_are_unique() {
        let paper: PaperClaims = serde_json::from_str(CLAIMS).unwrap();
        let ids: std::collections::BTreeSet<_> = paper.claims.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), paper.claims.len());
        assert!(
            paper
                .claims
                .iter()
                .all(|c| !c.section.is_empty() && !c.statement.is_empty())
        );
    }

    #[test]
    fn a_folder_of_runs_becomes_a_report() {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        for run in ["m-d/one", "m-d/two"] {
            let run = results.join(run);
            std::fs::create_dir_all(run.join("figures")).unwrap();
            std::fs::create_dir_all(run.join("tables")).unwrap();
            let manifest = serde_json::json!({
                "run": run.file_name().unwrap().to_string_lossy(), "command": ["attn"], "config": {}, "inputs": [],
                "seeds": {}, "versions": {}, "device": "flex 0", "threads": 1, "seconds": {}, "git": null, "notes": [],
            });
            std::fs::write(run.join("manifest.json"), manifest.to_string()).unwrap();
            std::fs::write(
                run.join("figures/f.svg"),
                "<svg width=\"1\"><rect x=\"0\"><title>v 1</title></rect></svg>",
            )
            .unwrap();
            std::fs::write(run.join("tables/f-heads.csv"), "a,b\r\n1,x\r\n").unwrap();
            std::fs::write(run.join("tables/f-heads.md"), "**Heads**\n\n| a | b |\n").unwrap();
        }
        // Figures of several runs together, above them; figures of a run that was not finished.
        for (folder, drawn) in [("m-d", "all"), ("m-d/unfinished", "half")] {
            let figures = results.join(folder).join("figures");
            std::fs::create_dir_all(&figures).unwrap();
            let svg = format!("<svg width=\"1\"><rect x=\"0\"><title>{drawn}</title></rect></svg>");
            std::fs::write(figures.join("g.svg"), svg).unwrap();
        }
        let args = |folder: &Path| ReportArgs {
            folder: folder.to_owned(),
            out: None,
            title: None,
        };
        run(&args(&results)).unwrap();
        let html = std::fs::read_to_string(results.join("report.html")).unwrap();
        assert_eq!(html.matches("<title>v 1</title>").count(), 2);
        assert_eq!(html.matches("<title>all</title>").count(), 1);
        assert!(!html.contains("<title>half</title>"));
        assert!(html.contains("2 runs."));
        assert!(html.contains("href=\"m-d/one/figures/f.svg\"") && html.contains("<h3>Heads</h3>"));
        let markdown = std::fs::read_to_string(results.join("REPORT.md")).unwrap();
        assert!(
            markdown.contains("![f](m-d/two/figures/f.svg)"),
            "{markdown}"
        );
        std::fs::write(results.join("m-d/two/tables/f-heads.csv"), "a,b\n1\n").unwrap();
        let error = format!("{:#}", run(&args(&results)).unwrap_err());
        assert!(error.contains("f-heads.csv, line 2"), "{error}");
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert!(
            run(&args(&empty))
                .unwrap_err()
                .to_string()
                .contains("no run here")
        );
    }
}
