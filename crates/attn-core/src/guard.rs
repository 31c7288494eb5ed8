//! Calls into code that may panic on a stranger's bytes.
//!
//! Readers of other crates (tokenizers, polars, safetensors, Burn's) panic on some damaged files.
//! [`quietly`] turns such a panic into a value, without the message that a panic prints, so that the
//! caller can make an error of it that names the file. It does not catch an abort (memory that
//! cannot be had, a stack that overflows): those are what [`crate::limits`] is for.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// How many calls of [`quietly`] this thread is inside.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
    /// What the last silenced panic of this thread said.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a call that panicked said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the reader gave up on it ({})", self.0)
    }
}

impl std::error::Error for Panicked {}

/// Most characters of a panic's message that are kept.
const SHOWN: usize = 160;

/// Runs `call`; a panic in it on this thread is returned and not printed. Panics elsewhere, on other
/// threads at the same time among them, are reported as ever.
///
/// # Errors
/// [`Panicked`] with the first line of the panic's message.
pub fn quietly<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A thread that is going away has no such cell any more; it is not ours either.
            if INSIDE.try_with(Cell::get).unwrap_or(0) == 0 {
                return before(panic);
            }
            let said = panic.payload_as_str().unwrap_or("no message");
            let line = said.lines().next().unwrap_or_default();
            let line: String = line.chars().take(SHOWN).collect();
            let _ = SAID.try_with(|cell| cell.replace(Some(line)));
        }));
    });
    INSIDE.with(|depth| depth.set(depth.get() + 1));
    let result = catch_unwind(AssertUnwindSafe(call));
    INSIDE.with(|depth| depth.set(depth.get() - 1));
    result.map_err(|_| {
        let said = SAID.with(RefCell::take);
        Panicked(said.unwrap_or_else(|| "no message".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_the_next_call_is_as_before() {
        assert_eq!(quietly(|| 3), Ok(3));
        let list: Vec<u8> = Vec::new();
        let said = quietly(|| list[1]).unwrap_err();
        assert!(said.0.contains("index is 1"), "{said}");
        let nested = quietly(|| quietly(|| panic!("inner")).unwrap_err());
        assert_eq!(nested, Ok(Panicked("inner".into())));
        let outer = quietly(|| {
            let _ = quietly(|| panic!("inner"));
            panic!("outer {}", "x".repeat(500))
        });
        assert_eq!(outer.unwrap_err().0.len(), SHOWN);
        assert_eq!(INSIDE.with(Cell::get), 0);
    }
}
