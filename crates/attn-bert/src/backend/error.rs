//! What can go wrong when a device is chosen, and what to do about it.

/// A backend that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// This build does not contain it.
    #[error(
        "backend '{name}' is not in this build: it needs the cargo feature of its name, \
         `cargo build --workspace --bin attn --features attn-atlas/{name}`"
    )]
    NotCompiled {
        /// The backend's name.
        name: &'static str,
    },
    /// The machine has no device for it.
    #[error(
        "backend '{name}' finds no device on this machine: {advice}; `--backend flex` needs none"
    )]
    NoDevice {
        /// The backend's name.
        name: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// It has devices, but not this one.
    #[error(
        "backend '{name}' has no device {index}: it has {count}, counted from 0 (`attn devices` lists them)"
    )]
    NoSuchDevice {
        /// The backend's name.
        name: &'static str,
        /// The index asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// `ATTN_KERNELS` asks for instructions that are not there.
    #[cfg(feature = "flex")]
    #[error(transparent)]
    Kernels(#[from] attn_kernels::PathError),
    /// The device is there, but its driver refuses it.
    #[error("device {index} of backend '{name}' cannot be opened: {reason}")]
    Open {
        /// The backend's name.
        name: &'static str,
        /// The device's index.
        index: usize,
        /// What the driver or Burn said.
        reason: String,
    },
}

/// An unknown backend name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend '{0}': expected flex, wgpu or cuda")]
pub struct ParseBackendError(pub(super) String);
