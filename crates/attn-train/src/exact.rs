//! Floating-point numbers through JSON without a changed bit.

use serde_json::{Value, json};

const BITS: &str = "f64:";

/// Writes floating-point numbers as their bits: serde_json prints them exactly but reads them back
/// only to the last digit or so, and a run that was interrupted must end with the same records.
pub(crate) fn freeze(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::String(format!(
            "{BITS}{:016x}",
            number.as_f64().unwrap_or(f64::NAN).to_bits()
        )),
        Value::Array(items) => items.into_iter().map(freeze).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, freeze(value)))
            .collect(),
        other => other,
    }
}

/// Undoes [`freeze`].
pub(crate) fn thaw(value: Value) -> Value {
    match value {
        Value::String(text) => {
            match text
                .strip_prefix(BITS)
                .and_then(|bits| u64::from_str_radix(bits, 16).ok())
            {
                Some(bits) => json!(f64::from_bits(bits)),
                None => Value::String(text),
            }
        }
        Value::Array(items) => items.into_iter().map(thaw).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, thaw(value)))
            .collect(),
        other => other,
    }
}
