//! Every head of a classifier switched off once, from attn-ablate alone:
//!
//! ```text
//! cargo run -p attn-ablate --example heads_off -- [CHECKPOINT_FOLDER LABELS] [ID ...]
//! ```
//!
//! Without arguments it takes a tiny classifier of three labels from the tests of attn-bert.

use attn_ablate::{Memory, Plan, Reference, Sweep, SweepOptions, variant};
use attn_bert::{Backend, Checkpoint, TokenIds};
use attn_core::Mode;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let tiny = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../attn-bert/tests/fixtures/tiny-bert"
    );
    let folder = arguments.next().unwrap_or_else(|| tiny.to_owned());
    let labels = arguments.next().map_or(Ok(3), |labels| labels.parse())?;
    let mut ids = arguments
        .map(|id| id.parse())
        .collect::<Result<Vec<u32>, _>>()?;
    if ids.is_empty() {
        ids = vec![2, 7, 5, 9, 3];
    }
    let device = Backend::Flex.device(0)?;
    let (model, _) = Checkpoint::open(&folder)?.load_classifier(labels, 0, &device)?;
    let (layers, heads) = (model.bert.layers(), model.bert.heads());
    let mut variants = vec![variant::baseline()];
    variants.extend(variant::single_heads(layers, heads, Mode::Uniform));
    let plan = Plan::new(layers, heads, variants)?;
    println!("{}", plan.counts());
    let types = vec![0; ids.len()];
    let examples = [TokenIds {
        ids: &ids,
        types: &types,
    }];
    let options = SweepOptions::default();
    let sweep = Sweep::new(&model, &plan, Reference::None, options, &folder)?;
    let logits = sweep.run(&examples, &mut Memory::default())?;
    for (place, variant) in plan.variants().iter().enumerate() {
        println!("{:<10} {:.3?}", variant.name, logits.variant(place));
    }
    Ok(())
}
