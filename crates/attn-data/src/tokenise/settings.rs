//! What `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and the `tokenizer_class` of
//! `config.json` say, as the fast tokenizers of transformers 4.57 read it.

use super::TokeniseError;
use super::class::{class, defaults};
use super::file::{Keys, object};
use super::keys::{FIXED, HARMLESS, READ};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokenizers::AddedToken;

/// The special tokens with a name, in the order in which transformers adds them.
pub(super) const NAMED: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// Which of transformers' tokenizers a folder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// BERT's, or one of its copies.
    Bert,
    /// Whatever `tokenizer.json` says and no more.
    Generic,
    /// XLM-RoBERTa's, whose `tokenizer.json` stands as it is, with other special tokens.
    XlmRoberta,
}

/// A special token by name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub token: AddedToken,
    /// The file that says so; none for the class's default.
    pub file: Option<PathBuf>,
    /// Whether the file spells it with all its flags.
    pub flags: bool,
}

/// Everything beside the vocabulary that decides the tokens.
#[derive(Debug)]
pub(super) struct Settings {
    pub path: PathBuf,
    pub class: Class,
    pub do_lower_case: Option<bool>,
    pub strip_accents: Option<Option<bool>>,
    pub tokenize_chinese_chars: Option<bool>,
    pub never_split: Vec<String>,
    pub split_special_tokens: bool,
    pub add_prefix_space: Option<bool>,
    pub truncate_left: Option<bool>,
    pub max_length: Option<usize>,
    /// Whether the model is given segment ids; zeros otherwise.
    pub segments: bool,
    pub named: BTreeMap<&'static str, Named>,
    /// Further special tokens.
    pub additional: Vec<Named>,
    /// Added tokens with the ids that the files give them, and the key that says so.
    pub added: BTreeMap<u32, AddedToken>,
    /// Ids that `added_tokens.json` promises.
    pub promised: BTreeMap<String, u32>,
    pub notes: Vec<String>,
}

impl Settings {
    /// Reads all files of a folder.
    pub fn read(folder: &Path) -> Result<Self, TokeniseError> {
        let path = folder.join("tokenizer_config.json");
        let config = Keys {
            map: object(&path)?.unwrap_or_default(),
            path: path.clone(),
        };
        let (class, types) = class(&config, folder)?;
        for (key, fits, expected) in FIXED {
            if config.get(key).is_some_and(|value| !fits(value)) {
                return Err(config.refuse(key, expected));
            }
        }
        let mut settings = Self {
            class,
            do_lower_case: config.flag("do_lower_case")?,
            strip_accents: match config.get("strip_accents") {
                Some(Value::Null) => Some(None),
                _ => config.flag("strip_accents")?.map(Some),
            },
            tokenize_chinese_chars: config.flag("tokenize_chinese_chars")?,
            never_split: config.strings("never_split")?.unwrap_or_default(),
            split_special_tokens: config.flag("split_special_tokens")?.unwrap_or(false),
            add_prefix_space: config.flag("add_prefix_space")?,
            truncate_left: match config.get("truncation_side").map(Value::as_str) {
                None => None,
                Some(Some("left")) => Some(true),
                Some(Some("right")) => Some(false),
                Some(_) => return Err(config.refuse("truncation_side", "\"left\" or \"right\"")),
            },
            max_length: max_length(&config)?,
            segments: config
                .strings("model_input_names")?
                .map_or(types, |names| names.iter().any(|n| n == "token_type_ids")),
            named: defaults(class),
            additional: Vec::new(),
            added: BTreeMap::new(),
            promised: BTreeMap::new(),
            notes: Vec::new(),
            path,
        };
        settings.specials(&config, false)?;
        settings.added_tokens(&config, folder)?;
        let unknown: Vec<&str> = config
            .map
            .keys()
            .map(String::as_str)
            .filter(|key| {
                !HARMLESS.contains(key)
                    && !READ.contains(key)
                    && !NAMED.contains(key)
                    && FIXED.iter().all(|(fixed, ..)| fixed != key)
            })
            .collect();
        if !unknown.is_empty() {
            settings.notes.push(format!(
                "tokenizer_config.json: keys that are not known and were ignored: {}",
                unknown.join(", ")
            ));
        }
        Ok(settings)
    }

