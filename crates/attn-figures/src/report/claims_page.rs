//! The page of claims: what was measured first, the rest folded up.

use super::{Report, claim_numbers, deciding_number, rules};
use crate::claims::{Finding, PaperClaim, Verdict};
use crate::svg::escape;
use std::fmt::Write;

pub(super) fn write(report: &Report, out: &mut String) {
    out.push_str("<section id=\"claims\" class=\"card\"><h2>The paper's claims</h2>");
    let count = |verdict| {
        report
            .findings
            .iter()
            .filter(|f| f.verdict == verdict)
            .count()
    };
    let (told, open): (Vec<&PaperClaim>, Vec<&PaperClaim>) = report
        .claims
        .iter()
        .partition(|c| report.findings_of(&c.id).next().is_some());
    let _ = write!(
        out,
        "<p class=\"muted\">{} of {} claims are measured in these runs. Findings: {} hold, {} do not, {} are inconclusive.</p>",
        told.len(),
        report.claims.len(),
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::Inconclusive),
    );
    for claim in told {
        one(report, claim, out);
    }
    if !open.is_empty() {
        let _ = write!(
            out,
            "<details><summary>Not measured here: {} claims</summary><ul>",
            open.len()
        );
        for claim in open {
            let _ = writeln!(
                out,
                "<li id=\"claim-{}\">{} {}</li>",
                escape(&claim.id),
                escape(&claim.statement),
                place(claim)
            );
        }
        out.push_str("</ul></details>");
    }
    out.push_str("</section>\n");
}

/// Section, place and the paper's numbers.
fn place(claim: &PaperClaim) -> String {
    let mut text = format!(
        "<span class=\"muted\">Section {}, {}.",
        escape(&claim.section),
        escape(&claim.place)
    );
    let numbers = claim_numbers(claim);
    if !numbers.is_empty() {
        let _ = write!(text, " The paper's numbers: {}.", escape(&numbers));
    }
    text.push_str("</span>");
    text
}

/// A claim, how many findings say what of it, and these in a table that folds.
fn one(report: &Report, claim: &PaperClaim, out: &mut String) {
    let found: Vec<&Finding> = report.findings_of(&claim.id).collect();
    let _ = write!(
        out,
        "<article class=\"claim\" id=\"claim-{}\"><h3>{}</h3><p>{}</p><p>",
        escape(&claim.id),
        escape(&claim.statement),
        place(claim)
    );
    for verdict in Verdict::ALL {
        let count = found.iter().filter(|f| f.verdict == verdict).count();
        if count > 0 {
            let times = if found.len() == 1 {
                String::new()
            } else {
                format!(": {count} of {}", found.len())
            };
            let (class, words) = (class(verdict), verdict.words());
            let _ = write!(
                out,
                "<span class=\"verdict {class}\">{words}{times}</span> "
            );
        }
    }
    out.push_str("</p>");
    for rule in rules(found.iter().copied()) {
        let _ = write!(out, "<p class=\"muted\">Rule: {}.</p>", escape(rule));
    }
    // Few findings are read at once; many are for those who ask.
    let opened = if found.len() <= 3 { " open" } else { "" };
    let _ = write!(
        out,
        "<details{opened}><summary>{} finding{}</summary><div class=\"scroll\"><table class=\"sortable claims\"><thead><tr>",
        found.len(),
        if found.len() == 1 { "" } else { "s" }
    );
    for name in [
        "Model",
        "Task",
        "Verdict",
        "Value",
        "n",
        "Seed",
        "What we find",
    ] {
        let _ = write!(
            out,
            "<th scope=\"col\"><button type=\"button\">{name}</button></th>"
        );
    }
    out.push_str("</tr></thead><tbody>\n");
    for finding in found {
        let value = deciding_number(finding).map_or_else(
            || "<td></td>".to_owned(),
            |shown| {
                format!(
                    "<td data-v=\"{}\">{}</td>",
                    finding.value.unwrap_or(f64::NAN),
                    escape(&shown)
                )
            },
        );
        let (class, words) = (class(finding.verdict), finding.verdict_words());
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"verdict {class}\">{words}</td>{value}<td data-v=\"{}\">{}</td><td>{}</td><td>{}</td></tr>",
            escape(&finding.model),
            escape(finding.task.as_deref().unwrap_or("")),
            finding.n,
            finding.n,
            finding.seed,
            escape(&finding.finding),
        );
    }
    out.push_str("</tbody></table></div></details></article>\n");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "yes",
        Verdict::DoesNotHold => "no",
        Verdict::Inconclusive => "open",
    }
}
