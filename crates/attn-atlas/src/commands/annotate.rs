//! `attn annotate`.

use crate::cli::AnnotateArgs;
use attn_core::io::write_atomically;
use attn_core::place::{Output, check};
use attn_figures::theme::ColourMap;
use attn_patterns::{annotate, store};

/// What every labelling page has near its beginning.
const PAGE: &[&[u8]] = &[b"<title>Labelling attention maps</title>"];
/// Steps of the colour scale that the page gets; it interpolates between them.
const STEPS: usize = 33;

/// Writes the labelling page.
pub fn run(args: &AnnotateArgs) -> anyhow::Result<()> {
    let maps = store::read(&args.maps)?;
    anyhow::ensure!(!maps.is_empty(), "{}: no maps", args.maps.display());
    let colours: Vec<[u8; 3]> = (0..STEPS)
        .map(|i| {
            let colour = ColourMap::Sequential.colour(i as f64 / (STEPS - 1) as f64);
            [colour.0, colour.1, colour.2]
        })
        .collect();
    let page = annotate::page(&maps, args.seed, &colours);
    check(&args.out, Output::Marked(PAGE), &[&args.maps])?;
    write_atomically(&args.out, |out| out.write_all(page.as_bytes()))?;
    println!("{}", args.out.display());
    Ok(())
}
