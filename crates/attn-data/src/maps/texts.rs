//! What stands beside the arrays: tokens, special tokens, texts, names.

use super::source::{Array, Given};
use super::{MapsError, grid_of};
use attn_core::HeadId;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// Special tokens by name: those of BERT and of models that are trained like RoBERTa.
const SPECIAL: [&str; 4] = ["[CLS]", "[SEP]", "<s>", "</s>"];
/// Filling.
const PADDING: [&str; 2] = ["[PAD]", "<pad>"];

/// Positions of special tokens, by name.
pub fn special_of<S: AsRef<str>>(tokens: &[S]) -> Vec<usize> {
    (0..tokens.len())
        .filter(|&p| SPECIAL.contains(&tokens[p].as_ref()))
        .collect()
}

/// Which text each of `length` tokens belongs to, 0 or 1: a special token other than the first ends a
/// text, and belongs to the text before it.
pub fn texts_of(length: usize, special: &[usize]) -> Vec<u8> {
    let (mut text, mut ended) = (0u8, false);
    (0..length)
        .map(|position| {
            if special.contains(&position) {
                ended |= position > 0;
            } else if std::mem::take(&mut ended) {
                text = 1;
            }
            text
        })
        .collect()
}

/// Lists with an entry for each example.
#[derive(Debug, Default)]
pub struct Texts {
    pub model: Option<String>,
    tokens: Option<Vec<Vec<String>>>,
    texts: Option<Vec<Vec<u8>>>,
    special: Option<Vec<Vec<usize>>>,
    ids: Option<Vec<String>>,
    layers: Option<Vec<usize>>,
    heads: Option<Vec<(usize, usize)>>,
    lengths: Vec<usize>,
}

impl Texts {
    /// Reads and checks the texts; `notes` gets what they do not say.
    pub fn new(
        path: &Path,
        given: Given,
        arrays: &[Array],
        notes: &mut Vec<String>,
    ) -> Result<Self, MapsError> {
        let reader = Reader {
            path,
            given: &given,
            examples: arrays.len(),
        };
        let lengths: Vec<usize> = arrays.iter().map(|a| grid_of(&a.shape).2).collect();
        let tokens = reader.nested::<String>("tokens", "a list of tokens", &lengths)?;
        let what = "0 or 1 for each token";
        let texts = match reader.nested::<u8>("texts", what, &lengths)? {
            Some(texts) => Some(texts),
            None => reader.nested::<u8>("segments", what, &lengths)?,
        };
        let special = reader.nested::<usize>("special", "positions of special tokens", &[])?;
        if let Some(at) = special
            .iter()
            .flatten()
            .zip(&lengths)
            .position(|(s, length)| s.iter().any(|p| p >= length))
        {
            return Err(reader.wrong(
                "special",
                format!("positions below {}", lengths[at]),
                "a greater one".to_owned(),
            ));
        }
        let ids: Option<Vec<String>> = reader.list("ids", "a list of names")?;
        if let Some(ids) = ids.as_ref().filter(|ids| ids.len() != arrays.len()) {
            let expected = format!("{} names", arrays.len());
            return Err(reader.wrong("ids", expected, ids.len().to_string()));
        }
        let layers: Option<Vec<usize>> = reader.list("layers", "a list of numbers from 0")?;
        let heads: Option<Vec<(usize, usize)>> =
            reader.list("heads", "a list of [layer, head], from 0")?;
        for array in arrays {
            let (of_layers, of_heads, _) = grid_of(&array.shape);
            for (key, count, list) in [
                ("layers", of_layers, layers.as_ref().map(Vec::len)),
                ("heads", of_heads * of_layers, heads.as_ref().map(Vec::len)),
            ] {
                if let Some(found) = list.filter(|found| *found != count) {
                    let expected = format!("{count} entries, as array '{}' has", array.name);
                    return Err(reader.wrong(key, expected, found.to_string()));
                }
            }
        }
        if let Some(tokens) = &tokens {
            let padded = |t: &Vec<String>| t.iter().any(|t| PADDING.contains(&t.as_str()));
            if let Some(at) = tokens.iter().position(padded) {
                return Err(reader.wrong(
                    "tokens",
                    "real tokens only: crop maps and tokens to them".to_owned(),
                    format!("padding in example {at} (counted from 0)"),
                ));
            }
        }
        match (&tokens, &special, &texts) {
            (None, None, None) => notes.push(
                "the file names no tokens: special tokens and second texts cannot be told, so that classes rest on the \
                 weights alone and Block, which joins the tokens of one text, is hardly found"
                    .to_owned(),
            ),
            (_, Some(_), None) => notes.push(
                "the file does not say which text a token belongs to: a special token other than the first ends a text"
                    .to_owned(),
            ),
            (Some(tokens), None, texts) => {
                let bare = tokens.iter().filter(|t| special_of(t).is_empty()).count();
                if texts.is_none() {
                    notes.push(
                        "the file does not say which text a token belongs to: the second begins behind the first [SEP] \
                         or </s>"
                            .to_owned(),
                    );
                }
                if bare > 0 {
                    notes.push(format!(
                        "{bare} of {} examples have no token called [CLS], [SEP], <s> or </s>: taken as one text without \
                         special tokens",
                        tokens.len()
                    ));
                }
            }
            (None, None, Some(_)) => notes.push(
                "the file names neither tokens nor special tokens: columns of [CLS] and [SEP] cannot be told".to_owned(),
            ),
            _ => {}
        }
        if let Some(remark) = given.get("merged").and_then(Value::as_str) {
            notes.push(remark.to_owned());
        }
        let model = given.get("model").and_then(Value::as_str);
        Ok(Self {
            model: model.map(str::to_owned),
            tokens,
            texts,
            special,
            ids,
            layers,
            heads,
            lengths,
        })
    }

