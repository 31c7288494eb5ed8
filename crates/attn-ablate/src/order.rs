//! Orders in which to disable heads, the least important first, for cumulative curves.

use attn_core::{HeadGrid, HeadId};

/// By a measured ablation: the head whose loss costs least comes first. `change` is each
/// single-head variant's score minus the baseline's, higher is better; ties keep the heads' order.
pub fn by_ablation(change: &HeadGrid<f64>) -> Vec<HeadId> {
    sorted(change, |a, b| b.total_cmp(a))
}

/// By an estimate of importance, such as [`importance`](crate::importance): the lowest first.
pub fn by_importance(importance: &HeadGrid<f64>) -> Vec<HeadId> {
    sorted(importance, f64::total_cmp)
}

/// All heads in an order drawn from `seed`.
pub fn random(layers: usize, heads: usize, seed: u64) -> Vec<HeadId> {
    crate::variant::shuffled(layers, heads, seed, 0)
}

fn sorted(grid: &HeadGrid<f64>, compare: impl Fn(&f64, &f64) -> std::cmp::Ordering) -> Vec<HeadId> {
    let mut heads: Vec<(HeadId, &f64)> = grid.iter().collect();
    heads.sort_by(|a, b| compare(a.1, b.1));
    heads.into_iter().map(|(head, _)| head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_important_head_comes_first() {
        // Disabling 0:1 helps, disabling 1:0 hurts most.
        let change = HeadGrid::from_values(2, 2, vec![-0.01, 0.02, -0.3, -0.01]).unwrap();
        let order: Vec<String> = by_ablation(&change)
            .iter()
            .map(|h| format!("{}:{}", h.layer, h.head))
            .collect();
        assert_eq!(order, ["0:1", "0:0", "1:1", "1:0"]);
        let importance = change.map(|v| -v);
        assert_eq!(by_importance(&importance), by_ablation(&change));
    }

    #[test]
    fn random_orders_are_permutations() {
        let mut order = random(3, 4, 1);
        assert_eq!(order, random(3, 4, 1));
        assert_ne!(order, random(3, 4, 2));
        order.sort();
        assert_eq!(order, HeadGrid::from_fn(3, 4, |h| h).values());
    }
}
