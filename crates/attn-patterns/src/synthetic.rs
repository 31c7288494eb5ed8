//! Made-up maps of known class. For tests only: nothing that is reported comes from them.

use crate::store::{Drawn, MapEntry, State, StoredMap};
use attn_core::{Pattern, Task};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `count` maps of two-sentence inputs, classes in turn, with noise.
pub fn maps(count: usize, seed: u64) -> (Vec<StoredMap>, Vec<Pattern>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut maps = Vec::new();
    let mut labels = Vec::new();
    for index in 0..count {
        let pattern = Pattern::ALL[index % 5];
        let length = rng.random_range(12..50usize);
        let middle = rng.random_range(length / 3..2 * length / 3);
        let mut weights = vec![0.0f32; length * length];
        let offset = rng.random_range(0..3usize);
        for query in 0..length {
            let row = &mut weights[query * length..(query + 1) * length];
            for (key, weight) in row.iter_mut().enumerate() {
                let special = key == 0 || key == middle || key == length - 1;
                let near = key + 1 == query + offset;
                let noise: f32 = rng.random_range(0.0..1.0);
                *weight = 0.2 * noise
                    + match pattern {
                        Pattern::Vertical => f32::from(u8::from(special)) * 8.0,
                        Pattern::Diagonal => f32::from(u8::from(near)) * 25.0,
                        Pattern::VerticalDiagonal => {
                            f32::from(u8::from(special)) * 3.0 + f32::from(u8::from(near)) * 9.0
                        }
                        Pattern::Block => {
                            f32::from(u8::from((key <= middle) == (query <= middle)))
                                * (1.0 + noise)
                        }
                        Pattern::Heterogeneous => 6.0 * noise.powi(8),
                    };
            }
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|w| *w /= sum);
        }
        maps.push(StoredMap {
            entry: MapEntry {
                id: format!("s{index}"),
                model: if index % 2 == 0 { "one" } else { "two" }.to_owned(),
                state: State::Pretrained,
                drawn: Drawn::Balanced,
                task: Task::Mrpc,
                example: format!("x:{index}"),
                layer: index / 24,
                head: index % 12,
                tokens: (0..length).map(|i| format!("w{index}x{i}")).collect(),
                segments: (0..length).map(|i| u8::from(i > middle)).collect(),
                special: vec![0, middle, length - 1],
            },
            weights,
        });
        labels.push(pattern);
    }
    (maps, labels)
}
