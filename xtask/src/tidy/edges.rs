//! Which crate may depend on which: only on one of a lower layer.
//!
//! ```text
//! core <- stats, kernels, hub <- data, bert, lingua, figures <- train, ablate, patterns, report
//!      <- experiments <- atlas, python
//! ```
//!
//! Tests and examples (`[dev-dependencies]`) are free.

use anyhow::Context;
use std::path::Path;

/// The layers, lowest first.
const LAYERS: [&[&str]; 6] = [
    &["attn-core"],
    &["attn-stats", "attn-kernels", "attn-hub"],
    &["attn-data", "attn-bert", "attn-lingua", "attn-figures"],
    &["attn-train", "attn-ablate", "attn-patterns", "attn-report"],
    &["attn-experiments"],
    &["attn-atlas", "attn-python", "xtask"],
];

/// Crates that may use Burn.
const WITH_BURN: [&str; 6] = [
    "attn-bert",
    "attn-train",
    "attn-ablate",
    "attn-patterns",
    "attn-experiments",
    "attn-atlas",
];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

/// What is wrong with the dependencies of the workspace's crates.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    for folder in super::packages(root)? {
        let path = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let manifest: toml::Table =
            toml::from_str(&text).with_context(|| format!("{}: no TOML", path.display()))?;
        let shown = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name")?.as_str())
            .unwrap_or_default();
        let Some(own) = layer(name) else {
            complaints.push(format!(
                "{shown}: {name} has no layer in xtask/src/tidy/edges.rs"
            ));
            continue;
        };
        let dependencies = manifest.get("dependencies").and_then(|d| d.as_table());
        for other in dependencies.into_iter().flat_map(|d| d.keys()) {
            let burn = other == "burn" || other.starts_with("burn-");
            let allowed = match layer(other) {
                Some(other) => other < own,
                None => !burn || WITH_BURN.contains(&name),
            };
            if !allowed {
                complaints.push(format!("{shown}: {name} may not depend on {other}"));
            }
        }
    }
    Ok(complaints)
}
