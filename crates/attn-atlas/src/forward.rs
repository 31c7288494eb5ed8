//! One pass of a model over many examples, in batches of like length.

use crate::inputs::Prepared;
use crate::progress::Progress;
use crate::stop_if_interrupted;
use anyhow::Context;
use attn_bert::{Backend, BertModel, EncoderOutput, TokenBatch, TokenIds, Want};
use attn_core::Intervention;
use attn_stats::{Annotation, MapsView, Observation, Observer, Resampler};

/// Padded tokens in one batch, at most (a single longer example makes a batch of its own). Large
/// enough to keep the matrix products busy, small enough that a batch's maps stay in cache reach.
const TOKENS_PER_BATCH: usize = 1024;

/// Groups examples of like length. Each batch is a list of indices; together they hold every index
/// once. Deterministic, so that a run can be repeated to the byte.
pub fn buckets(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| (lengths[i], i));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        // Lengths ascend, so the newest member is the batch's width.
        match batches.last_mut() {
            Some(batch) if (batch.len() + 1) * lengths[index] <= TOKENS_PER_BATCH => {
                batch.push(index)
            }
            _ => batches.push(vec![index]),
        }
    }
    batches
}

/// Runs `model` over the examples and hands each batch's output, with the indices of its examples,
/// to `each`, one after the other, while the next batch is under way.
///
/// # Errors
/// What `each` returns, a batch that does not fit the model (named by its first example), or an
/// interruption.
pub fn forward_all(
    model: &BertModel,
    examples: &[Prepared],
    want: Want,
    progress: &mut Progress,
    each: impl FnMut(&[usize], &EncoderOutput) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    forward_models(&[model], examples, want, None, progress, alone(each))
}

/// Hands on the output of one model.
fn alone(
    mut each: impl FnMut(&[usize], &EncoderOutput) -> anyhow::Result<()> + Send,
) -> impl FnMut(&[usize], &[EncoderOutput]) -> anyhow::Result<()> + Send {
    move |batch, outputs| match outputs {
        [output] => each(batch, output),
        _ => Ok(()),
    }
}

/// Feeds one observer with the maps of all examples, each with what `annotate` says about it.
///
/// # Errors
/// As [`forward_all`]; what the observer refuses, with the example's id.
pub fn observe_all(
    model: &BertModel,
    examples: &[Prepared],
    annotate: impl Fn(&Prepared) -> Annotation + Sync,
    resampler: &Resampler,
    observer: &mut (dyn Observer + Send),
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let (layers, heads) = (model.layers(), model.heads());
    forward_all(model, examples, Want::maps(), progress, |batch, output| {
        for (&index, values) in batch.iter().zip(output.all_maps()?) {
            let example = &examples[index];
            let mut observe = || {
                let maps = MapsView::new(layers, heads, example.encoding.len(), &values)?;
                let (annotation, counts) = (annotate(example), resampler.counts(index as u64));
                observer.observe(&Observation::new(index, maps, &annotation, &counts))
            };
            observe().with_context(|| format!("example {}", example.example.id))?;
        }
        Ok(())
    })
}

/// [`forward_all`] for several models over the same word pieces; `each` gets one output a model.
/// With `width` every batch is padded to at least so many tokens (the authors' code pads to 200),
/// so that the maps before cropping hold rows of padding: its outputs then have one example more
/// at the end, which is nothing but filling.
///
/// # Errors
/// As [`forward_all`].
pub fn forward_models(
    models: &[&BertModel],
    examples: &[Prepared],
    want: Want,
    width: Option<usize>,
    progress: &mut Progress,
    each: impl FnMut(&[usize], &[EncoderOutput]) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let overlap = models.iter().all(|model| on_processor(model));
    pass(models, examples, want, width, overlap, progress, each)
}

/// [`forward_all`] with nothing side by side: each batch is handed out before the next is begun, so
/// that the two can be timed apart.
///
/// # Errors
/// As [`forward_all`].
pub fn forward_in_turn(
    model: &BertModel,
    examples: &[Prepared],
    want: Want,
    progress: &mut Progress,
    each: impl FnMut(&[usize], &EncoderOutput) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    pass(&[model], examples, want, None, false, progress, alone(each))
}

fn pass(
    models: &[&BertModel],
    examples: &[Prepared],
    want: Want,
    width: Option<usize>,
    overlap: bool,
    progress: &mut Progress,
    mut each: impl FnMut(&[usize], &[EncoderOutput]) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let filling = vec![0u32; width.unwrap_or(0)];
    let lengths: Vec<usize> = examples
        .iter()
        .map(|e| e.encoding.len().max(filling.len()))
        .collect();
    let run = |batch: &[usize]| {
        let mut ids: Vec<(Vec<u32>, Vec<u32>)> = batch
            .iter()
            .map(|&i| (examples[i].encoding.ids(), examples[i].encoding.segments()))
            .collect();
        if !filling.is_empty() {
            ids.push((filling.clone(), filling.clone()));
        }
        let tokens: Vec<TokenIds<'_>> = ids
            .iter()
            .map(|(ids, types)| TokenIds { ids, types })
            .collect();
        let forward = |model: &BertModel| {
            TokenBatch::new(&tokens)
                .map_err(Into::into)
                .and_then(|tokens| model.forward(&tokens, &Intervention::none(), None, want))
        };
        models
            .iter()
            .map(|model| forward(model))
            .collect::<Result<Vec<EncoderOutput>, _>>()
            .with_context(|| {
                format!(
                    "batch of {} examples from {}",
                    batch.len(),
                    examples[batch[0]].example.id
                )
            })
    };
    let mut hand_out = |(batch, outputs): (Vec<usize>, Vec<EncoderOutput>)| {
        each(&batch, &outputs)?;
        progress.add(batch.len() as u64);
        Ok(())
    };
    let mut ready = None;
    for batch in buckets(&lengths) {
        stop_if_interrupted()?;
        if !overlap {
            let outputs = run(&batch)?;
            hand_out((batch, outputs))?;
            continue;
        }
        // The next batch's matrix products and what is done with the last one's maps share the cores:
        // neither keeps all of them busy alone. A GPU works beside the host as it is.
        let last = ready.take();
        let observe = || last.map_or(Ok(()), &mut hand_out);
        let (outputs, observed): (_, anyhow::Result<()>) = rayon::join(|| run(&batch), observe);
        observed?;
        ready = Some((batch, outputs?));
    }
    ready.map_or(Ok(()), hand_out)
}

/// Whether a model computes on the processor.
fn on_processor(model: &BertModel) -> bool {
    Backend::Flex
        .device(0)
        .is_ok_and(|processor| processor == model.device())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_example_once_and_stay_small() {
        let lengths: Vec<usize> = (0..200).map(|i| (i * 37) % 128 + 1).chain([5000]).collect();
        let batches = buckets(&lengths);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..201).collect::<Vec<_>>());
        for batch in &batches {
            let width = batch.iter().map(|&i| lengths[i]).max().unwrap();
            assert!(batch.len() == 1 || batch.len() * width <= TOKENS_PER_BATCH);
        }
        assert!(buckets(&[]).is_empty());
    }
}
