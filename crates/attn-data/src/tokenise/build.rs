//! From a folder's files to a tokenizer, step by step as transformers' fast tokenizers do it. Where
//! transformers itself is of two minds (slow or fast tokenizer, version 4 or 5) and the files contradict one
//! another, we refuse.

use super::TokeniseError;
use super::frame::{agree, frame};
use super::settings::{Class, NAMED, Settings};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use tokenizers::models::ModelWrapper;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{AddedToken, Tokenizer, TruncationDirection};

/// A tokenizer without truncation and padding, and what else its folder says.
pub(super) struct Built {
    pub inner: Tokenizer,
    pub path: PathBuf,
    pub notes: Vec<String>,
    pub segments: bool,
    pub truncate_left: bool,
    pub max_length: Option<usize>,
    /// Ids behind the vocabulary of special tokens that no text needs.
    pub reserved: BTreeSet<u32>,
}

pub(super) fn broken(path: &Path, reason: impl ToString) -> TokeniseError {
    TokeniseError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Refuses what a failed download leaves in a file's place.
fn genuine(path: &Path) -> Result<(), TokeniseError> {
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(1024).read_to_end(&mut start))
        .map_err(|e| broken(path, e))?;
    match attn_core::placeholder(&start) {
        Some(what) => Err(broken(path, what)),
        None => Ok(()),
    }
}

/// Reads a folder.
pub(super) fn read(folder: &Path) -> Result<Built, TokeniseError> {
    let (file, vocabulary) = (folder.join("tokenizer.json"), folder.join("vocab.txt"));
    let has_vocabulary = vocabulary.is_file();
    if !file.is_file() && !has_vocabulary {
        return Err(TokeniseError::Missing {
            folder: folder.to_owned(),
        });
    }
    let mut settings = Settings::read(folder)?;
    if let Some(token) = settings
        .never_split
        .iter()
        .find(|t| !settings.is_special(t))
    {
        let expected = "special tokens only: the slow tokenizer of transformers keeps such words whole, the fast one does not";
        return Err(settings.refuse("never_split", format!("\"{token}\" among others"), expected));
    }
    let (path, mut inner) = if file.is_file() {
        genuine(&file)?;
        let inner = Tokenizer::from_file(&file).map_err(|e| broken(&file, e))?;
        (file, inner)
    } else {
        let inner = from_vocabulary(&vocabulary, &settings)?;
        (vocabulary.clone(), inner)
    };
    let from_json = path != vocabulary;
    let truncated_left = inner
        .get_truncation()
        .is_some_and(|t| matches!(t.direction, TruncationDirection::Left));
    if from_json {
        if has_vocabulary {
            same_vocabulary(&path, &inner, &vocabulary)?;
        }
        normalise(&path, &mut inner, &mut settings)?;
        check_prefix_space(&path, &inner, &settings)?;
        check_unknown(&path, &inner, &settings)?;
    }
    let reserved = add_tokens(&path, &mut inner, &settings)?;
    inner.set_encode_special_tokens(settings.split_special_tokens);
    let used = frame(&path, &mut inner, &mut settings)?;
    Ok(Built {
        inner,
        path,
        notes: settings.notes,
        segments: settings.segments,
        truncate_left: settings.truncate_left.unwrap_or(truncated_left),
        max_length: settings.max_length,
        reserved: reserved.difference(&used).copied().collect(),
    })
}

