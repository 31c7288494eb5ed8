//! `attn lingua`: training, scoring and trying the tagger and parser.

use crate::cli::{LinguaAnnotateArgs, LinguaCommand, LinguaEvaluateArgs, LinguaTrainArgs};
use crate::run::write_text;
use anyhow::Context;
use attn_core::place::{Output, check};
use attn_lingua::evaluate::{Report, evaluate};
use attn_lingua::{Annotator, Model, Progress, TrainOptions, conllu, section_file, train};
use std::path::Path;
use std::time::Instant;

/// Runs what was asked for.
pub fn run(command: &LinguaCommand) -> anyhow::Result<()> {
    match command {
        LinguaCommand::Train(args) => trained(args),
        LinguaCommand::Evaluate(args) => {
            println!("{}", scored(args)?);
            Ok(())
        }
        LinguaCommand::Annotate(args) => annotated(args),
    }
}

fn trained(args: &LinguaTrainArgs) -> anyhow::Result<()> {
    let options = TrainOptions {
        seed: args.seed,
        ..TrainOptions::default()
    };
    let table_file = args.out.with_extension("md");
    check(&args.out, Output::Marked(&[b"ATTNLING"]), &[&args.treebank])?;
    check(&table_file, Output::Marked(&[b", trained in "]), &[])?;
    // A folder that cannot be written to should be known before the minutes of training.
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let clock = Instant::now();
    let model = train(&args.treebank, &options, &|progress| {
        eprintln!(
            "{:6.1} s  {}",
            clock.elapsed().as_secs_f64(),
            words(&progress)
        );
    })?;
    let seconds = clock.elapsed().as_secs_f64();
    model.save(&args.out)?;
    println!("{}", args.out.display());
    let text = format!(
        "{}\n\nSeed {}, trained in {seconds:.0} s.\n\n{}",
        model.summary(),
        args.seed,
        table(&Annotator::new(model), &args.treebank)?
    );
    write_text(&table_file, &text)?;
    println!("{}\n\n{text}", table_file.display());
    Ok(())
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Tagger {
            epoch,
            of,
            accuracy,
        } => format!(
            "tagger, epoch {epoch} of {of}: {:.2} % right",
            100.0 * accuracy
        ),
        Progress::Jackknife { fold, of, accuracy } => format!(
            "tags for the parser, fold {fold} of {of}: {:.2} % right",
            100.0 * accuracy
        ),
        Progress::Parser {
            number,
            epoch,
            of,
            accuracy,
        } => format!(
            "parser {number}, epoch {epoch} of {of}: {:.2} % right",
            100.0 * accuracy
        ),
    }
}

fn scored(args: &LinguaEvaluateArgs) -> anyhow::Result<String> {
    let clock = Instant::now();
    let annotator = annotator(args.model.as_deref())?;
    Ok(format!(
        "{}\n\nLoaded in {:.1} ms.\n\n{}",
        annotator.model().summary(),
        1e3 * clock.elapsed().as_secs_f64(),
        table(&annotator, &args.treebank)?
    ))
}

/// Speed and scores on every section that is there.
fn table(annotator: &Annotator, treebank: &Path) -> anyhow::Result<String> {
    let mut sections = vec![
        ("EWT dev", section_file(treebank, "dev")?),
        ("EWT test", section_file(treebank, "test")?),
    ];
    let pud = treebank.join("en_pud-ud-test.conllu");
    if pud.exists() {
        sections.push(("PUD test", pud));
    }
    let (mut speeds, mut report) = (Vec::new(), Report::default());
    for (name, path) in &sections {
        let gold = conllu::read_file(path)?;
        let texts: Vec<String> = gold.iter().map(conllu::Sentence::text).collect();
        let clock = Instant::now();
        let words: usize = texts.iter().map(|t| annotator.annotate(t).len()).sum();
        let seconds = clock.elapsed().as_secs_f64();
        speeds.push(format!(
            "{name}: {:.0} sentences and {words} words in {seconds:.2} s on one thread, from raw text: {:.0} sentences a \
             second.",
            texts.len(),
            texts.len() as f64 / seconds
        ));
        report.rows.extend(evaluate(annotator, name, &gold)?.rows);
    }
    Ok(format!("{}\n\n{}", speeds.join("\n"), report.to_markdown()))
}

fn annotated(args: &LinguaAnnotateArgs) -> anyhow::Result<()> {
    let annotator = annotator(args.model.as_deref())?;
    for text in &args.texts {
        let words = annotator.annotate(text);
        let mut first = 0;
        for (place, word) in words.iter().enumerate() {
            let begins = place == 0 || words[place - 1].sentence != word.sentence;
            if begins {
                if place > 0 {
                    println!();
                }
                first = place;
                println!("# sent_id = {}", word.sentence + 1);
            }
            // Heads count within the sentence, from 1.
            let head = word.head.map_or(0, |head| head + 1 - first);
            println!(
                "{}\t{}\t_\t{}\t{}\t_\t{head}\t{}\t_\t_",
                place + 1 - first,
                word.text,
                word.upos,
                word.xpos,
                word.deprel
            );
        }
        println!();
    }
    Ok(())
}

fn annotator(model: Option<&Path>) -> anyhow::Result<Annotator> {
    Ok(match model {
        Some(path) => Annotator::new(Model::load(path)?),
        None => Annotator::embedded()?,
    })
}
