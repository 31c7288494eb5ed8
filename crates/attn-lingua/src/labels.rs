//! Names of Universal Dependencies relations.

/// A relation without its subtype: `nsubj` of `nsubj:pass`.
pub fn base(deprel: &str) -> &str {
    deprel.split_once(':').map_or(deprel, |(base, _)| base)
}
