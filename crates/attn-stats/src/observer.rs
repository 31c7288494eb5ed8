//! One forward pass feeds many statistics.

use crate::annotation::Annotation;
use crate::view::{MapsView, StatsError};

/// One example as observers see it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The example's index in its data set: names its bootstrap stream.
    pub index: usize,
    /// Its maps.
    pub maps: MapsView<'a>,
    /// The maps of a second model for the same word pieces (the pre-trained one, beside the
    /// fine-tuned), for statistics that compare two.
    pub reference: Option<MapsView<'a>>,
    /// The rows of padding tokens in both models, which only the authors' cosine wants.
    pub padding: Option<PaddingRows<'a>>,
    /// What its tokens are.
    pub annotation: &'a Annotation,
    /// Bootstrap counts of this example, shared by all observers.
    pub counts: &'a [u8],
}

/// What the padding tokens of an input attend to: `[layers, heads, P, L]` for P padding tokens and
/// L real ones. Padding is masked as a key (weight 0) but not as a query, so that a model computes
/// such rows too; see [`crate::Cosine`].
#[derive(Debug, Clone, Copy)]
pub struct PaddingRows<'a> {
    /// The model's.
    pub own: &'a [f32],
    /// The reference model's.
    pub reference: &'a [f32],
}

impl<'a> Observation<'a> {
    /// An example of one model.
    pub fn new(
        index: usize,
        maps: MapsView<'a>,
        annotation: &'a Annotation,
        counts: &'a [u8],
    ) -> Self {
        Self {
            index,
            maps,
            reference: None,
            padding: None,
            annotation,
            counts,
        }
    }

    /// The same with the maps of a second model.
    pub fn with_reference(self, maps: MapsView<'a>) -> Self {
        Self {
            reference: Some(maps),
            ..self
        }
    }

    /// The second model's maps, if they fit the first's.
    ///
    /// # Errors
    /// [`StatsError::NoReference`], [`StatsError::Grid`] or [`StatsError::Length`].
    pub fn reference_for(&self, statistic: &'static str) -> Result<MapsView<'a>, StatsError> {
        let reference = self
            .reference
            .ok_or(StatsError::NoReference { statistic })?;
        reference.check_grid(self.maps.layers(), self.maps.heads())?;
        let (found, expected) = (reference.length(), self.maps.length());
        if found != expected {
            return Err(StatsError::Length { found, expected });
        }
        Ok(reference)
    }
}

/// Takes one example after another. Memory must not grow with their number.
///
/// An example without tokens has no maps; observers pass it over.
pub trait Observer {
    /// Looks at one example.
    ///
    /// # Errors
    /// [`StatsError`] when the maps or the annotation do not fit the observer.
    fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError>;
}

/// Appends the mean of each layer to values of all heads, layer by layer.
pub(crate) fn append_layer_means(values: &mut Vec<f32>, heads: usize) {
    let means: Vec<f32> = values
        .chunks_exact(heads.max(1))
        .map(|layer| layer.iter().sum::<f32>() / heads.max(1) as f32)
        .collect();
    values.extend(means);
}
