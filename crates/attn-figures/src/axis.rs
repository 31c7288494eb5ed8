//! Scales: round ticks and numbers as people write them.

/// A round step (1, 2 or 5 times a power of ten) that cuts `span` into about `target` parts.
fn round_step(span: f64, target: usize) -> f64 {
    let raw = span / target.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let lead = raw / power;
    let round = if lead <= 1.0 {
        1.0
    } else if lead <= 2.0 {
        2.0
    } else if lead <= 5.0 {
        5.0
    } else {
        10.0
    };
    round * power
}

/// A linear scale with round ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    /// Decimals that tell the ticks apart.
    pub digits: usize,
}

impl Axis {
    /// Exactly this range, with ticks inside it.
    pub fn exact(low: f64, high: f64, target: usize) -> Self {
        let span = high - low;
        if !(span.is_finite() && span > 0.0) {
            let room = if low.is_finite() {
                low.abs().max(1.0) * 0.5
            } else {
                1.0
            };
            let middle = if low.is_finite() { low } else { 0.0 };
            return Self::exact(middle - room, middle + room, target);
        }
        let step = round_step(span, target);
        let first = (low / step - 1e-9).ceil();
        let last = (high / step + 1e-9).floor();
        // A span far below its offset's precision would loop for ever; 50 ticks are plenty.
        let count = ((last - first).max(0.0) as usize).min(50);
        let ticks: Vec<f64> = (0..=count).map(|i| (first + i as f64) * step).collect();
        Self {
            low,
            high,
            ticks,
            digits: digits_of(step),
        }
    }

    /// The range widened to whole ticks.
    pub fn round(low: f64, high: f64, target: usize) -> Self {
        let span = high - low;
        if !(span.is_finite() && span > 0.0) {
            return Self::exact(low, high, target);
        }
        let step = round_step(span, target);
        Self::exact(
            (low / step + 1e-9).floor() * step,
            (high / step - 1e-9).ceil() * step,
            target,
        )
    }

    /// Where a value lies, 0 at the low end and 1 at the high end, not clamped.
    pub fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    /// Tick labels.
    pub fn labels(&self) -> Vec<String> {
        self.ticks
            .iter()
            .map(|&t| decimal(t, self.digits))
            .collect()
    }

    /// Tick labels as percentages.
    pub fn percent_labels(&self) -> Vec<String> {
        let digits = self.digits.saturating_sub(2);
        self.ticks
            .iter()
            .map(|&t| format!("{} %", decimal(t * 100.0, digits)))
            .collect()
    }
}

fn digits_of(step: f64) -> usize {
    (-(step * 1.000_001).log10().floor()).clamp(0.0, 9.0) as usize
}

/// A number with fixed decimals, a true minus sign and no negative zero.
pub(crate) fn decimal(value: f64, digits: usize) -> String {
    let text = format!("{:.*}", digits, value.abs());
    let zero = text.bytes().all(|b| b == b'0' || b == b'.');
    if value < 0.0 && !zero {
        format!("−{text}")
    } else {
        text
    }
}

/// As `decimal`, or a dash for what is not a number.
pub(crate) fn decimal_or_dash(value: f64, digits: usize) -> String {
    if value.is_finite() {
        decimal(value, digits)
    } else {
        "–".to_owned()
    }
}

/// Smallest and greatest finite value.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold(None, |range, v| match range {
            None => Some((v, v)),
            Some((low, high)) => Some((low.min(v), high.max(v))),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis::round(0.013, 0.94, 5);
        assert_eq!(axis.labels(), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        let axis = Axis::exact(-0.037, 0.037, 4);
        assert_eq!(axis.labels(), ["−0.02", "0.00", "0.02"]);
        assert_eq!(Axis::round(0.0, 12.0, 5).labels(), ["0", "5", "10", "15"]);
        assert_eq!(Axis::round(0.82, 0.91, 5).percent_labels()[0], "82 %");
    }

    #[test]
    fn odd_ranges_do_not_break() {
        for (low, high) in [
            (3.0, 3.0),
            (0.0, 0.0),
            (f64::NAN, 1.0),
            (1.0, 0.0),
            (1e300, 1.0 + 1e300),
            (0.0, f64::INFINITY),
            (-1e308, 1e308),
        ] {
            let axis = Axis::round(low, high, 5);
            assert!(
                axis.high > axis.low && axis.ticks.len() <= 51,
                "{low} {high} {axis:?}"
            );
        }
        let axis = Axis::exact(1.0, 1.0 + 1e-15, 5);
        assert!(axis.ticks.len() <= 51);
    }

    #[test]
    fn signs() {
        assert_eq!(decimal(-0.0004, 2), "0.00");
        assert_eq!(decimal(-1.5, 1), "−1.5");
        assert_eq!(decimal_or_dash(f64::NAN, 2), "–");
        assert_eq!(
            extent([f64::NAN, 2.0, f64::INFINITY, -1.0]),
            Some((-1.0, 2.0))
        );
    }
}
