//! Heads as points of a plane: classical multidimensional scaling (Torgerson, 1952).
//!
//! Takes *squared* distances. The Jensen-Shannon divergence is one: its square root is a metric
//! that embeds in Euclidean space (Fuglede and Topsøe, 2004), and means of squared Euclidean
//! distances are squared Euclidean distances again. So nothing is lost but what two dimensions
//! cannot hold, and [`Plane::share`] says how much that is.

/// Points in two dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// One point a head. The axis with more spread is first; the point farthest out along an axis
    /// has a positive coordinate, so that the same input gives the same picture.
    pub points: Vec<(f64, f64)>,
    /// Share of the squared distances that the plane keeps, 0 to 1.
    pub share: f64,
}

/// Places `n` points whose squared distances are `squared`, `n * n`, symmetric. `None` when the
/// slice is not such a matrix or holds numbers that are not finite. One point, or points that all
/// coincide, lie at the origin and keep a share of 1.
pub fn classical_mds(squared: &[f64], n: usize) -> Option<Plane> {
    if n.checked_mul(n) != Some(squared.len()) || squared.iter().any(|v| !v.is_finite()) {
        return None;
    }
    // Double centring: minus half of squared, less row means and column means, plus the mean.
    let mean = |row: &[f64]| row.iter().sum::<f64>() / n.max(1) as f64;
    let rows: Vec<f64> = squared.chunks_exact(n.max(1)).map(mean).collect();
    let all = mean(&rows);
    let mut matrix: Vec<f64> = squared
        .iter()
        .enumerate()
        .map(|(at, v)| -0.5 * (v - rows[at / n] - rows[at % n] + all))
        .collect();
    let (values, vectors) = eigen(&mut matrix, n);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let total: f64 = values.iter().map(|v| v.max(0.0)).sum();
    let mut kept = 0.0;
    let mut axis = |rank: usize| -> Vec<f64> {
        let Some(&which) = order.get(rank) else {
            return vec![0.0; n];
        };
        let value = values[which].max(0.0);
        kept += value;
        let mut axis: Vec<f64> = (0..n)
            .map(|point| vectors[point * n + which] * value.sqrt())
            .collect();
        let farthest = axis
            .iter()
            .copied()
            .fold(0.0, |far: f64, x| if x.abs() > far.abs() { x } else { far });
        if farthest < 0.0 {
            axis.iter_mut().for_each(|x| *x = -*x);
        }
        axis
    };
    let (x, y) = (axis(0), axis(1));
    // Rounding leaves traces where nothing is.
    let share = if total > 1e-12 { kept / total } else { 1.0 };
    Some(Plane {
        points: x.into_iter().zip(y).collect(),
        share,
    })
}

/// Eigenvalues and eigenvectors (in columns) of a symmetric matrix, by cyclic Jacobi rotations:
/// slow beyond a few hundred rows, exact, and free of dependencies.
fn eigen(matrix: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    let size: f64 = matrix.iter().map(|v| v * v).sum();
    // Converges quadratically; five or six sweeps are usual.
    for _ in 0..50 {
        let mut off = 0.0;
        for p in 0..n {
            for q in p + 1..n {
                off += matrix[p * n + q] * matrix[p * n + q];
            }
        }
        if off <= size * 1e-26 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(matrix, &mut vectors, n, p, q);
            }
        }
    }
    let values = (0..n).map(|i| matrix[i * n + i]).collect();
    (values, vectors)
}

/// Makes the entry `(p, q)` zero (Golub and Van Loan, Section 8.5).
fn rotate(matrix: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = matrix[p * n + q];
    if apq == 0.0 {
        return;
    }
    let tau = (matrix[q * n + q] - matrix[p * n + p]) / (2.0 * apq);
    let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = t * c;
    let turn = |values: &mut [f64], a: usize, b: usize| {
        let (x, y) = (values[a], values[b]);
        values[a] = c * x - s * y;
        values[b] = s * x + c * y;
    };
    for k in 0..n {
        turn(matrix, k * n + p, k * n + q);
    }
    for k in 0..n {
        turn(matrix, p * n + k, q * n + k);
        turn(vectors, k * n + p, k * n + q);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn squared(points: &[(f64, f64)]) -> Vec<f64> {
        let distance = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0).powi(2) + (a.1 - b.1).powi(2);
        points
            .iter()
            .flat_map(|a| points.iter().map(move |b| distance(a, b)))
            .collect()
    }

    #[test]
    fn a_rectangle_comes_back() {
        let corners = [(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (0.0, 2.0)];
        let plane = classical_mds(&squared(&corners), 4).unwrap();
        assert!((plane.share - 1.0).abs() < 1e-9);
        for (x, y) in &plane.points {
            assert!((x.abs() - 2.0).abs() < 1e-9 && (y.abs() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn three_dimensions_do_not_fit_into_two() {
        // A regular tetrahedron: three equal eigenvalues.
        let tetrahedron: Vec<f64> = (0..16)
            .map(|i| f64::from(u8::from(i / 4 != i % 4)))
            .collect();
        let plane = classical_mds(&tetrahedron, 4).unwrap();
        assert!((plane.share - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn degenerate_input() {
        assert_eq!(classical_mds(&[], 0).unwrap().points, []);
        let one = classical_mds(&[0.0], 1).unwrap();
        assert_eq!((one.points, one.share), (vec![(0.0, 0.0)], 1.0));
        let same = classical_mds(&[0.0; 9], 3).unwrap();
        assert_eq!(same.points, [(0.0, 0.0); 3]);
        assert_eq!(classical_mds(&[0.0; 3], 2), None);
        assert_eq!(classical_mds(&[0.0, f64::NAN, 1.0, 0.0], 2), None);
    }

    proptest! {
        #[test]
        fn planar_distances_survive(points in prop::collection::vec((-5.0f64..5.0, -5.0f64..5.0), 1..15)) {
            let distances = squared(&points);
            let plane = classical_mds(&distances, points.len()).unwrap();
            for (a, b) in squared(&plane.points).iter().zip(&distances) {
                prop_assert!((a - b).abs() < 1e-6 * (1.0 + b), "{} {}", a, b);
            }
        }
    }
}
