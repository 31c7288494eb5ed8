//! Pruned heads: a checkpoint holds smaller matrices for them, the model whole ones. The rows (of queries,
//! keys and values) and columns (of the output projection) that were cut out are zeros here, so that the head
//! adds nothing, receives no gradient, and can be cut out again.

use crate::BertConfig;

/// Which numbers of a parameter belong to pruned heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// Shape of the whole parameter, in PyTorch's layout.
    whole: Vec<usize>,
    /// The axis along which heads lie.
    axis: usize,
    /// For each index along the axis, whether it is kept.
    kept: Vec<bool>,
}

impl Cut {
    /// The cut of a parameter of PyTorch's shape `whole`; nothing when no head of it was pruned.
    pub fn of(config: &BertConfig, parameter: &str, whole: &[usize]) -> Option<Self> {
        let (layer, part) = parameter.strip_prefix("encoder.layer.")?.split_once('.')?;
        let axis = match part.strip_prefix("attention.")? {
            "self.query.weight" | "self.key.weight" | "self.value.weight" | "self.query.bias"
            | "self.key.bias" | "self.value.bias" => 0,
            "output.dense.weight" => 1,
            _ => return None,
        };
        let pruned = config.pruned_in(layer.parse().ok()?);
        if pruned.is_empty() {
            return None;
        }
        let size = config.head_size().max(1);
        let kept = (0..*whole.get(axis)?)
            .map(|index| !pruned.contains(&(index / size)))
            .collect();
        Some(Self {
            whole: whole.to_vec(),
            axis,
            kept,
        })
    }

    /// The shape in the checkpoint.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = self.whole.clone();
        shape[self.axis] = self.kept.iter().filter(|&&kept| kept).count();
        shape
    }

    /// For each number of the whole parameter, whether the checkpoint has it.
    fn mask(&self) -> impl Iterator<Item = bool> {
        let inner: usize = self.whole[self.axis + 1..].iter().product();
        let count: usize = self.whole.iter().product();
        (0..count).map(move |index| self.kept[index / inner.max(1) % self.kept.len()])
    }

    /// From the checkpoint's numbers to the whole parameter's.
    pub fn widen(&self, values: &[f32]) -> Vec<f32> {
        let mut values = values.iter();
        self.mask()
            .map(|kept| if kept { values.next().copied() } else { None })
            .map(Option::unwrap_or_default)
            .collect()
    }

    /// From the whole parameter's numbers to the checkpoint's.
    pub fn narrow(&self, values: &[f32]) -> Vec<f32> {
        values
            .iter()
            .zip(self.mask())
            .filter(|(_, kept)| *kept)
            .map(|(&value, _)| value)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_and_narrows_rows_and_columns() {
        let config = BertConfig {
            hidden_size: 4,
            num_attention_heads: 2,
            num_hidden_layers: 2,
            pruned_heads: [("1".to_owned(), vec![0])].into(),
            ..BertConfig::base()
        };
        let query = "encoder.layer.1.attention.self.query.weight";
        let rows = Cut::of(&config, query, &[4, 2]).unwrap();
        assert_eq!(rows.shape(), [2, 2]);
        let whole = [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        assert_eq!(rows.widen(&[1.0, 2.0, 3.0, 4.0]), whole);
        assert_eq!(rows.narrow(&whole), [1.0, 2.0, 3.0, 4.0]);
        let output = "encoder.layer.1.attention.output.dense.weight";
        let columns = Cut::of(&config, output, &[2, 4]).unwrap();
        assert_eq!(columns.shape(), [2, 2]);
        assert_eq!(
            columns.widen(&[1.0, 2.0, 3.0, 4.0]),
            [0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0]
        );
        for other in [
            "encoder.layer.0.attention.self.query.weight",
            "encoder.layer.1.attention.output.dense.bias",
            "encoder.layer.1.output.dense.weight",
            "pooler.dense.weight",
        ] {
            assert_eq!(Cut::of(&config, other, &[4, 4]), None, "{other}");
        }
    }
}