/// The tokens of `vocab.txt`, numbered by line as Python reads lines; of equal lines the last counts.
fn vocabulary_of(path: &Path) -> Result<HashMap<String, u32>, TokeniseError> {
    genuine(path)?;
    let text = std::fs::read_to_string(path).map_err(|e| broken(path, e))?;
    if text.starts_with('\u{feff}') {
        return Err(broken(
            path,
            "starts with a byte order mark, which would become part of the first token: save it without",
        ));
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    Ok(text
        .strip_suffix('\n')
        .unwrap_or(&text)
        .split('\n')
        .zip(0..)
        .map(|(token, id)| (token.to_owned(), id))
        .collect())
}

/// BERT's WordPiece tokenizer from its vocabulary and settings.
fn from_vocabulary(path: &Path, settings: &Settings) -> Result<Tokenizer, TokeniseError> {
    if settings.class != Class::Bert {
        return Err(settings.refuse(
            "tokenizer_class",
            "a class that reads no vocab.txt",
            "tokenizer.json, which the folder lacks, or a class of BERT's",
        ));
    }
    let vocabulary = vocabulary_of(path)?;
    for key in ["cls_token", "sep_token", "unk_token"] {
        let name = settings.name(key).unwrap_or_default();
        if !vocabulary.contains_key(name) {
            return Err(broken(
                path,
                format!("the vocabulary has no {name} ({key}): is this BERT's vocab.txt?"),
            ));
        }
    }
    // By way of JSON: the builder wants a hash map of a crate that we do not have. From text, for the
    // reader borrows its strings.
    let model = json!({
        "type": "WordPiece",
        "unk_token": settings.name("unk_token"),
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocabulary,
    });
    let model: WordPiece = serde_json::from_str(&model.to_string()).map_err(|e| broken(path, e))?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(
            true,
            settings.tokenize_chinese_chars.unwrap_or(true),
            settings.strip_accents.unwrap_or(None),
            settings.do_lower_case.unwrap_or(true),
        )))
        .map_err(|e| broken(path, e))?
        .with_pre_tokenizer(Some(BertPreTokenizer));
    Ok(tokenizer)
}

/// Transformers reads one of the two files: which, depends on slow or fast.
fn same_vocabulary(path: &Path, inner: &Tokenizer, vocabulary: &Path) -> Result<(), TokeniseError> {
    let text = vocabulary_of(vocabulary)?;
    let (all, own) = (inner.get_vocab(true), inner.get_vocab(false));
    let differs = |token: &str, here: Option<&u32>, there: Option<&u32>| {
        let show = |id: Option<&u32>| id.map_or("no id".to_owned(), |id| format!("id {id}"));
        broken(
            vocabulary,
            format!(
                "token '{token}' has {} here and {} in {}: remove the file that does not belong to the model",
                show(here),
                show(there),
                path.display()
            ),
        )
    };
    let mut wrong: Vec<(&String, Option<&u32>, Option<&u32>)> = text
        .iter()
        .filter(|(token, id)| all.get(*token) != Some(*id))
        .map(|(token, id)| (token, Some(id), all.get(token)))
        .chain(
            own.iter()
                .filter(|(token, _)| !text.contains_key(*token))
                .map(|(token, id)| (token, None, Some(id))),
        )
        .collect();
    wrong.sort_by_key(|(_, here, there)| (here.or(*there).copied(), here.is_none()));
    match wrong.first() {
        None => Ok(()),
        Some((token, here, there)) => Err(differs(token, *here, *there)),
    }
}

/// BERT's classes put their own settings, or their defaults, over those of a `BertNormalizer` in the file.
fn normalise(
    path: &Path,
    inner: &mut Tokenizer,
    settings: &mut Settings,
) -> Result<(), TokeniseError> {
    if settings.class != Class::Bert {
        return Ok(());
    }
    let found = serde_json::to_value(inner.get_normalizer()).map_err(|e| broken(path, e))?;
    let own: Option<BertNormalizer> = (found.get("type").and_then(Value::as_str)
        == Some("BertNormalizer"))
    .then(|| serde_json::from_str(&found.to_string()))
    .transpose()
    .map_err(|e| broken(path, e))?;
    let Some(own) = own else {
        let said = [
            ("do_lower_case", settings.do_lower_case.is_some()),
            ("strip_accents", settings.strip_accents.is_some()),
            (
                "tokenize_chinese_chars",
                settings.tokenize_chinese_chars.is_some(),
            ),
        ];
        return match said.iter().find(|(_, said)| *said) {
            None => Ok(()),
            Some((key, _)) => Err(settings.refuse(
                key,
                "set",
                format!(
                    "nothing, or tokenizer_class PreTrainedTokenizerFast: the normalizer in {} is not BertNormalizer and does not know it",
                    path.display()
                ),
            )),
        };
    };
    let lower = settings.do_lower_case.unwrap_or(true);
    let strip = settings.strip_accents.unwrap_or(None);
    let chinese = settings.tokenize_chinese_chars.unwrap_or(true);
    let changed: Vec<String> = [
        (
            "do_lower_case",
            own.lowercase == lower,
            settings.do_lower_case.is_some(),
        ),
        (
            "strip_accents",
            own.strip_accents == strip,
            settings.strip_accents.is_some(),
        ),
        (
            "tokenize_chinese_chars",
            own.handle_chinese_chars == chinese,
            settings.tokenize_chinese_chars.is_some(),
        ),
    ]
    .iter()
    .filter(|(_, same, _)| !same)
    .map(|(key, _, said)| format!("{key}{}", if *said { "" } else { " (its default)" }))
    .collect();
    if changed.is_empty() {
        return Ok(());
    }
    settings.notes.push(format!(
        "tokenizer: {} of tokenizer_config.json overrides the normalizer in tokenizer.json, as in transformers",
        changed.join(", ")
    ));
    let normalizer = BertNormalizer::new(own.clean_text, chinese, strip, lower);
    inner
        .with_normalizer(Some(normalizer))
        .map(|_| ())
        .map_err(|e| broken(path, e))
}

