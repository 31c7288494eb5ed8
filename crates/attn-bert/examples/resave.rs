//! Loads a checkpoint of any accepted form (`pytorch_model.bin`, half precision, old names) and saves
//! it as fp32 safetensors in Hugging Face's layout:
//! `cargo run --example resave -- FROM TO`.

use attn_bert::Backend;
use attn_bert::checkpoint::{Checkpoint, save};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to)) = (folders.next(), folders.next()) else {
        return Err("usage: resave FROM TO (checkpoint folders)".into());
    };
    let device = Backend::Flex.device(0)?;
    let checkpoint = Checkpoint::open(&from)?;
    let report = match checkpoint.classifier_labels() {
        Some(labels) => {
            let (model, report) = checkpoint.load_classifier(labels, 0, &device)?;
            save(&to, &model, checkpoint.config(), Some(&from))?;
            report
        }
        None => {
            let (model, report) = checkpoint.load_encoder(&device)?;
            save(&to, &model, checkpoint.config(), Some(&from))?;
            report
        }
    };
    println!("{} tensors; not used: {:?}", report.loaded, report.unused);
    Ok(())
}
