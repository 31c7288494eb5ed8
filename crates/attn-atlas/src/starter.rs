//! The starter set where a command is told nothing else: that of the checkout, or from the program.

use crate::cli::CacheArgs;
use crate::model::store;
use anyhow::Context;
use attn_data::starter::{PATH, unpack};
use std::path::{Path, PathBuf};

/// Puts the path of the program's own starter set, unpacked into the cache, in place of
/// `datasets/starter` (or a path below it) where there is none.
///
/// # Errors
/// A cache folder that cannot be written to.
pub fn find(data: &mut PathBuf, cache: &CacheArgs) -> anyhow::Result<()> {
    let Some(part) = missing_part(data) else {
        return Ok(());
    };
    let place = store(cache)?.0.root().join("starter");
    let folder = unpack(&place).with_context(|| format!("no {} here", data.display()))?;
    let found = folder.join(part);
    eprintln!(
        "note: no {} here: taking {}",
        data.display(),
        found.display()
    );
    *data = found;
    Ok(())
}

/// The part of the starter set that a path names, if nothing is there.
fn missing_part(data: &Path) -> Option<PathBuf> {
    let part = data.strip_prefix(PATH).ok()?;
    (!data.exists()).then(|| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sets_own_path_is_replaced() {
        // Tests run in the crate's folder, which has no datasets.
        let part = |path: &str| missing_part(Path::new(path));
        assert_eq!(part("datasets/starter/glue"), Some("glue".into()));
        assert_eq!(part("datasets/starter"), Some(PathBuf::new()));
        assert_eq!(part("datasets/glue"), None);
        assert_eq!(part("/datasets/starter"), None);
    }
}
