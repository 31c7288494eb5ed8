//! The GLUE scores (Table 1): [`attn_stats`]'s, of pairs of prediction and label.

pub use attn_stats::bootstrap::{
    MetricEstimate, Pair, Spread, bootstrap_mean_metric, bootstrap_metric, over_seeds,
    score_pairs as score,
};
