//! `attn fetch`.

use crate::cli::FetchArgs;
use crate::model::{Download, store};

/// Fetches artefacts, or lists them.
pub fn run(args: &FetchArgs) -> anyhow::Result<()> {
    let (store, catalogue) = store(&args.cache)?;
    if args.names.is_empty() {
        println!("cache: {}", store.root().display());
        for artefact in catalogue.artefacts() {
            let bytes: u64 = artefact.files.iter().filter_map(|f| f.bytes).sum();
            let state = if store.locate(&artefact.name).is_some() {
                "cached"
            } else {
                "-"
            };
            println!(
                "{:20} {state:7} {:>6.1} MB  {}",
                artefact.name,
                bytes as f64 / 1e6,
                artefact.description
            );
        }
        return Ok(());
    }
    for name in &args.names {
        let mut progress = Download::default();
        let folder = store.fetch(&catalogue, name, &mut progress)?;
        if args.verify {
            store.verify(name, &mut progress)?;
        }
        println!("{}", folder.display());
    }
    Ok(())
}
