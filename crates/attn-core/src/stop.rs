//! Named points at which a test can end the program, to see what a kill there leaves.
//!
//! A build with debug assertions looks at the environment variable `ATTN_STOP_AT` and aborts
//! itself (no destructor runs, nothing is flushed: as with SIGKILL) when it comes to that point. A
//! release build has no such points: `stop_point` does nothing there.
//!
//! ```text
//! ATTN_STOP_AT='write tables/figure-2.md'     before the file gets its name: the temporary stays
//! ATTN_STOP_AT='wrote tables/figure-2.md'     just after it has its name
//! ATTN_STOP_AT='during patterns-shares MNLI'  in the middle of a stage's work, by its progress
//! ATTN_STOP_AT='write .json#3'                the third time
//! ```
//!
//! A file is named by any end of its path, work by any beginning of its title.

use std::path::Path;

/// The variable that names a point.
pub const STOP_AT: &str = "ATTN_STOP_AT";

/// Whether a wish such as `write a/b.md` means the point `kind` of `name`. A file's name is met by
/// its end, work's by its beginning.
#[cfg(any(test, debug_assertions))]
fn means(wish: &str, kind: &str, name: &str) -> bool {
    let Some((wished, rest)) = wish.split_once(' ') else {
        return false;
    };
    wished == kind
        && match kind {
            "during" => name.starts_with(rest),
            _ => name.ends_with(rest),
        }
}

/// Ends the program here when the environment asks for it; see the module's text.
#[cfg(debug_assertions)]
fn stop_point(kind: &str, name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static WISH: OnceLock<Option<(String, usize)>> = OnceLock::new();
    static MET: AtomicUsize = AtomicUsize::new(0);
    let wish = WISH.get_or_init(|| {
        let text = std::env::var(STOP_AT).ok()?;
        Some(match text.rsplit_once('#') {
            Some((wish, count)) if count.parse::<usize>().is_ok() => {
                (wish.to_owned(), count.parse().unwrap_or(1))
            }
            _ => (text, 1),
        })
    });
    let Some((wish, count)) = wish else { return };
    if means(wish, kind, name) && MET.fetch_add(1, Ordering::Relaxed) + 1 == *count {
        eprintln!("{STOP_AT}: stopped at '{kind} {name}'");
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
fn stop_point(_kind: &str, _name: &str) {}

/// In the middle of a stage's work; `what` is the title that its progress shows.
pub fn during(what: &str) {
    stop_point("during", what);
}

/// A file is whole under its temporary name.
pub(crate) fn before_rename(path: &Path) {
    stop_point("write", &path.to_string_lossy());
}

/// A file has its name.
pub(crate) fn after_rename(path: &Path) {
    stop_point("wrote", &path.to_string_lossy());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_met_by_kind_and_name() {
        assert!(means("write b/c.md", "write", "/a/b/c.md"));
        assert!(!means("write b/c.md", "wrote", "/a/b/c.md"));
        assert!(!means("write b/c.md", "write", "/a/b/c.md.png"));
        assert!(means("during stats", "during", "stats MNLI"));
        assert!(!means("during MNLI", "during", "stats MNLI"));
        assert!(!means("during", "during", "stats MNLI"));
    }
}
