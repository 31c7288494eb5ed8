//! Which of transformers' tokenizers a folder asks for, and the special tokens that it has by default.

use super::TokeniseError;
use super::file::{Keys, object};
use super::settings::{Class, Named};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tokenizers::AddedToken;

/// The class, and whether it hands out segment ids.
pub(super) fn class(config: &Keys, folder: &Path) -> Result<(Class, bool), TokeniseError> {
    const KEY: &str = "tokenizer_class";
    let path = folder.join("config.json");
    let model = Keys {
        map: object(&path).ok().flatten().unwrap_or_default(),
        path,
    };
    let keys = match config.get(KEY) {
        None | Some(Value::Null) => &model,
        Some(_) => config,
    };
    let found = match keys.get(KEY) {
        None | Some(Value::Null) => "BertTokenizer",
        Some(value) => value.as_str().unwrap_or_default(),
    };
    match found.strip_suffix("Fast").unwrap_or(found) {
        "BertTokenizer" | "ElectraTokenizer" => Ok((Class::Bert, true)),
        "DistilBertTokenizer" => Ok((Class::Bert, false)),
        "PreTrainedTokenizer" | "TokenizersBackend" => Ok((Class::Generic, true)),
        "XLMRobertaTokenizer" => Ok((Class::XlmRoberta, false)),
        _ => Err(keys.refuse(
            KEY,
            "BertTokenizer, ElectraTokenizer, DistilBertTokenizer, XLMRobertaTokenizer (each with Fast or not), \
             PreTrainedTokenizerFast or TokenizersBackend",
        )),
    }
}

/// The special tokens that a class has unless a file says otherwise.
pub(super) fn defaults(class: Class) -> BTreeMap<&'static str, Named> {
    let named: &[(&'static str, &str)] = match class {
        Class::Bert => &[
            ("unk_token", "[UNK]"),
            ("sep_token", "[SEP]"),
            ("pad_token", "[PAD]"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ],
        Class::Generic => &[],
        Class::XlmRoberta => &[
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("unk_token", "<unk>"),
            ("sep_token", "</s>"),
            ("pad_token", "<pad>"),
            ("cls_token", "<s>"),
            ("mask_token", "<mask>"),
        ],
    };
    named
        .iter()
        .map(|&(name, content)| {
            let mask = class == Class::XlmRoberta && name == "mask_token";
            let token = AddedToken::from(content, true).lstrip(mask);
            let named = Named {
                token,
                file: None,
                flags: mask,
            };
            (name, named)
        })
        .collect()
}
