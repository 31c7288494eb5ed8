//! One input, all heads, in one HTML file: what `attn view` writes.
//!
//! The page shows the grid of layers by heads as thumbnails, one head large as a map, as lines from
//! token to token (BertViz's head view) and token by token, a second model beside the first, any
//! per-head statistics that it is given, and what the classifier says with each head disabled. It
//! draws on canvases from numbers held in the file; every picture can be saved as SVG or PNG and
//! every table as CSV.
//!
//! Weights are stored as integers ([`Precision`]): 16 bits as long as the file stays under
//! [`SIZE_AIM`], else 8 bits of the square root. What the page prints is the stored value, so a
//! number read from it is off by no more than [`Precision::error`]; statistics come from the caller
//! and keep all digits.

mod encode;

pub use encode::Precision;

use crate::page::Page;
use crate::theme::ColourMap;
use attn_core::{HeadGrid, HeadId};
use serde_json::{Value, json};

/// Files above this many bytes open slowly; weights are stored in fewer bits beyond it.
pub const SIZE_AIM: usize = 15_000_000;
/// Room for everything that is not a weight.
const REST: usize = 1_500_000;

const STYLE: &str = include_str!("../../assets/view.css");
const BODY: &str = include_str!("../../assets/view.html");
const SCRIPTS: [&str; 4] = [
    include_str!("../../assets/view-data.js"),
    include_str!("../../assets/view-paint.js"),
    include_str!("../../assets/view-draw.js"),
    include_str!("../../assets/view.js"),
];

/// One word piece of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewToken {
    /// As the vocabulary spells it.
    pub text: String,
    /// Segment id: 0 for the first text, 1 for the second.
    pub segment: u32,
    /// Whether it is a special token such as `[CLS]`.
    pub special: bool,
}

/// The maps of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewModel<'a> {
    /// Its name.
    pub name: String,
    /// What it is in this comparison, for example `fine-tuned`; may be empty.
    pub role: String,
    /// `[layers, heads, L, L]`, row-major; row = query, column = key.
    pub maps: &'a [f32],
}

/// A number for each head.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadStatistic {
    /// Short and stable: a column's name in CSV.
    pub id: String,
    /// For readers.
    pub name: String,
    /// One sentence: what it is and its unit.
    pub explanation: String,
    /// Decimals for readers.
    pub digits: usize,
    /// One grid for each model, in their order; a statistic of the first model only, or one between
    /// the models, has a single grid. Values that are not finite are shown as missing.
    pub values: Vec<HeadGrid<f64>>,
}

/// A word for each head, for example its pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadWord {
    /// For readers, and a column's name in CSV.
    pub name: String,
    /// One grid for each model, or for the first only.
    pub values: Vec<HeadGrid<String>>,
}

/// What the first model, a fine-tuned classifier, says about the input.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadEffects {
    /// How a head is disabled, in words.
    pub mode: String,
    /// Label names; a single one is a regression.
    pub labels: Vec<String>,
    /// The whole model's logits, one a label.
    pub baseline: Vec<f32>,
    /// The logits with one head disabled.
    pub heads: HeadGrid<Vec<f32>>,
}

/// Everything on the page. All text is shown as text, whatever it holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ViewSpec<'a> {
    /// The page's title.
    pub title: String,
    /// The input: one text or two.
    pub texts: Vec<String>,
    /// Its `L` word pieces.
    pub tokens: Vec<ViewToken>,
    /// Layers of every model here.
    pub layers: usize,
    /// Heads per layer of every model here.
    pub heads: usize,
    /// The model looked at and, if there is one, the model to compare it with.
    pub models: Vec<ViewModel<'a>>,
    /// Numbers for each head.
    pub statistics: Vec<HeadStatistic>,
    /// Words for each head.
    pub words: Vec<HeadWord>,
    /// What each head does to the prediction.
    pub effects: Option<HeadEffects>,
    /// What a reader must know: how the models were loaded, what was cut.
    pub notes: Vec<String>,
    /// The head that the page opens at; the first when absent.
    pub open: Option<HeadId>,
}

/// A view that cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ViewError {
    /// No model, or more than two.
    #[error("a view holds one model or two, found {0}")]
    Models(usize),
    /// An input without tokens, or a model without heads.
    #[error(
        "a view needs at least one token, layer and head; found {tokens} tokens, {layers} layers of {heads} heads"
    )]
    Empty {
        /// Tokens.
        tokens: usize,
        /// Layers.
        layers: usize,
        /// Heads per layer.
        heads: usize,
    },
    /// Two sizes that must agree.
    #[error("{what} has {found} values, expected {expected}")]
    Size {
        /// What.
        what: String,
        /// Values expected.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// A weight that is none.
    #[error(
        "model '{model}', layer {}, head {} (counted from 1): the weight {value} at query {query}, key {key} \
         (counted from 0) lies outside 0 to 1; maps are softmax outputs", .layer + 1, .head + 1
    )]
    Weight {
        /// The model.
        model: String,
        /// Layer, from 0.
        layer: usize,
        /// Head, from 0.
        head: usize,
        /// Row.
        query: usize,
        /// Column.
        key: usize,
        /// The value, as text.
        value: String,
    },
}

