//! `attn patterns grid`: Appendix A, all heads' maps of one example of each task.

use crate::cli::{GridArgs, ModelArgs};
use crate::commands::maps::sample::{special, tuned_states};
use crate::forward::forward_all;
use crate::inputs;
use crate::model::LoadedModel;
use crate::progress::Progress;
use anyhow::Context;
use attn_bert::Want;
use attn_core::io::write_atomically;
use attn_core::{HeadGrid, HeadId};
use attn_figures::MapGridSpec;
use attn_patterns::scale;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Longest example that is drawn: longer ones cannot be read at this size.
const LONGEST: usize = 48;

/// Draws a page a task.
pub fn run(args: &GridArgs) -> anyhow::Result<()> {
    let tasks = inputs::tasks(&args.data.source, &args.tasks, args.data.split)?;
    let base = LoadedModel::open(&args.model)?;
    let tuned = match &args.checkpoints {
        Some(root) => tuned_states(root, &base.name)?,
        None => BTreeMap::new(),
    };
    let name = &base.name;
    for task in tasks {
        let loaded;
        let (model, state) = match tuned.get(&task) {
            Some(path) => {
                loaded = LoadedModel::open(&ModelArgs {
                    model: path.clone(),
                    ..args.model.clone()
                })?;
                (&loaded, format!("fine-tuned on {task}"))
            }
            None => (&base, "not fine-tuned".to_owned()),
        };
        let data = args.data.beside([&model.trained_on]);
        let set = inputs::from_task(&data, Some(task), &model.tokenizer)?;
        let short: Vec<_> = set
            .examples
            .into_iter()
            .filter(|e| e.encoding.len() <= LONGEST)
            .collect();
        anyhow::ensure!(
            !short.is_empty(),
            "{task}: no example of at most {LONGEST} word pieces"
        );
        let mut rng = ChaCha8Rng::seed_from_u64(args.data.seed);
        let example = short[rng.random_range(0..short.len())].clone();
        let (layers, heads, length) = (
            model.encoder.layers(),
            model.encoder.heads(),
            example.encoding.len(),
        );
        let mut maps = Vec::new();
        let mut progress = Progress::new(format!("grid {task}"), 1);
        forward_all(
            &model.encoder,
            std::slice::from_ref(&example),
            Want::maps(),
            &mut progress,
            |_, output| {
                maps = output.example_maps(0)?;
                Ok(())
            },
        )?;
        let square = length * length;
        let map = |id: HeadId| {
            let start = (id.layer * heads + id.head) * square;
            maps.get(start..start + square).unwrap_or_default().to_vec()
        };
        let grid = HeadGrid::from_fn(layers, heads, map);
        let page = MapGridSpec {
            title: format!("All heads of {name} on one example of {task}"),
            subtitle: "Rows of the page: layers. Columns: heads. In each map: queries from top to bottom, keys from left to right.".to_owned(),
            tokens: example.encoding.texts().into_iter().map(str::to_owned).collect(),
            special: special(&example.encoding),
            darkest: grid.map(|m| scale::darkest(m, length)),
            maps: grid,
            footer: format!("{state}; example {}; seed {}; each map on its own scale; after Kovaleva et al. 2019, Appendix A", example.example.id, args.data.seed),
        };
        let svg = page.svg().with_context(|| format!("{task}"))?;
        let path = args.out.join(format!("appendix-a-{task}.svg"));
        write_atomically(&path, |out| out.write_all(svg.as_bytes()))?;
        progress.finish();
        println!("{}", path.display());
    }
    Ok(())
}
