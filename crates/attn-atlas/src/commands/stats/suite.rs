//! All observers of one pass, and their results as records.

use super::annotate::{SHARED, TOKEN_PAIRS};
use attn_core::{Reading, Record};
use attn_lingua::{Feature, LinkKind};
use attn_stats::{
    Cosine, Direction, Estimate, FeatureAttention, HeadDivergence, LinkAttention, MapStructures,
    Observation, Observer, PairAttention, Resampler, SharedWords, StatsError, StructureStatistic,
    mds,
};
use rayon::prelude::*;

/// The experiment's name in records.
pub const EXPERIMENT: &str = "stats";

/// Names of all features, special tokens first.
pub fn features() -> Vec<&'static str> {
    let words = Feature::ALL.iter().map(|feature| feature.name());
    ["sep", "cls"].into_iter().chain(words).collect()
}

/// Everything that is measured in one pass over one task.
pub struct Suite {
    pub reading: Reading,
    pub layers: usize,
    pub heads: usize,
    pub cosine: Option<Cosine>,
    pub features: FeatureAttention,
    pub cls_row: FeatureAttention,
    pub links: LinkAttention,
    /// The authors' way with links, in their reading only.
    pub token_pairs: Option<PairAttention>,
    pub shared: SharedWords,
    pub structures: MapStructures,
    pub divergence: HeadDivergence,
}

impl Suite {
    /// For a model of `layers` layers with `heads` heads each; `paired` with a reference model.
    pub fn new(
        (layers, heads): (usize, usize),
        reading: Reading,
        paired: bool,
        divergence_rows: usize,
        resampler: &Resampler,
    ) -> Self {
        let names = features();
        let kinds = LinkKind::ALL.map(LinkKind::name);
        let last = layers.saturating_sub(1);
        let mut features = FeatureAttention::new(layers, heads, &names, resampler);
        let mut cls_row = FeatureAttention::cls_row(layers, heads, last, &names, resampler);
        if paired {
            (features, cls_row) = (features.paired(), cls_row.paired());
        }
        if reading == Reading::Authors {
            // "only NEG skips".
            let zero: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| *name != Feature::Negation.name())
                .collect();
            features = features.absent_as_zero(&zero);
        }
        Self {
            reading,
            layers,
            heads,
            cosine: paired.then(|| Cosine::new(layers, heads, reading, resampler)),
            features,
            cls_row,
            links: LinkAttention::new(layers, heads, &kinds, resampler),
            token_pairs: (reading == Reading::Authors).then(|| {
                PairAttention::new(layers, heads, &TOKEN_PAIRS, resampler).absent_as_zero()
            }),
            shared: SharedWords::new(layers, heads, SHARED, resampler),
            structures: MapStructures::new(layers, heads, resampler),
            divergence: HeadDivergence::new(layers, heads, divergence_rows, resampler),
        }
    }

    /// Shows an example to all observers.
    ///
    /// # Errors
    /// The first that an observer reports.
    pub fn observe(&mut self, example: &Observation<'_>) -> Result<(), StatsError> {
        // Each has its own sums and none sees another's, so that threads change no bit of them.
        let mut observers: Vec<&mut (dyn Observer + Send)> = vec![
            &mut self.divergence,
            &mut self.links,
            &mut self.structures,
            &mut self.features,
            &mut self.cls_row,
            &mut self.shared,
        ];
        observers.extend(
            self.cosine
                .as_mut()
                .map(|c| c as &mut (dyn Observer + Send)),
        );
        observers.extend(
            self.token_pairs
                .as_mut()
                .map(|p| p as &mut (dyn Observer + Send)),
        );
        let results: Vec<Result<(), StatsError>> = observers
            .into_par_iter()
            .with_max_len(1)
            .map(|observer| observer.observe(example))
            .collect();
        results.into_iter().collect()
    }

    /// The heads on a plane, from their divergences; `None` before the first example.
    pub fn plane(&self) -> Option<mds::Plane> {
        mds::classical_mds(&self.divergence.matrix()?, self.layers * self.heads)
    }

    /// Everything as records; what no example had is left out.
    pub fn records(&self, blank: &Record) -> Vec<Record> {
        let mut sink = Sink {
            blank,
            heads: self.heads,
            records: Vec::new(),
        };
        if let Some(cosine) = &self.cosine {
            let name = format!("cosine_{}", self.reading);
            sink.heads(&name, 0, cosine.heads());
            sink.layers(&name, 0, cosine.layers());
        }
        let suffix = match self.reading {
            Reading::Paper => "",
            Reading::Authors => "_authors",
        };
        for (what, attention, first) in [
            ("attention_to", &self.features, 0),
            ("cls_row", &self.cls_row, self.layers.saturating_sub(1)),
        ] {
            for name in features() {
                let metric = format!("{what}_{name}{suffix}");
                sink.heads(&metric, first, attention.heads(name));
                sink.layers(&metric, first, attention.layers(name));
                let reference = format!("reference_{metric}");
                sink.heads(&reference, first, attention.reference_heads(name));
                sink.layers(&reference, first, attention.reference_layers(name));
                let difference = format!("difference_{metric}");
                sink.heads(&difference, first, attention.head_differences(name));
                sink.layers(&difference, first, attention.layer_differences(name));
            }
        }
        self.link_records(&mut sink);
        for (metric, estimates) in [
            ("shared_twins", self.shared.twins()),
            ("shared_others", self.shared.others()),
            ("shared_difference", self.shared.differences()),
        ] {
            sink.heads(metric, 0, estimates);
        }
        for statistic in StructureStatistic::ALL {
            sink.heads(statistic.name(), 0, self.structures.heads(statistic));
            sink.layers(statistic.name(), 0, self.structures.layers(statistic));
        }
        sink.heads(
            "jensen_shannon_within_layer",
            0,
            self.divergence.within_layer(),
        );
        sink.heads(
            "jensen_shannon_across_layers",
            0,
            self.divergence.across_layers(),
        );
        sink.records
    }

    fn link_records(&self, sink: &mut Sink<'_>) {
        for kind in LinkKind::ALL.map(LinkKind::name) {
            for direction in Direction::ALL {
                let metric = |what: &str| format!("{kind}_{}_{what}", direction.name());
                let links = &self.links;
                sink.heads(&metric("link_mean"), 0, links.link_means(kind, direction));
                sink.heads(
                    &metric("example_maximum"),
                    0,
                    links.example_maxima(kind, direction),
                );
                let Some((accuracies, sources)) = links.accuracies(kind, direction) else {
                    continue;
                };
                let n = accuracies.first().map_or(0, |e| e.n);
                sink.heads(&metric("accuracy"), 0, Some(accuracies));
                sink.number(&metric("sources"), sources as f64, n, None);
                if let Some(best) = links.best_offset(kind, direction) {
                    let (value, n) = (best.accuracy.mean, best.accuracy.n);
                    sink.number(
                        &metric("best_offset_accuracy"),
                        value,
                        n,
                        best.accuracy.interval,
                    );
                    sink.number(&metric("best_offset"), best.offset as f64, n, None);
                }
                sink.heads(
                    &metric("accuracy_above_offset"),
                    0,
                    links.above_best_offset(kind, direction),
                );
            }
        }
        for name in TOKEN_PAIRS {
            let heads = self.token_pairs.as_ref().and_then(|p| p.heads(name));
            sink.heads(&format!("pairs_{name}_authors"), 0, heads);
        }
    }
}

