//! The machine's matrix product: what the share that a program reaches is a share of.

use super::{BenchArgs, measured, number};
use crate::root;
use std::path::Path;

/// Multiply-adds a second of two libraries' product of two squares of 1024, the best of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Burn's, by the example `sweep_speed` of attn-ablate.
    pub burn: f64,
    /// PyTorch's, by `ablate_peer.py` beside its tests.
    pub torch: f64,
}

impl Peak {
    /// Measures both. `sweep` is the built example.
    ///
    /// # Errors
    /// A program that fails.
    pub fn measure(args: &BenchArgs, sweep: &Path, python: &Path) -> anyhow::Result<Self> {
        let peer = root()?.join("crates/attn-ablate/tests/reference/ablate_peer.py");
        let ours = measured(args.program(sweep).arg("peak"))?;
        let mut theirs = args.program(python);
        theirs.arg(peer).arg("--peak");
        let theirs = measured(theirs.args(["--threads", &args.threads().to_string()]))?;
        Ok(Self {
            burn: number(&ours, "multiply_adds_per_second")?,
            torch: number(&theirs, "multiply_adds_per_second")?,
        })
    }

    /// The better of two measurements, for each library.
    pub fn max(self, other: Self) -> Self {
        Self {
            burn: self.burn.max(other.burn),
            torch: self.torch.max(other.torch),
        }
    }

    /// The better library's: what the machine was seen to do.
    pub fn machine(self) -> f64 {
        self.burn.max(self.torch)
    }

    /// Both as a line of a report.
    pub fn fact(self) -> String {
        format!(
            "best matrix product (1024 x 1024 x 1024): Burn {:.1}, PyTorch {:.1} billion multiply-adds a second",
            self.burn / 1e9,
            self.torch / 1e9
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_measurement_counts() {
        let peak = |burn, torch| Peak { burn, torch };
        let best = peak(5e9, 2e9).max(peak(1e9, 7.5e9));
        assert_eq!(best, peak(5e9, 7.5e9));
        assert_eq!(best.machine(), 7.5e9);
        assert!(best.fact().contains("Burn 5.0, PyTorch 7.5 billion"));
    }
}