/// Version 4 of transformers puts `add_prefix_space` (false by default) over the file's, version 5 does not.
fn check_prefix_space(
    path: &Path,
    inner: &Tokenizer,
    settings: &Settings,
) -> Result<(), TokeniseError> {
    const KEY: &str = "add_prefix_space";
    let found = serde_json::to_value(inner.get_pre_tokenizer()).map_err(|e| broken(path, e))?;
    let asked = settings.add_prefix_space.unwrap_or(false);
    match found.get(KEY).and_then(Value::as_bool) {
        Some(file) if file != asked => Err(settings.refuse(
            KEY,
            match settings.add_prefix_space {
                Some(asked) => asked.to_string(),
                None => "not set, which transformers 4 takes for false".to_owned(),
            },
            format!("{file}, as in {}", path.display()),
        )),
        _ => Ok(()),
    }
}

/// The model's unknown token is the file's; version 5 of transformers takes the settings'.
fn check_unknown(path: &Path, inner: &Tokenizer, settings: &Settings) -> Result<(), TokeniseError> {
    let found = match inner.get_model() {
        ModelWrapper::WordPiece(model) => Some(model.unk_token.as_str()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.as_str()),
        ModelWrapper::BPE(model) => model.unk_token.as_deref(),
        ModelWrapper::Unigram(_) => None,
    };
    agree("unk_token", found, path, settings)
}

/// Adds tokens in transformers' order: those with ids by id, then special tokens that are not there.
/// Returns the ids that named special tokens got behind the vocabulary.
fn add_tokens(
    path: &Path,
    inner: &mut Tokenizer,
    settings: &Settings,
) -> Result<BTreeSet<u32>, TokeniseError> {
    let there = inner.get_added_tokens_decoder();
    let mut tokens: Vec<AddedToken> = settings
        .added
        .values()
        .filter(|token| there.values().all(|t| t != *token))
        .map(|token| {
            let special = token.special || settings.is_special(&token.content);
            token.clone().special(special)
        })
        .collect();
    let mut contents: BTreeSet<String> = there
        .values()
        .map(|t| t.content.clone())
        .chain(tokens.iter().map(|t| t.content.clone()))
        .collect();
    let listed: BTreeSet<&str> = settings
        .added
        .values()
        .map(|t| t.content.as_str())
        .collect();
    let named = NAMED.iter().filter_map(|name| settings.named.get(name));
    for special in named.chain(&settings.additional) {
        let content = &special.token.content;
        let again = special.flags && !listed.contains(content.as_str());
        if again || !contents.contains(content) {
            contents.insert(content.clone());
            tokens.push(special.token.clone());
        }
    }
    let fresh: Vec<String> = settings
        .named
        .values()
        .map(|n| n.token.content.clone())
        .filter(|content| inner.token_to_id(content).is_none())
        .collect();
    inner.add_tokens(tokens).map_err(|e| broken(path, e))?;
    let promises = settings
        .added
        .iter()
        .map(|(id, token)| (token.content.as_str(), id))
        .chain(
            settings
                .promised
                .iter()
                .map(|(token, id)| (token.as_str(), id)),
        );
    for (content, id) in promises {
        let found = inner.token_to_id(content);
        if found != Some(*id) {
            let file = if settings.promised.contains_key(content) {
                settings.path.with_file_name("added_tokens.json")
            } else {
                settings.path.clone()
            };
            return Err(TokeniseError::Setting {
                path: file,
                key: format!("the id of added token '{content}'"),
                found: id.to_string(),
                expected: format!(
                    "{}, which transformers' fast tokenizer gives it beside {}",
                    found.map_or("none".to_owned(), |id| id.to_string()),
                    path.display()
                ),
            });
        }
    }
    Ok(fresh
        .iter()
        .filter_map(|content| inner.token_to_id(content))
        .collect())
}