/// A finished page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The document, UTF-8.
    pub html: String,
    /// How weights are stored in it.
    pub precision: Precision,
}

fn size(what: impl Into<String>, expected: usize, found: usize) -> Result<(), ViewError> {
    if expected == found {
        return Ok(());
    }
    let what = what.into();
    Err(ViewError::Size {
        what,
        expected,
        found,
    })
}

impl ViewSpec<'_> {
    /// Builds the page.
    ///
    /// # Errors
    /// [`ViewError`] where sizes do not agree or a weight lies outside 0 to 1.
    pub fn render(&self) -> Result<View, ViewError> {
        self.check()?;
        let weights: usize = self.models.iter().map(|m| m.maps.len()).sum();
        let precision = Precision::for_weights(weights, SIZE_AIM - REST);
        let data = self.data(precision).to_string();
        let html = Page {
            title: &self.title,
            body: BODY,
            data: Some(&data),
            style: STYLE,
            scripts: &SCRIPTS,
        }
        .html();
        Ok(View { html, precision })
    }

    fn check(&self) -> Result<(), ViewError> {
        let (layers, heads, tokens) = (self.layers, self.heads, self.tokens.len());
        if !(1..=2).contains(&self.models.len()) {
            return Err(ViewError::Models(self.models.len()));
        }
        if layers * heads * tokens == 0 {
            return Err(ViewError::Empty {
                tokens,
                layers,
                heads,
            });
        }
        let grid = layers * heads;
        for model in &self.models {
            let name = &model.name;
            size(
                format!("the maps of model '{name}'"),
                grid * tokens * tokens,
                model.maps.len(),
            )?;
            // A softmax may exceed 1 by rounding.
            if let Some(at) = model
                .maps
                .iter()
                .position(|w| !(-1e-6..=1.0 + 1e-5).contains(w))
            {
                let map = at / (tokens * tokens);
                return Err(ViewError::Weight {
                    model: name.clone(),
                    layer: map / heads,
                    head: map % heads,
                    query: at / tokens % tokens,
                    key: at % tokens,
                    value: model.maps[at].to_string(),
                });
            }
        }
        let same = |what: &str, name: &str, shape: (usize, usize)| {
            size(
                format!("the grid of {what} '{name}'"),
                grid,
                shape.0 * shape.1,
            )
        };
        for s in &self.statistics {
            for values in &s.values {
                same("statistic", &s.id, (values.layers(), values.heads()))?;
            }
        }
        for w in &self.words {
            for values in &w.values {
                same("words", &w.name, (values.layers(), values.heads()))?;
            }
        }
        if let Some(e) = &self.effects {
            size(
                "the list of baseline logits",
                e.labels.len(),
                e.baseline.len(),
            )?;
            size("the grid of logits", grid, e.heads.values().len())?;
            for (head, logits) in e.heads.iter() {
                size(
                    format!("the list of logits without head {head}"),
                    e.labels.len(),
                    logits.len(),
                )?;
            }
        }
        Ok(())
    }

    fn data(&self, precision: Precision) -> Value {
        let models = self
            .models
            .iter()
            .map(|m| json!({ "name": m.name, "role": m.role, "maps": precision.encode(m.maps) }));
        let statistics = self.statistics.iter().map(|s| {
            let values: Vec<_> = s.values.iter().map(HeadGrid::values).collect();
            json!({ "id": s.id, "name": s.name, "explanation": s.explanation, "digits": s.digits, "values": values })
        });
        let words = self.words.iter().map(|w| {
            json!({ "name": w.name, "values": w.values.iter().map(HeadGrid::values).collect::<Vec<_>>() })
        });
        let effects = self.effects.as_ref().map(|e| {
            json!({ "mode": e.mode, "labels": e.labels, "baseline": e.baseline, "heads": e.heads.values() })
        });
        json!({
            "format": "attention-atlas view 1",
            "title": self.title,
            "texts": self.texts,
            "tokens": self.tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>(),
            "segments": self.tokens.iter().map(|t| t.segment).collect::<Vec<_>>(),
            "special": self.tokens.iter().map(|t| t.special).collect::<Vec<_>>(),
            "layers": self.layers,
            "heads": self.heads,
            "bits": precision.bits(),
            "precision": precision.to_string(),
            "models": models.collect::<Vec<_>>(),
            "statistics": statistics.collect::<Vec<_>>(),
            "words": words.collect::<Vec<_>>(),
            "effects": effects,
            "sequential": ramp(ColourMap::Sequential),
            "diverging": ramp(ColourMap::Diverging),
            "notes": self.notes,
            "open": self.open.filter(|h| h.layer < self.layers && h.head < self.heads)
                .map_or(0, |h| h.layer * self.heads + h.head),
        })
    }
}

/// 256 colours, so that page and figures agree.
fn ramp(map: ColourMap) -> Vec<String> {
    (0..=255)
        .map(|i| map.colour(f64::from(i) / 255.0).hex())
        .collect()
}

#[cfg(test)]
mod tests;
