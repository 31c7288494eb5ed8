//! Examples of similar length, run together.

use crate::SweepError;
use attn_bert::{BatchError, TokenBatch, TokenIds};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How a sweep cuts its work. None of it changes a result by more than rounding.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SweepOptions {
    /// Tokens of a bucket, padding included. Larger buckets multiply larger matrices, smaller ones
    /// are stored more often.
    pub bucket_tokens: usize,
    /// Tokens that go through a layer together, several variants of a bucket stacked.
    pub group_tokens: usize,
    /// Largest share of padding in a bucket, from 0 (only equal lengths together) to 1.
    pub padding: f64,
    /// Most memory for hidden states, in bytes. Buckets shrink to keep to it, down to one example.
    pub memory: usize,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            // The fastest of those tried (docs/performance.md): weights are packed once for so many rows.
            bucket_tokens: 1024,
            group_tokens: 4096,
            padding: 0.05,
            memory: 1 << 30,
        }
    }
}

/// Examples that run together, by their positions in the list that the sweep was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Identifies the bucket's result: the model, the plan, the reference and the tokens.
    pub key: String,
    /// Positions of the examples, shortest first.
    pub examples: Vec<usize>,
    /// Padded length.
    pub width: usize,
}

/// Cuts examples, sorted by length, into groups of at most `tokens` (or one example) with at most
/// the share `padding` of padding. Deterministic: equal lengths keep their order.
pub(crate) fn by_length(lengths: &[usize], tokens: usize, padding: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| lengths[i]);
    let mut buckets: Vec<Vec<usize>> = Vec::new();
    let mut real = 0;
    for index in order {
        let length = lengths[index];
        if let Some(bucket) = buckets.last_mut() {
            // Lengths ascend, so the newcomer decides the width.
            let padded = (bucket.len() + 1) * length;
            let waste = 1.0 - (real + length) as f64 / padded as f64;
            if padded <= tokens && waste <= padding {
                bucket.push(index);
                real += length;
                continue;
            }
        }
        buckets.push(vec![index]);
        real = length;
    }
    buckets
}

/// The batch of some of the examples.
pub(crate) fn batch(examples: &[TokenIds<'_>], chosen: &[usize]) -> Result<TokenBatch, SweepError> {
    let chosen: Vec<TokenIds<'_>> = chosen
        .iter()
        .filter_map(|&i| examples.get(i).copied())
        .collect();
    Ok(TokenBatch::new(&chosen)?)
}

/// Says which example is empty or uneven, by its position in the whole list.
pub(crate) fn check(examples: &[TokenIds<'_>]) -> Result<(), BatchError> {
    examples
        .iter()
        .enumerate()
        .try_for_each(|(index, example)| {
            let (ids, types) = (example.ids.len(), example.types.len());
            match (ids, types) {
                (0, _) => Err(BatchError::Empty { index }),
                _ if ids != types => Err(BatchError::Lengths { index, ids, types }),
                _ => Ok(()),
            }
        })
}

/// Feeds tokens to a hash, lengths included, so that different lists differ.
pub(crate) fn hash_tokens(hash: &mut Sha256, example: &TokenIds<'_>) {
    hash.update((example.ids.len() as u64).to_le_bytes());
    for value in example.ids.iter().chain(example.types) {
        hash.update(value.to_le_bytes());
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_similar_lengths() {
        let lengths = [10, 3, 10, 30, 11, 3];
        assert_eq!(
            by_length(&lengths, 100, 0.07),
            [vec![1, 5], vec![0, 2, 4], vec![3]]
        );
        assert_eq!(
            by_length(&lengths, 100, 0.0),
            [vec![1, 5], vec![0, 2], vec![4], vec![3]]
        );
        assert_eq!(by_length(&lengths, 1000, 1.0), [vec![1, 5, 0, 2, 4, 3]]);
        assert_eq!(
            by_length(&lengths, 20, 1.0),
            [vec![1, 5], vec![0, 2], vec![4], vec![3]]
        );
        assert!(by_length(&[], 20, 1.0).is_empty());
    }

    #[test]
    fn broken_examples_are_named() {
        let good = TokenIds {
            ids: &[1, 2],
            types: &[0, 0],
        };
        let uneven = TokenIds {
            ids: &[1, 2],
            types: &[0],
        };
        assert_eq!(
            check(&[good, uneven]),
            Err(BatchError::Lengths {
                index: 1,
                ids: 2,
                types: 1
            })
        );
        let empty = TokenIds {
            ids: &[],
            types: &[],
        };
        assert_eq!(
            check(&[good, good, empty]),
            Err(BatchError::Empty { index: 2 })
        );
    }
}
