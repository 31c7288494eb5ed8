//! What a forward pass hands out.

use burn::tensor::Tensor;

/// What to keep of each layer; nothing by default, and what is not asked for is freed as soon as
/// the next operation has used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Want {
    /// Attention maps.
    pub maps: bool,
    /// Per-head contexts: weights times values, before the output projection.
    pub contexts: bool,
    /// Hidden states, the embeddings' output among them.
    pub hidden: bool,
}

impl Want {
    /// Only the last hidden state.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The attention maps of every layer.
    pub fn maps() -> Self {
        Self {
            maps: true,
            ..Self::default()
        }
    }

    /// Maps, contexts and hidden states.
    pub fn everything() -> Self {
        Self {
            maps: true,
            contexts: true,
            hidden: true,
        }
    }
}

/// What one layer leaves behind, as far as it was wanted.
#[derive(Debug, Clone, Default)]
pub struct LayerOutput {
    /// Attention weights as the layer used them, after the softmax and any intervention, before
    /// dropout: `[batch, heads, query, key]`. Columns of padding are 0; rows of padding mean nothing.
    pub maps: Option<Tensor<4>>,
    /// Weights times values, before the output projection: `[batch, heads, query, head_size]`.
    pub contexts: Option<Tensor<4>>,
    /// The layer's output: `[batch, width, hidden]`.
    pub hidden: Option<Tensor<3>>,
}

/// The encoder's result.
#[derive(Debug, Clone)]
pub struct EncoderOutput {
    /// The last layer's output: `[batch, width, hidden]`.
    pub last_hidden: Tensor<3>,
    /// The pooler's output, `[batch, hidden]`, when the model has one.
    pub pooled: Option<Tensor<2>>,
    /// The embeddings' output (the hidden state before layer 0), when hidden states are wanted:
    /// `[batch, width, hidden]`.
    pub embeddings: Option<Tensor<3>>,
    /// One entry a layer.
    pub layers: Vec<LayerOutput>,
    /// Real tokens of each example.
    pub lengths: Vec<usize>,
}

/// Host copies of a batch's maps could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The forward pass was not asked for them.
    #[error("the forward pass kept no {0}: ask for them with `Want`")]
    NotKept(&'static str),
    /// No such example.
    #[error("the batch has {size} examples, there is no example {index} (counted from 0)")]
    NoSuchExample {
        /// The index asked for.
        index: usize,
        /// Examples in the batch.
        size: usize,
    },
    /// A number that means nothing.
    #[error(
        "{what}: {value} at {place}, counted from 0: the model's numbers went out of bounds (are its weights too large?), \
         so that no result of it means anything"
    )]
    NotFinite {
        /// What it stands in.
        what: &'static str,
        /// Where.
        place: String,
        /// NaN or an infinity.
        value: String,
    },
    /// The device failed.
    #[error("reading from the device failed: {0}")]
    Device(String),
}

/// A tensor's values on the host, row-major, as f32.
///
/// # Errors
/// [`ReadError::Device`] when the device fails.
pub fn to_host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ReadError> {
    let data = tensor
        .try_into_data_as::<f32>()
        .map_err(|e| ReadError::Device(format!("{e:?}")))?;
    data.try_to_vec::<f32>()
        .map_err(|e| ReadError::Device(e.to_string()))
}

/// As [`to_host`], and an error when a value is NaN or infinite. `what` names the values, for example
/// `logits`, in the message.
///
/// # Errors
/// [`ReadError::NotFinite`] with the first such value, and those of [`to_host`].
pub fn to_finite<const D: usize>(
    tensor: Tensor<D>,
    what: &'static str,
) -> Result<Vec<f32>, ReadError> {
    let shape = tensor.dims();
    let values = to_host(tensor)?;
    finite(&values, what, |index| {
        let mut rest = index;
        let mut place = shape.map(|size| size.max(1));
        for size in place.iter_mut().rev() {
            (*size, rest) = (rest % *size, rest / *size);
        }
        format!("{place:?}")
    })?;
    Ok(values)
}

/// Refuses the first value that is NaN or infinite; `place` says where an index lies.
fn finite(
    values: &[f32],
    what: &'static str,
    place: impl FnOnce(usize) -> String,
) -> Result<(), ReadError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(ReadError::NotFinite {
            what,
            place: place(index),
            value: values[index].to_string(),
        }),
    }
}

/// Refuses NaN and infinities in maps from elsewhere, those of one example: `[layers, heads, length, length]`,
/// row-major. The maps that [`EncoderOutput`] hands out are checked already.
///
/// # Errors
/// [`ReadError::NotFinite`] with the first such value.
pub fn check_maps(
    maps: &[f32],
    example: usize,
    heads: usize,
    length: usize,
) -> Result<(), ReadError> {
    maps.chunks((heads * length * length).max(1))
        .enumerate()
        .try_for_each(|(layer, maps)| finite_maps(maps, example, layer, heads, length))
}

