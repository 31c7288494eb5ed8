//! The one place where a compute device is chosen.

use burn::tensor::Device;

/// What computes. Which of these are compiled in is decided by cargo features of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Backend {
    /// Burn's CPU backend in pure Rust (feature `flex`, the default).
    #[default]
    Flex,
    /// Any GPU through WebGPU: Vulkan, Metal or DX12 (feature `wgpu`).
    Wgpu,
    /// NVIDIA GPUs (feature `cuda`).
    Cuda,
}

/// A backend that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// This build does not contain it.
    #[error("backend '{name}' is not compiled in: rebuild with `--features {name}`")]
    NotCompiled {
        /// The backend's name.
        name: &'static str,
    },
    /// The CPU backend has one device.
    #[error("backend 'flex' has only device 0, not {index}")]
    NoSuchDevice {
        /// The index asked for.
        index: usize,
    },
}

/// An unknown backend name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend '{0}': expected flex, wgpu or cuda")]
pub struct ParseBackendError(String);

impl Backend {
    /// All backends, compiled in or not.
    pub const ALL: [Backend; 3] = [Backend::Flex, Backend::Wgpu, Backend::Cuda];

    /// The name on the command line, which is also the cargo feature's.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Flex => "flex",
            Backend::Wgpu => "wgpu",
            Backend::Cuda => "cuda",
        }
    }

    /// Whether this build contains the backend.
    pub fn is_compiled_in(self) -> bool {
        match self {
            Backend::Flex => cfg!(feature = "flex"),
            Backend::Wgpu => cfg!(feature = "wgpu"),
            Backend::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// The backend's device number `index` (from 0).
    ///
    /// # Errors
    /// [`BackendError`] when the backend is not compiled in or has no such device.
    pub fn device(self, index: usize) -> Result<Device, BackendError> {
        match self {
            #[cfg(feature = "flex")]
            Backend::Flex if index == 0 => Ok(Device::flex()),
            #[cfg(feature = "flex")]
            Backend::Flex => Err(BackendError::NoSuchDevice { index }),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Ok(Device::wgpu(match index {
                0 => burn::tensor::DeviceKind::DefaultDevice,
                i => burn::tensor::DeviceKind::DiscreteGpu(i),
            })),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(Device::cuda(index)),
            #[allow(unreachable_patterns)] // reached when a feature is off
            other => Err(BackendError::NotCompiled { name: other.name() }),
        }
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Backend {
    type Err = ParseBackendError;
    fn from_str(text: &str) -> Result<Self, ParseBackendError> {
        Backend::ALL
            .into_iter()
            .find(|b| b.name() == text)
            .ok_or_else(|| ParseBackendError(text.to_owned()))
    }
}
