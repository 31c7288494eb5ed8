//! JSON files of settings: keys by name, and errors that name file, key and value.

use super::TokeniseError;
use super::settings::Named;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use tokenizers::AddedToken;

/// A JSON object from a file, empty when there is none.
pub(super) fn object(path: &Path) -> Result<Option<Map<String, Value>>, TokeniseError> {
    if !path.is_file() {
        return Ok(None);
    }
    let broken = |reason: String| TokeniseError::File {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|e| broken(e.to_string()))?;
    if let Some(what) = attn_core::placeholder(text.as_bytes()) {
        return Err(broken(what.to_owned()));
    }
    match serde_json::from_str(&text).map_err(|e| broken(e.to_string()))? {
        Value::Object(map) => Ok(Some(map)),
        _ => Err(broken("expected a JSON object".to_owned())),
    }
}

/// One file's keys with its name, for messages.
pub(super) struct Keys {
    pub path: PathBuf,
    pub map: Map<String, Value>,
}

impl Keys {
    pub fn refuse(&self, key: &str, expected: &str) -> TokeniseError {
        let found = self.map.get(key).map_or("nothing".to_owned(), |value| {
            let text = value.to_string();
            match text.char_indices().nth(80) {
                Some((cut, _)) => format!("{}…", &text[..cut]),
                None => text,
            }
        });
        TokeniseError::Setting {
            path: self.path.clone(),
            key: key.to_owned(),
            found,
            expected: expected.to_owned(),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, TokeniseError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(self.refuse(key, "true or false")),
        }
    }

    pub fn strings(&self, key: &str) -> Result<Option<Vec<String>>, TokeniseError> {
        let wrong = || self.refuse(key, "a list of strings");
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(wrong()),
        }
    }

    /// An added token spelled as a string or as an object; the latter has its own flags.
    pub fn token(
        &self,
        key: &str,
        value: &Value,
        special: bool,
    ) -> Result<(AddedToken, bool), TokeniseError> {
        let wrong = || self.refuse(key, "a token: a string, or an object with \"content\"");
        match value {
            Value::String(content) => Ok((AddedToken::from(content.clone(), special), false)),
            Value::Object(fields) => {
                let content = fields
                    .get("content")
                    .and_then(Value::as_str)
                    .ok_or_else(wrong)?;
                let flag = |name: &str, usual: bool| match fields.get(name) {
                    None => Ok(usual),
                    Some(value) => value.as_bool().ok_or_else(wrong),
                };
                let special = flag("special", special)?;
                let token = AddedToken::from(content, special)
                    .single_word(flag("single_word", false)?)
                    .lstrip(flag("lstrip", false)?)
                    .rstrip(flag("rstrip", false)?)
                    .normalized(flag("normalized", !special)?);
                Ok((token, true))
            }
            _ => Err(wrong()),
        }
    }

    /// `additional_special_tokens` is a list; `extra_special_tokens` a list or an object of names.
    pub fn special_list(&self, key: &str) -> Result<Vec<Named>, TokeniseError> {
        let items: Vec<&Value> = match self.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(Value::Object(names)) if key == "extra_special_tokens" => names.values().collect(),
            Some(_) => return Err(self.refuse(key, "a list of tokens")),
        };
        items
            .into_iter()
            .map(|item| {
                let (token, flags) = self.token(key, item, true)?;
                let file = Some(self.path.clone());
                Ok(Named { token, file, flags })
            })
            .collect()
    }
}