    /// Special tokens of `tokenizer_config.json` or `special_tokens_map.json` (whose are always special).
    fn specials(&mut self, keys: &Keys, map: bool) -> Result<(), TokeniseError> {
        for name in NAMED {
            match keys.get(name) {
                None => {}
                Some(Value::Null) => {
                    self.named.remove(name);
                }
                Some(value) => {
                    let (mut token, flags) = keys.token(name, value, true)?;
                    token.special |= map;
                    let file = Some(keys.path.clone());
                    let named = Named { token, file, flags };
                    self.named.insert(name, named);
                }
            }
        }
        for key in ["additional_special_tokens", "extra_special_tokens"] {
            for named in keys.special_list(key)? {
                if self.additional.iter().all(|n| n.token != named.token) {
                    self.additional.push(named);
                }
            }
        }
        Ok(())
    }

    /// Added tokens: of `added_tokens_decoder` where there is one; else `special_tokens_map.json` overrides
    /// the special tokens and `added_tokens.json` adds others, as before transformers 4.34.
    fn added_tokens(&mut self, config: &Keys, folder: &Path) -> Result<(), TokeniseError> {
        let (map_path, added_path) = (
            folder.join("special_tokens_map.json"),
            folder.join("added_tokens.json"),
        );
        let added = Keys {
            map: object(&added_path)?.unwrap_or_default(),
            path: added_path,
        };
        for token in added.map.keys() {
            let id = added.get(token).and_then(Value::as_u64);
            let id = id
                .and_then(|id| u32::try_from(id).ok())
                .ok_or_else(|| added.refuse(token, "an id, a whole number"))?;
            self.promised.insert(token.clone(), id);
        }
        const KEY: &str = "added_tokens_decoder";
        match config.get(KEY) {
            None => {
                let map = Keys {
                    map: object(&map_path)?.unwrap_or_default(),
                    path: map_path,
                };
                self.specials(&map, true)?;
                for (content, &id) in &self.promised {
                    let special = self.is_special(content);
                    self.added
                        .insert(id, AddedToken::from(content.clone(), special));
                }
            }
            Some(Value::Object(entries)) => {
                for (id, value) in entries {
                    let number = id
                        .parse()
                        .map_err(|_| config.refuse(KEY, "ids, whole numbers, as names"))?;
                    let (token, flags) = config.token(KEY, value, false)?;
                    if !flags {
                        return Err(config.refuse(KEY, "an object for each token"));
                    }
                    self.added.insert(number, token);
                }
            }
            Some(_) => return Err(config.refuse(KEY, "an object of ids and tokens")),
        }
        Ok(())
    }

    /// Whether a token is one of the special ones.
    pub fn is_special(&self, content: &str) -> bool {
        let mut all = self.named.values().chain(&self.additional);
        all.any(|named| named.token.content == content)
    }

    /// The spelling of a named special token.
    pub fn name(&self, key: &str) -> Option<&str> {
        self.named.get(key).map(|n| n.token.content.as_str())
    }

    /// An error for a key of `tokenizer_config.json`.
    pub fn refuse(
        &self,
        key: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> TokeniseError {
        TokeniseError::Setting {
            path: self.path.clone(),
            key: key.to_owned(),
            found: found.into(),
            expected: expected.into(),
        }
    }
}

/// `model_max_length`, by its old name `max_len`, too; nothing when it is transformers' "no limit".
fn max_length(config: &Keys) -> Result<Option<usize>, TokeniseError> {
    let Some(key) = ["model_max_length", "max_len"]
        .into_iter()
        .find(|key| config.get(key).is_some_and(|v| !v.is_null()))
    else {
        return Ok(None);
    };
    match config.get(key).and_then(Value::as_f64) {
        Some(length) if length >= 1.0 => Ok((length < 1e9).then_some(length as usize)),
        _ => Err(config.refuse(key, "a number of tokens, 1 or more")),
    }
}
