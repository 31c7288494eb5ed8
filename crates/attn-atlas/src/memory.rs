//! Keeps freed memory for the next allocation.
//!
//! Every forward and backward pass allocates and frees the same tens of megabytes. mimalloc hands
//! freed blocks back to the system after a moment, and the system clears each page anew: a third of
//! a training step's time, measured. mimalloc reads its options from the environment before `main`,
//! and its functions to set them are `unsafe`, so the program starts itself over with the option
//! set. The resident memory stays at the peak of what is in use, no more.

/// mimalloc's option: milliseconds until freed memory is given back; -1 is never.
#[cfg(unix)]
const OPTION: &str = "MIMALLOC_PURGE_DELAY";

/// Starts the program over with the option, unless the user set it. Gives up silently: without it
/// everything works, only slower.
pub fn keep_freed() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        if std::env::var_os(OPTION).is_some() {
            return;
        }
        if let Ok(program) = std::env::current_exe() {
            let mut arguments = std::env::args_os();
            let mut command = std::process::Command::new(program);
            if let Some(name) = arguments.next() {
                command.arg0(name);
            }
            // Returns only when it fails.
            let _ = command.args(arguments).env(OPTION, "-1").exec();
        }
    }
}
