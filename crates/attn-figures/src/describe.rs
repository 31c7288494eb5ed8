//! Figures in words, for readers who cannot see them.

use crate::axis::decimal_or_dash;

/// A number for prose: three decimals.
pub(crate) fn value(value: f64) -> String {
    if value.is_finite() {
        decimal_or_dash(value, 3)
    } else {
        "no value".to_owned()
    }
}

/// `name: least …, greatest …` over labelled values; the labels are made only for the two extremes.
pub(crate) fn extremes(name: &str, values: &[f64], label: impl Fn(usize) -> String) -> String {
    let finite = || values.iter().enumerate().filter(|(_, v)| v.is_finite());
    let least = finite().min_by(|a, b| a.1.total_cmp(b.1));
    let greatest = finite().max_by(|a, b| a.1.total_cmp(b.1));
    let mut text = match (least, greatest) {
        (Some((i, low)), Some((j, high))) => {
            format!(
                "{name}: least {} at {}, greatest {} at {}",
                value(*low),
                label(i),
                value(*high),
                label(j)
            )
        }
        _ => format!("{name}: no values"),
    };
    let missing = values.len() - finite().count();
    if missing > 0 && missing < values.len() {
        text.push_str(&format!("; {missing} of {} values missing", values.len()));
    }
    text.push_str(". ");
    text
}