    pub fn id(&self, index: usize) -> Option<&str> {
        self.ids.as_ref()?.get(index).map(String::as_str)
    }

    pub fn tokens(&self, index: usize) -> Option<&[String]> {
        self.tokens.as_ref()?.get(index).map(Vec::as_slice)
    }

    pub fn special(&self, index: usize) -> Vec<usize> {
        match self.special.as_ref().and_then(|s| s.get(index)) {
            Some(special) => special.clone(),
            None => self.tokens(index).map(special_of).unwrap_or_default(),
        }
    }

    pub fn texts(&self, index: usize) -> Vec<u8> {
        if let Some(texts) = self.texts.as_ref().and_then(|t| t.get(index)) {
            return texts.clone();
        }
        let special = self.special(index);
        match self.lengths.get(index) {
            Some(&length) if !special.is_empty() => texts_of(length, &special),
            _ => Vec::new(),
        }
    }

    /// The head of each map of a grid.
    pub fn heads(&self, layers: usize, heads: usize) -> Vec<HeadId> {
        if let Some(list) = &self.heads {
            return list.iter().map(|&(l, h)| HeadId::new(l, h)).collect();
        }
        let number = |layer: usize| {
            let list = self.layers.as_ref();
            list.and_then(|l| l.get(layer)).copied().unwrap_or(layer)
        };
        (0..layers)
            .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
            .map(|(layer, head)| HeadId::new(number(layer), head))
            .collect()
    }
}

struct Reader<'a> {
    path: &'a Path,
    given: &'a Given,
    examples: usize,
}

impl Reader<'_> {
    fn wrong(&self, key: &str, expected: String, found: String) -> MapsError {
        MapsError::Text {
            path: self.path.to_owned(),
            key: key.to_owned(),
            expected,
            found,
        }
    }

    fn list<T: DeserializeOwned>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<Vec<T>>, MapsError> {
        let Some(value) = self.given.get(key) else {
            return Ok(None);
        };
        match serde_json::from_value(value.clone()) {
            Ok(list) => Ok(Some(list)),
            Err(e) => Err(self.wrong(key, expected.to_owned(), format!("something else ({e})"))),
        }
    }

    /// A list of lists, or for a single example the list alone. `lengths`, where given, are how
    /// long each must be.
    fn nested<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &str,
        lengths: &[usize],
    ) -> Result<Option<Vec<Vec<T>>>, MapsError> {
        let Some(Value::Array(entries)) = self.given.get(key) else {
            let expected = format!("{what}, in a list with an entry for each example");
            return match self.given.get(key) {
                None => Ok(None),
                Some(_) => Err(self.wrong(key, expected, "something else".to_owned())),
            };
        };
        let flat = self.examples == 1 && !entries.iter().any(Value::is_array);
        let list: Vec<Vec<T>> = if flat {
            vec![self.list(key, what)?.unwrap_or_default()]
        } else {
            self.list(
                key,
                &format!("{what}, in a list with an entry for each example"),
            )?
            .unwrap_or_default()
        };
        if list.len() != self.examples {
            let expected = format!("{} entries, one for each example", self.examples);
            return Err(self.wrong(key, expected, list.len().to_string()));
        }
        for (index, (entry, length)) in list.iter().zip(lengths).enumerate() {
            if entry.len() != *length {
                let expected =
                    format!("{length} for example {index} (counted from 0), as its maps have");
                return Err(self.wrong(key, expected, entry.len().to_string()));
            }
        }
        Ok(Some(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_follow_from_special_tokens() {
        let of = |text: &str| {
            let tokens: Vec<&str> = text.split(' ').collect();
            texts_of(tokens.len(), &special_of(&tokens))
        };
        assert_eq!(of("[CLS] a b [SEP] c [SEP]"), [0, 0, 0, 0, 1, 1]);
        assert_eq!(of("[CLS] a [SEP]"), [0, 0, 0]);
        assert_eq!(of("<s> a </s> </s> b c </s>"), [0, 0, 0, 0, 1, 1, 1]);
        assert_eq!(of("a b"), [0, 0]);
    }
}
