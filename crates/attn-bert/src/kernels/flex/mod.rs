//! The kernels as operations of Burn's flex backend, with their gradients.
//!
//! `backend_extension` writes the dispatch from Burn's one tensor type to the two implementations
//! of each trait: `Flex` computes, `Autodiff<Flex, _>` computes and registers a backward step.
//! Arguments have been checked by the parent module: `f32`, matching shapes, none of them empty.

mod attention;
mod change;
mod embedding;
mod linear;
mod linear_backward;
mod pointwise;

pub(super) use attention::AttentionOps;
pub(super) use change::ChangeOps;
pub(super) use embedding::EmbeddingOps;
pub(super) use linear::LinearOps;
pub(super) use pointwise::PointwiseOps;

use attn_kernels::add_rows;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Shape, TensorData};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Values a task works on at a time: few enough to stay in a core's cache, enough to hide the cost
/// of handing out a task. It does not depend on the number of threads, nor do sums over tasks.
const TASK: usize = 16_384;

/// The values in row-major order, copied only if they are not so already.
fn ordered(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() {
        x
    } else {
        x.to_contiguous()
    }
}

fn values(x: &FlexTensor) -> &[f32] {
    // Callers pass `ordered` tensors of f32, for which this is never `None`.
    x.as_slice::<f32>().unwrap_or_default()
}

fn length(x: &FlexTensor) -> usize {
    x.layout().num_elements()
}

/// Zeros, written by all cores: a large block is as often memory of the system's that must be mapped
/// first.
fn zeros(count: usize) -> Vec<f32> {
    if count < TASK {
        return vec![0.0; count];
    }
    let mut values = vec![[0.0f32; 16]; 0];
    values.par_extend(rayon::iter::repeat_n([0.0f32; 16], count.div_ceil(16)));
    let mut values = values.into_flattened();
    values.truncate(count);
    values
}

/// Memory of tensors that are done with, for results that are written from end to end. Without it
/// every step clears hundreds of megabytes only to write over them.
static POOL: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());
/// The most that the pool holds, in values, and in vectors.
const POOL_VALUES: usize = 1 << 26;
const POOL_VECTORS: usize = 64;

/// Room for a result, which must be written from end to end: what it holds is arbitrary.
fn room(count: usize) -> Vec<f32> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let found = pool.iter().rposition(|values| values.len() == count);
    if let Some(values) = found.map(|at| pool.swap_remove(at)) {
        return values;
    }
    drop(pool);
    zeros(count)
}

/// Puts a tensor's memory into the pool, if nobody else holds it.
fn recycle(mut x: FlexTensor) {
    let whole = x.layout().start_offset() == 0 && x.bytes().len() == length(&x) * size_of::<f32>();
    if !whole || length(&x) < TASK || x.try_storage_mut::<f32>().is_none() {
        return;
    }
    if let Ok(values) = x.into_data().try_into_vec::<f32>() {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = pool.iter().map(Vec::len).sum();
        if pool.len() < POOL_VECTORS && held + values.len() <= POOL_VALUES {
            pool.push(values);
        }
    }
}

fn rows_per_task(width: usize) -> usize {
    (TASK / width.max(1)).max(1)
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

/// Changes a tensor in place, `task` values at a time and in parallel; `work` gets the index of
/// its first value. A tensor that someone else holds too is copied first, each task its own part.
fn change(x: FlexTensor, task: usize, work: impl Fn(usize, &mut [f32]) + Sync) -> FlexTensor {
    change_with(x, task, work).0
}

/// The same, with what the tasks give back, in their order.
fn change_with<T: Send>(
    x: FlexTensor,
    task: usize,
    work: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (FlexTensor, Vec<T>) {
    let mut x = ordered(x);
    let whole = x.layout().start_offset() == 0 && x.bytes().len() == length(&x) * size_of::<f32>();
    if whole && let Some(own) = x.try_storage_mut::<f32>() {
        let results = own
            .par_chunks_mut(task)
            .enumerate()
            .map(|(i, part)| work(i * task, part))
            .collect();
        return (x, results);
    }
    let mut copy = room(length(&x));
    let results = copy
        .par_chunks_mut(task)
        .zip(values(&x).par_chunks(task))
        .enumerate()
        .map(|(i, (part, from))| {
            part.copy_from_slice(from);
            work(i * task, part)
        })
        .collect();
    (tensor(copy, x.shape()), results)
}

/// Sum over all rows: `[.., n]` to `[n]`.
fn column_sums(x: &FlexTensor, width: usize) -> FlexTensor {
    let partial: Vec<Vec<f32>> = values(x)
        .par_chunks(rows_per_task(width) * width)
        .map(|rows| {
            let mut total = vec![0.0; width];
            add_rows(rows, &mut total);
            total
        })
        .collect();
    add_up(&partial, width)
}

/// Adds partial sums in the order of their tasks.
fn add_up(partial: &[Vec<f32>], width: usize) -> FlexTensor {
    let mut total = vec![0.0; width];
    for rows in partial {
        add_rows(rows, &mut total);
    }
    tensor(total, [width])
}

fn last(x: &FlexTensor) -> usize {
    x.layout().shape().last().copied().unwrap_or(1)
}
