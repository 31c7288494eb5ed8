//! `claims.jsonl` of `attn ablate` as findings.

use crate::ablation::claims::{Claim, Verdict as Sweep};
use attn_core::Task;
use attn_figures::claims::{Finding, Verdict};

/// What a sweep says about claims that the paper makes.
pub fn findings(claims: &[Claim]) -> Vec<Finding> {
    claims.iter().filter_map(of_sweep).collect()
}

/// A sweep's claim as a finding; `None` where the paper says nothing of the kind about the task.
fn of_sweep(claim: &Claim) -> Option<Finding> {
    let task = claim.task.parse::<Task>().ok();
    let id = match (claim.key.as_str(), task) {
        ("best-head", _) => "some-head-off-helps",
        ("average-head", Some(Task::Mrpc | Task::Rte)) => "random-head-off-helps",
        ("best-layer", _) => "layer-off-helps",
        ("first-layer", Some(Task::Rte)) => "first-layer-off-helps",
        ("first-layer", Some(Task::Qnli | Task::Mnli)) => "layer-off-hurts",
        _ => return None,
    };
    let mut finding = format!(
        "{}, {}, mode {}; p = {:.3}",
        claim.found, claim.metric, claim.mode, claim.p
    );
    if let Some(holm) = claim.holm {
        finding.push_str(&format!(", {holm:.3} after Holm's correction"));
    }
    if let Some(least) = claim.smallest_significant {
        finding.push_str(&format!(
            "; no gain below {least:.3} can be significant at this n"
        ));
    }
    if let Some(power) = claim.power {
        finding.push_str(&format!("; power for the paper's difference {power:.2}"));
    }
    finding.push_str("; difference to the whole model");
    Some(Finding {
        claim: id.to_owned(),
        model: claim.model.clone(),
        task: Some(claim.task.clone()),
        verdict: match claim.verdict {
            Sweep::Holds => Verdict::Holds,
            Sweep::DoesNot => Verdict::DoesNotHold,
            Sweep::CannotBeTold => Verdict::CannotBeTold,
        },
        finding,
        value: Some(claim.difference),
        ci_low: claim.interval.map(|i| i.0),
        ci_high: claim.interval.map(|i| i.1),
        n: claim.n,
        seed: claim.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_speaks_about_claims_that_the_paper_makes() {
        let line = r#"{"model":"m","task":"RTE","mode":"uniform","metric":"accuracy","key":"first-layer",
            "claim":"c","paper":3.2,"found":"layer 1","difference":0.02,"interval":[-0.01,0.05],"p":0.5,
            "holm":null,"verdict":"cannot_be_told","least_detectable":0.12,"n":100,"seed":42}"#;
        let claim: Claim = serde_json::from_str(line).unwrap();
        let finding = of_sweep(&claim).unwrap();
        assert_eq!(finding.claim, "first-layer-off-helps");
        assert_eq!(finding.verdict, Verdict::CannotBeTold);
        assert_eq!(
            (finding.value, finding.ci_low, finding.n),
            (Some(0.02), Some(-0.01), 100)
        );
        assert!(
            finding
                .finding
                .contains("layer 1, accuracy, mode uniform; p = 0.500; no gain below"),
            "{}",
            finding.finding
        );
        // The paper names MRPC and RTE only.
        let other = Claim {
            key: "average-head".into(),
            task: "SST-2".into(),
            ..claim
        };
        assert_eq!(of_sweep(&other), None);
        // Every id that a sweep can give is one of the paper's claims.
        let paper: attn_figures::claims::PaperClaims =
            serde_json::from_str(crate::commands::report::CLAIMS).unwrap();
        for (key, task) in [
            ("best-head", "QQP"),
            ("average-head", "MRPC"),
            ("best-layer", "QQP"),
            ("first-layer", "RTE"),
            ("first-layer", "MNLI"),
        ] {
            let claim = Claim {
                key: key.into(),
                task: task.into(),
                ..other.clone()
            };
            let id = of_sweep(&claim).unwrap().claim;
            assert!(paper.claims.iter().any(|c| c.id == id), "{id}");
        }
    }
}
