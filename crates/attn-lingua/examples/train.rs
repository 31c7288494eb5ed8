//! Trains the model, scores it and writes it, with the table for `model/README.md`:
//!
//! ```text
//! cargo run -p attn-lingua --example train -- TREEBANK_FOLDER OUTPUT.bin [SEED]
//! ```
//!
//! `--evaluate MODEL.bin` in place of the output only scores a model that is there.

use attn_lingua::evaluate::{Report, evaluate};
use attn_lingua::{Annotator, Model, TrainOptions, conllu, section_file, train};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: train TREEBANK_FOLDER OUTPUT.bin [SEED] | train TREEBANK_FOLDER --evaluate MODEL.bin";
    let [treebank, output, rest @ ..] = arguments.as_slice() else {
        return Err(usage.into());
    };
    let treebank = Path::new(treebank);
    let model = if output == "--evaluate" {
        Model::load(Path::new(rest.first().ok_or(usage)?))?
    } else {
        let mut options = TrainOptions::default();
        if let Some(seed) = rest.first() {
            options.seed = seed.parse()?;
        }
        let start = Instant::now();
        let model = train(treebank, &options, &|progress| {
            eprintln!("{:6.1} s  {progress:?}", start.elapsed().as_secs_f64());
        })?;
        model.save(Path::new(output))?;
        println!(
            "trained in {:.0} s, seed {}",
            start.elapsed().as_secs_f64(),
            options.seed
        );
        model
    };
    println!("{}\n", model.summary());
    let start = Instant::now();
    let annotator = Annotator::new(Model::from_bytes(model.as_bytes())?);
    println!("loads in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);

    let mut sections = vec![
        ("EWT dev".to_owned(), section_file(treebank, "dev")?),
        ("EWT test".to_owned(), section_file(treebank, "test")?),
    ];
    let pud = treebank.join("en_pud-ud-test.conllu");
    if pud.exists() {
        sections.push(("PUD test".to_owned(), pud));
    }
    let mut report = Report::default();
    for (name, path) in &sections {
        let gold = conllu::read_file(path)?;
        let texts: Vec<String> = gold.iter().map(conllu::Sentence::text).collect();
        let start = Instant::now();
        let words: usize = texts
            .iter()
            .map(|text| annotator.annotate(text).len())
            .sum();
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name}: {:.0} sentences/s, {:.0} words/s on one thread, from raw text",
            texts.len() as f64 / seconds,
            words as f64 / seconds
        );
        report.rows.extend(evaluate(&annotator, name, &gold)?.rows);
    }
    println!("\n{}", report.to_markdown());
    Ok(())
}