/// Collects records.
struct Sink<'a> {
    blank: &'a Record,
    heads: usize,
    records: Vec<Record>,
}

impl Sink<'_> {
    /// One value a head, from layer `first` on.
    fn heads(&mut self, metric: &str, first: usize, estimates: Option<Vec<Estimate>>) {
        let heads = self.heads.max(1);
        for (i, estimate) in estimates.into_iter().flatten().enumerate() {
            let place = (Some(first + i / heads), Some(i % heads));
            self.push(metric.to_owned(), place, &estimate);
        }
    }

    /// One value a layer.
    fn layers(&mut self, metric: &str, first: usize, estimates: Option<Vec<Estimate>>) {
        for (i, estimate) in estimates.into_iter().flatten().enumerate() {
            self.push(
                format!("{metric}_layer_mean"),
                (Some(first + i), None),
                &estimate,
            );
        }
    }

    /// A value of the whole model.
    fn number(&mut self, metric: &str, mean: f64, n: usize, interval: Option<(f64, f64)>) {
        let estimate = Estimate { mean, n, interval };
        self.push(metric.to_owned(), (None, None), &estimate);
    }

    fn push(
        &mut self,
        metric: String,
        (layer, head): (Option<usize>, Option<usize>),
        estimate: &Estimate,
    ) {
        self.records.push(Record {
            layer,
            head,
            metric,
            value: estimate.mean,
            n: estimate.n,
            ci_low: estimate.interval.map(|i| i.0),
            ci_high: estimate.interval.map(|i| i.1),
            ..self.blank.clone()
        });
    }
}
