//! The page of claims: what was measured first, the rest folded up.

use super::{Report, claim_numbers};
use crate::claims::{Claim, Verdict};
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
    let (told, open): (Vec<&Claim>, Vec<&Claim>) = report
        .claims
        .iter()
        .partition(|c| report.findings_of(&c.id).next().is_some());
    let _ = write!(
        out,
        "<p class=\"muted\">{} of {} claims are measured in these runs. Findings: {} hold, {} do not, {} cannot be told at their n.</p>",
        told.len(),
        report.claims.len(),
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::CannotBeTold),
    );
    if !told.is_empty() {
        table(report, &told, out);
    }
    if !open.is_empty() {
        let _ = write!(
            out,
            "<details><summary>Not measured here: {} claims</summary>",
            open.len()
        );
        table(report, &open, out);
        out.push_str("</details>");
    }
    out.push_str("</section>\n");
}

fn table(report: &Report, claims: &[&Claim], out: &mut String) {
    out.push_str("<div class=\"scroll\"><table class=\"sortable claims\"><thead><tr>");
    for name in [
        "Section",
        "Claim",
        "The paper's numbers",
        "Verdict",
        "What we find",
    ] {
        let _ = write!(
            out,
            "<th scope=\"col\"><button type=\"button\">{name}</button></th>"
        );
    }
    out.push_str("</tr></thead><tbody>\n");
    for claim in claims {
        let (mut verdicts, mut found) = (String::new(), String::new());
        for finding in report.findings_of(&claim.id) {
            let (class, words) = (class(finding.verdict), finding.verdict.words());
            let _ = write!(verdicts, "<p class=\"verdict {class}\">{words}</p>");
            let _ = write!(found, "<p>{}</p>", escape(&finding.in_words()));
        }
        if verdicts.is_empty() {
            verdicts.push_str("<span class=\"muted\">not measured here</span>");
        }
        let _ = writeln!(
            out,
            "<tr id=\"claim-{}\"><td>{}<br><small>{}</small></td><td>{}</td><td>{}</td><td>{verdicts}</td><td>{found}</td></tr>",
            escape(&claim.id),
            escape(&claim.section),
            escape(&claim.place),
            escape(&claim.statement),
            escape(&claim_numbers(claim)),
        );
    }
    out.push_str("</tbody></table></div>");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "yes",
        Verdict::DoesNotHold => "no",
        Verdict::CannotBeTold => "open",
    }
}
