//! Training, the model file, and the embedded model.

mod support;

use attn_core::Reading;
use attn_lingua::{
    Annotator, Damage, Feature, Model, ModelError, TrainError, TrainOptions, base, train, train_on,
};
use std::sync::Mutex;

fn options() -> TrainOptions {
    TrainOptions {
        tagger_epochs: 6,
        jackknife_epochs: 4,
        parser_epochs: 10,
        ..TrainOptions::default()
    }
}

#[test]
fn a_small_treebank_is_learnt() {
    let sentences = support::sentences(5);
    let seen = Mutex::new(0);
    let model = train_on(&sentences, &options(), &|_| *seen.lock().unwrap() += 1).unwrap();
    assert_eq!(*seen.lock().unwrap(), 6 + 5 + 10 * options().parsers);
    let annotator = Annotator::new(model);
    for sentence in &sentences[..support::SENTENCES.len()] {
        let forms: Vec<&str> = sentence
            .words
            .iter()
            .map(|word| word.form.as_str())
            .collect();
        for (gold, found) in sentence.words.iter().zip(annotator.annotate_words(&forms)) {
            assert_eq!(
                (&gold.upos, &gold.xpos),
                (&found.upos, &found.xpos),
                "{forms:?}"
            );
            // Rare subtypes ("nsubj:pass" here) are learnt without the subtype.
            assert_eq!(
                (gold.head, base(&gold.deprel)),
                (found.head, base(&found.deprel)),
                "{forms:?} {}",
                gold.form
            );
        }
    }
    let unseen = annotator.annotate("The mouse sees the dog.");
    assert_eq!(
        (unseen[1].deprel.as_str(), unseen[4].deprel.as_str()),
        ("nsubj", "obj")
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let sentences = support::sentences(2);
    let run = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let options = TrainOptions { seed, ..options() };
        pool.install(|| train_on(&sentences, &options, &|_| ()).unwrap())
            .as_bytes()
            .to_vec()
    };
    assert_eq!(run(1, 1), run(4, 1));
    assert_ne!(run(1, 1), run(1, 2));
}

#[test]
fn the_budget_holds() {
    let options = TrainOptions {
        tagger_bytes: 900,
        parser_bytes: 1500,
        ..options()
    };
    let model = train_on(&support::sentences(2), &options, &|_| ()).unwrap();
    assert!(
        model.as_bytes().len() < 900 + 1500 + 1200,
        "{}",
        model.summary()
    );
}

#[test]
fn training_needs_a_treebank() {
    let folder = tempfile::tempdir().unwrap();
    let error = train(folder.path(), &options(), &|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("'-ud-train.conllu', found 0"),
        "{error}"
    );
    let error = train_on(&support::sentences(1)[..2], &options(), &|_| ()).unwrap_err();
    assert!(matches!(error, TrainError::TooSmall { found: 2 }));
    std::fs::write(
        folder.path().join("xx-ud-train.conllu"),
        support::treebank().repeat(2),
    )
    .unwrap();
    let from_file = train(folder.path(), &options(), &|_| ()).unwrap();
    let from_memory = train_on(&support::sentences(2), &options(), &|_| ()).unwrap();
    assert_eq!(from_file.as_bytes(), from_memory.as_bytes());
}

#[test]
fn a_model_file_comes_back_and_damage_is_named() {
    let model = train_on(&support::sentences(2), &options(), &|_| ()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.bin");
    model.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(Model::load(&path).unwrap().as_bytes(), bytes);
    for size in [0, 4, 20, 40, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..size]).unwrap();
        let error = Model::load(&path).unwrap_err();
        assert!(
            matches!(error, ModelError::Damage { .. }) && error.to_string().contains("m.bin"),
            "{size}: {error}"
        );
    }
    for i in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[i] ^= 0x10;
        assert!(Model::from_bytes(&damaged).is_err(), "byte {i}");
    }
    let mut other = bytes.clone();
    other[8] = 200;
    assert!(matches!(
        Model::from_bytes(&other),
        Err(Damage::Version { found: 200, .. })
    ));
    assert!(matches!(
        Model::from_bytes(b"PK\x03\x04 something else entirely, and long enough"),
        Err(Damage::Magic)
    ));
    let error = Model::load(&folder.path().join("none.bin")).unwrap_err();
    assert!(error.to_string().contains("none.bin"), "{error}");
}

/// Text, then `feature=words` facts (paper's reading), then `word>head` facts.
const FACTS: [(&str, &str); 10] = [
    (
        "The old man gave his grandson a new bicycle.",
        "subject=man object=bicycle pronoun=his verb=gave man>gave bicycle>gave his>grandson",
    ),
    (
        "She didn't read the letter.",
        "subject=She object=letter negation=did,n't verb=read letter>read",
    ),
    (
        "the film is funny and never boring .",
        "subject=film negation=never punctuation=. noun=film film>funny",
    ),
    (
        "Microsoft bought the company in 2004.",
        "subject=Microsoft object=company noun=Microsoft,company company>bought 2004>bought",
    ),
    (
        "What did the president say about Iraq?",
        "subject=president punctuation=? president>say Iraq>say",
    ),
    (
        "The report was written by two students.",
        "subject=report verb=written students>written report>written",
    ),
    (
        "I know that he likes music.",
        "subject=I,he verb=know,likes likes>know music>likes",
    ),
    (
        "Nobody saw the red car, and the police found nothing.",
        "subject=Nobody,police object=car,nothing negation=nothing found>saw",
    ),
    (
        "they does n't want any money",
        "negation= object=money money>want",
    ),
    (
        "There are three books on the table.",
        "subject=books noun=books,table table>books",
    ),
];

#[test]
fn the_embedded_model_knows_plain_english() {
    let annotator = Annotator::embedded().unwrap();
    let mut wrong = Vec::new();
    for (text, facts) in FACTS {
        let words = annotator.annotate(text);
        for fact in facts.split(' ') {
            let found = if let Some((name, _)) = fact.split_once('=') {
                let feature = Feature::ALL.into_iter().find(|f| f.name() == name).unwrap();
                let found = feature.words(Reading::Paper, text, &words);
                format!("{name}={}", support::texts(&words, &found).join(","))
            } else {
                let (word, _) = fact.split_once('>').unwrap();
                let head = words.iter().find(|w| w.text == word).and_then(|w| w.head);
                format!("{word}>{}", head.map_or("root", |head| &words[head].text))
            };
            if found != fact {
                wrong.push(format!("{text}: expected {fact}, found {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn many_texts_at_once_are_the_same_as_one_by_one() {
    let annotator = Annotator::embedded().unwrap();
    let texts: Vec<&str> = FACTS.iter().map(|fact| fact.0).collect();
    let one_by_one: Vec<_> = texts.iter().map(|text| annotator.annotate(text)).collect();
    assert_eq!(annotator.annotate_all(&texts), one_by_one);
}
