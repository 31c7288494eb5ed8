//! `attn devices`.

use attn_bert::Backend;

/// Lists the backends of this build and how to get the others.
pub fn run() -> anyhow::Result<()> {
    for backend in Backend::ALL {
        let state = if backend.is_compiled_in() {
            "compiled in".to_owned()
        } else {
            format!("not compiled in: rebuild with `--features {backend}`")
        };
        println!("{backend:6} {state}");
    }
    Ok(())
}