/// Refuses NaN and infinities in one layer's maps of one example, `[heads, rows, columns]`.
fn finite_maps(
    values: &[f32],
    example: usize,
    layer: usize,
    heads: usize,
    columns: usize,
) -> Result<(), ReadError> {
    let each = (values.len() / heads.max(1)).max(1);
    finite(values, "attention map", |index| {
        let (head, within) = (index / each, index % each);
        let (query, key) = (within / columns.max(1), within % columns.max(1));
        format!(
            "layer {layer}, head {head}, query {query}, key {key} of example {example} of a batch"
        )
    })
}

/// Cuts `[rows, width, width]` of one example to `[rows, length, length]` and appends it to `out`.
fn append_cropped(out: &mut Vec<f32>, maps: &[f32], width: usize, length: usize) {
    for map in maps.chunks_exact(width * width) {
        for row in map.chunks_exact(width).take(length) {
            out.extend_from_slice(&row[..length]);
        }
    }
}

/// Of `[rows, width, width]` of one example, the rows beyond `length`, each cut to `length` keys.
fn append_padding(out: &mut Vec<f32>, maps: &[f32], width: usize, length: usize) {
    for map in maps.chunks_exact(width * width) {
        for row in map.chunks_exact(width).skip(length) {
            out.extend_from_slice(&row[..length]);
        }
    }
}

impl EncoderOutput {
    /// Number of heads per layer, when maps were kept.
    pub fn heads(&self) -> Option<usize> {
        self.layers.first()?.maps.as_ref().map(|m| m.dims()[1])
    }

    /// The maps of every example on the host, each `[layers, heads, L, L]` row-major without
    /// padding, in the batch's order.
    ///
    /// # Errors
    /// [`ReadError`] when maps were not kept, hold NaN or infinities, or the device fails.
    pub fn all_maps(&self) -> Result<Vec<Vec<f32>>, ReadError> {
        self.cut(append_cropped)
    }

    /// What the padding tokens of every example, as queries, attend to among its `L` real tokens:
    /// each `[layers, heads, width - L, L]` row-major. Padding is masked as a key alone, so that
    /// these rows are computed, too; no statistic of ours looks at them but the authors' reading
    /// of the cosine (Section 4.3).
    ///
    /// # Errors
    /// [`ReadError`] when maps were not kept, hold NaN or infinities, or the device fails.
    pub fn padding_rows(&self) -> Result<Vec<Vec<f32>>, ReadError> {
        self.cut(append_padding)
    }

    /// Parts of every example's maps: `append` gets `[heads, width, width]`, width and length.
    fn cut(
        &self,
        append: fn(&mut Vec<f32>, &[f32], usize, usize),
    ) -> Result<Vec<Vec<f32>>, ReadError> {
        let [_, width, _] = self.last_hidden.dims();
        let mut examples: Vec<Vec<f32>> = vec![Vec::new(); self.lengths.len()];
        for (index, layer) in self.layers.iter().enumerate() {
            let maps = layer
                .maps
                .clone()
                .ok_or(ReadError::NotKept("attention maps"))?;
            let heads = maps.dims()[1];
            let host = to_host(maps)?;
            for (example, ((out, &length), maps)) in examples
                .iter_mut()
                .zip(&self.lengths)
                .zip(host.chunks_exact(heads * width * width))
                .enumerate()
            {
                let before = out.len();
                append(out, maps, width, length);
                finite_maps(&out[before..], example, index, heads, length)?;
                if before == 0 {
                    // All layers are alike.
                    out.reserve_exact(out.len() * self.layers.len().saturating_sub(1));
                }
            }
        }
        Ok(examples)
    }

    /// One example's maps on the host: `[layers, heads, L, L]`, row-major, without padding.
    ///
    /// # Errors
    /// [`ReadError`] when maps were not kept or hold NaN or infinities, `example` is out of range or the
    /// device fails.
    pub fn example_maps(&self, example: usize) -> Result<Vec<f32>, ReadError> {
        let length = self.length(example)?;
        let mut out = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let maps = layer
                .maps
                .clone()
                .ok_or(ReadError::NotKept("attention maps"))?;
            let [_, heads, width, _] = maps.dims();
            let before = out.len();
            append_cropped(
                &mut out,
                &to_host(maps.narrow(0, example, 1))?,
                width,
                length,
            );
            finite_maps(&out[before..], example, index, heads, length)?;
        }
        Ok(out)
    }

    /// One example's hidden states on the host: `[layers + 1, L, hidden]`, row-major, the
    /// embeddings' output first, without padding.
    ///
    /// # Errors
    /// [`ReadError`] when hidden states were not kept, `example` is out of range or the device fails.
    pub fn example_hidden(&self, example: usize) -> Result<Vec<f32>, ReadError> {
        let length = self.length(example)?;
        let mut out = Vec::new();
        let states = std::iter::once(&self.embeddings).chain(self.layers.iter().map(|l| &l.hidden));
        for state in states {
            let state = state.clone().ok_or(ReadError::NotKept("hidden states"))?;
            out.extend(to_host(state.narrow(0, example, 1).narrow(1, 0, length))?);
        }
        Ok(out)
    }

    fn length(&self, example: usize) -> Result<usize, ReadError> {
        self.lengths
            .get(example)
            .copied()
            .ok_or(ReadError::NoSuchExample {
                index: example,
                size: self.lengths.len(),
            })
    }
}
