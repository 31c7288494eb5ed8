//! The special tokens around a text: there must be some, and they must be those that the settings name.

use super::TokeniseError;
use super::build::broken;
use super::settings::{Class, Settings};
use std::collections::BTreeSet;
use std::path::Path;
use tokenizers::Tokenizer;
use tokenizers::processors::bert::BertProcessing;

/// Refuses a special token that a file names and `tokenizer.json` does not use.
pub(super) fn agree(
    key: &'static str,
    found: Option<&str>,
    path: &Path,
    settings: &Settings,
) -> Result<(), TokeniseError> {
    let asked = settings.named.get(key);
    match (found, asked.and_then(|n| Some((n, n.file.as_ref()?)))) {
        (Some(found), Some((named, file))) if named.token.content != found => {
            Err(TokeniseError::Setting {
                path: file.clone(),
                key: key.to_owned(),
                found: format!("\"{}\"", named.token.content),
                expected: format!("\"{found}\", as in {}", path.display()),
            })
        }
        _ => Ok(()),
    }
}

/// Makes sure that a text stands between [CLS] and [SEP], or what the model calls them; returns their ids.
pub(super) fn frame(
    path: &Path,
    inner: &mut Tokenizer,
    settings: &mut Settings,
) -> Result<BTreeSet<u32>, TokeniseError> {
    // A file may pad to a fixed length: the last token of a probe would be [PAD].
    inner.with_padding(None);
    let id = |inner: &Tokenizer, key: &str| {
        let name = settings.name(key)?;
        Some((name.to_owned(), inner.token_to_id(name)?))
    };
    let ends = id(inner, "cls_token").zip(id(inner, "sep_token"));
    let refuse = |found: String, expected: &str| TokeniseError::Setting {
        path: path.to_owned(),
        key: "post_processor".to_owned(),
        found,
        expected: expected.to_owned(),
    };
    let special = |inner: &Tokenizer| -> Result<(Vec<u32>, bool), TokeniseError> {
        let probe = inner.encode("", true).map_err(|e| broken(path, e))?;
        let mask = probe.get_special_tokens_mask();
        let ids = probe.get_ids().iter().zip(mask);
        let ids = ids.filter(|(_, special)| **special == 1).map(|(id, _)| *id);
        Ok((
            ids.collect(),
            mask.first() == Some(&1) && mask.last() == Some(&1),
        ))
    };
    if special(inner)?.0.is_empty() {
        if path.ends_with("tokenizer.json") {
            if settings.class != Class::Bert {
                return Err(refuse(
                    "absent or adds nothing".to_owned(),
                    "one that puts special tokens around a text: with this tokenizer_class transformers gives none",
                ));
            }
            settings.notes.push(
                "tokenizer: tokenizer.json has no post-processor; texts get the class's [CLS] and [SEP], as in transformers 5"
                    .to_owned(),
            );
        }
        let Some((cls, sep)) = ends else {
            return Err(refuse(
                "absent or adds nothing".to_owned(),
                "one that puts special tokens around a text, or cls_token and sep_token in the vocabulary",
            ));
        };
        inner.with_post_processor(Some(BertProcessing::new(sep, cls)));
    }
    let (ids, around) = special(inner)?;
    if ids.len() < 2 || !around {
        return Err(refuse(
            format!(
                "one that adds {} special tokens to an empty text",
                ids.len()
            ),
            "one before and one after the text",
        ));
    }
    for (key, id) in [("cls_token", ids.first()), ("sep_token", ids.last())] {
        let found = id.and_then(|&id| inner.id_to_token(id));
        agree(key, found.as_deref(), path, settings)?;
    }
    Ok(ids.into_iter().collect())
}
