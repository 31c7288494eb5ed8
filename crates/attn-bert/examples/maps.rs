//! The attention maps of a few word pieces, from attn-bert alone:
//!
//! ```text
//! cargo run -p attn-bert --example maps -- [CHECKPOINT_FOLDER] [ID ...]
//! ```
//!
//! Without arguments it takes a tiny checkpoint from the tests.

use attn_bert::{Backend, Checkpoint, TokenBatch, TokenIds, Want};
use attn_core::{HeadId, Intervention, Mode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let tiny = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert");
    let folder = arguments.next().unwrap_or_else(|| tiny.to_owned());
    let mut ids = arguments
        .map(|id| id.parse())
        .collect::<Result<Vec<u32>, _>>()?;
    if ids.is_empty() {
        ids = vec![2, 7, 5, 9, 3];
    }
    let device = Backend::Flex.device(0)?;
    let (model, _) = Checkpoint::open(&folder)?.load_encoder(&device)?;
    let types = vec![0; ids.len()];
    let batch = TokenBatch::new(&[TokenIds {
        ids: &ids,
        types: &types,
    }])?;
    // The whole model, then with the first head looking everywhere alike.
    let first = HeadId { layer: 0, head: 0 };
    for (name, off) in [
        ("the whole model", Intervention::none()),
        (
            "without head 1-1",
            Intervention::new(Mode::Uniform, [first]),
        ),
    ] {
        let output = model.forward(&batch, &off, None, Want::maps())?;
        let maps = output.example_maps(0)?; // [layers, heads, L, L], row-major
        let row = maps.get(..ids.len()).unwrap_or_default();
        println!("{name}: layer 1, head 1, first row {row:.3?}");
    }
    Ok(())
}
