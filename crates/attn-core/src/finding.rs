//! What a run says about a claim of the paper.

use crate::Estimate;
use serde::{Deserialize, Serialize};

/// Whether a claim holds here.
///
/// The rules that lead to one are in `attn_stats::verdict`. A verdict other than
/// [`Verdict::Inconclusive`] needs a confidence interval, a test or an exact count behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The claim is shown.
    Holds,
    /// The opposite of the claim is shown.
    #[serde(alias = "does_not")]
    DoesNotHold,
    /// Neither is: an interval that allows both, a test that finds nothing, or no interval at all.
    #[serde(alias = "cannot_be_told")]
    Inconclusive,
}

impl Verdict {
    /// In the order in which reports list them.
    pub const ALL: [Verdict; 3] = [Verdict::Holds, Verdict::DoesNotHold, Verdict::Inconclusive];

    /// In words, without the number of examples.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "does not hold",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// In words; an inconclusive one says on how many examples.
    pub fn words_at(self, n: usize) -> String {
        match self {
            Verdict::Inconclusive => format!("{} (n = {n})", self.words()),
            _ => self.words().to_owned(),
        }
    }
}

/// What one run finds about one claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The claim's id in `results/paper/claims.json`.
    pub claim: String,
    /// The model.
    pub model: String,
    /// The task, when the finding is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The rule behind the verdict, in words: what would make the claim hold, and what would not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// What was found, in one sentence with its numbers.
    pub finding: String,
    /// The number that decides, when there is one.
    #[serde(default)]
    pub value: Option<f64>,
    /// Lower end of its 95 % confidence interval; absent where it has none.
    #[serde(default)]
    pub ci_low: Option<f64>,
    /// Upper end of its 95 % confidence interval; absent where it has none.
    #[serde(default)]
    pub ci_high: Option<f64>,
    /// Examples, sentences or whatever it rests on.
    pub n: usize,
    /// The seed of everything random in it.
    pub seed: u64,
}

impl Finding {
    /// With the number that decides.
    #[must_use]
    pub fn with(self, number: Estimate) -> Self {
        Self {
            value: Some(number.mean),
            ci_low: number.interval.map(|i| i.0),
            ci_high: number.interval.map(|i| i.1),
            n: number.n,
            ..self
        }
    }

    /// The verdict in words.
    pub fn verdict_words(&self) -> String {
        self.verdict.words_at(self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            claim: "tuning-gain".into(),
            model: "m".into(),
            task: None,
            verdict: Verdict::Inconclusive,
            rule: String::new(),
            finding: "found".into(),
            value: None,
            ci_low: None,
            ci_high: None,
            n: 0,
            seed: 42,
        }
    }

    #[test]
    fn a_number_without_an_interval_publishes_none() {
        let found = finding().with(Estimate::without_interval(4.0, 277));
        assert_eq!(
            (found.value, found.ci_low, found.ci_high),
            (Some(4.0), None, None)
        );
        assert_eq!(found.verdict_words(), "inconclusive (n = 277)");
        let found = finding().with(Estimate {
            mean: 0.5,
            n: 9,
            interval: Some((0.25, 0.75)),
        });
        assert_eq!(
            (found.ci_low, found.ci_high, found.n),
            (Some(0.25), Some(0.75), 9)
        );
        assert_eq!(Verdict::Holds.words_at(9), "holds");
    }

    /// Files that older versions wrote.
    #[test]
    fn older_names_of_verdicts_are_read() {
        let read = |text: &str| serde_json::from_str::<Verdict>(text).unwrap();
        assert_eq!(read("\"cannot_be_told\""), Verdict::Inconclusive);
        assert_eq!(read("\"does_not\""), Verdict::DoesNotHold);
        assert_eq!(
            serde_json::to_string(&Verdict::Inconclusive).unwrap(),
            "\"inconclusive\""
        );
        let line =
            r#"{"claim":"c","model":"m","verdict":"does_not_hold","finding":"f","n":1,"seed":2}"#;
        let found: Finding = serde_json::from_str(line).unwrap();
        assert_eq!((found.verdict, found.value), (Verdict::DoesNotHold, None));
    }
}
