//! The one place where a compute device is chosen.
//!
//! A backend is compiled in by the cargo feature of its name and finds its devices when the program
//! runs. Both can fail on somebody else's machine, so each failure says what to do about it
//! (docs/backends.md has the whole story).

mod error;

pub use error::{BackendError, ParseBackendError};

use burn::tensor::Device;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::DeviceType;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "wgpu")]
use {
    burn::tensor::{DeviceKind, wgpu::WgpuInitError},
    std::sync::OnceLock,
};

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

/// A device that [`Backend::device`] can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its number, from 0.
    pub index: usize,
    /// What it is called.
    pub name: String,
    /// Whether a GPU is only imitated by the processor (wgpu on Mesa's llvmpipe, say): right, but a
    /// hundred times slower than `flex`.
    pub software: bool,
}

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

    /// The backend's device number `index` (from 0), opened.
    ///
    /// # Errors
    /// [`BackendError`] when the backend is not compiled in, finds no device at all or not this one,
    /// or the device's driver refuses it.
    pub fn device(self, index: usize) -> Result<Device, BackendError> {
        let devices = self.found()?;
        let count = devices.len();
        let device = devices
            .into_iter()
            .nth(index)
            .ok_or(BackendError::NoSuchDevice {
                name: self.name(),
                index,
                count,
            })?;
        self.open(index, &device)?;
        Ok(device)
    }

    /// All devices of the backend, in the order of [`Backend::device`]'s index: GPUs first, then
    /// those that the processor imitates. Opens each to learn its name; one that cannot be opened
    /// has the reason in its place.
    ///
    /// # Errors
    /// [`BackendError`] when the backend is not compiled in or finds no device.
    pub fn devices(self) -> Result<Vec<Result<DeviceInfo, BackendError>>, BackendError> {
        let devices = self.found()?.into_iter().enumerate();
        Ok(devices
            .map(|(index, device)| {
                Ok(DeviceInfo {
                    index,
                    name: self.open(index, &device)?,
                    software: is_software(&device),
                })
            })
            .collect())
    }

    /// Backend, index and what decides the last bits of its numbers, as manifests give it: the
    /// processor's instructions (`flex 0: avx2`), or the GPU's name (`cuda 0: NVIDIA H100`).
    ///
    /// # Errors
    /// As [`Backend::device`].
    pub fn label(self, index: usize) -> Result<String, BackendError> {
        let device = self.device(index)?;
        Ok(match self {
            #[cfg(feature = "flex")]
            Backend::Flex => format!("{self} {index}: {}", attn_kernels::path()?),
            _ => format!("{self} {index}: {}", self.open(index, &device)?),
        })
    }

    /// What the machine has, unopened; never empty.
    fn found(self) -> Result<Vec<Device>, BackendError> {
        let name = self.name();
        let (devices, advice): (Vec<Device>, _) = match self {
            #[cfg(feature = "flex")]
            Backend::Flex => (vec![Device::flex()], "every machine has one"),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => (
                wgpu_devices(),
                "it needs a driver for Vulkan, Metal or DX12 (on Debian, \
                 `apt-get install libvulkan1 mesa-vulkan-drivers`, which also brings one that \
                 runs on the processor)",
            ),
            #[cfg(feature = "cuda")]
            Backend::Cuda => (
                Device::enumerate(DeviceType::Cuda).into_iter().collect(),
                "it needs an NVIDIA GPU and its driver (`nvidia-smi` must list the GPU)",
            ),
            #[allow(unreachable_patterns)] // reached when a feature is off
            _ => return Err(BackendError::NotCompiled { name }),
        };
        if devices.is_empty() {
            return Err(BackendError::NoDevice { name, advice });
        }
        Ok(devices)
    }

    /// Opens a device, which Burn would do at its first tensor, and gives its name.
    fn open(self, index: usize, device: &Device) -> Result<String, BackendError> {
        #[cfg(any(feature = "wgpu", feature = "cuda"))]
        if self != Backend::Flex {
            let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, name)) = opened.iter().find(|(other, _)| other == device) {
                return Ok(name.clone());
            }
            let name = open_gpu(device).map_err(|reason| BackendError::Open {
                name: self.name(),
                index,
                reason,
            })?;
            opened.push((device.clone(), name.clone()));
            return Ok(name);
        }
        let _ = (index, device);
        processor()
    }
}

/// Devices that were opened, with their names.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
static OPENED: Mutex<Vec<(Device, String)>> = Mutex::new(Vec::new());

/// Opens a device and gives its name, or why it cannot be opened.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn open_gpu(device: &Device) -> Result<String, String> {
    #[cfg(feature = "wgpu")]
    if let Some(kind) = wgpu_kind(device) {
        // The only way that returns errors. A tensor may have opened the device before.
        match Device::wgpu_options().device_kind(kind).init() {
            Ok(_) | Err(WgpuInitError::Registration { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    // What is not opened yet is opened here. Burn panics when that fails (CUDA has no other way),
    // and a user's machine must not end in a panic.
    let identity = catch_unwind(AssertUnwindSafe(|| device.identity()));
    identity
        .map(|identity| identity.map_or_else(|| format!("{device:?}"), |i| i.name))
        .map_err(|_| "the driver refuses it, and Burn's message stands above".to_owned())
}

/// The machine's graphics devices, GPUs first. Looked for once: it takes a while, and drivers do not
/// come and go.
#[cfg(feature = "wgpu")]
fn wgpu_devices() -> Vec<Device> {
    static FOUND: OnceLock<Vec<Device>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let mut devices: Vec<Device> = Device::enumerate(DeviceType::Wgpu).into_iter().collect();
        devices.sort_by_key(is_software);
        devices
    });
    found.clone()
}

/// How Burn calls a graphics device; `None` for the kinds that have no name there.
#[cfg(feature = "wgpu")]
fn wgpu_kind(device: &Device) -> Option<DeviceKind> {
    let count = wgpu_devices().len();
    let numbered = [
        DeviceKind::DiscreteGpu,
        DeviceKind::IntegratedGpu,
        DeviceKind::VirtualGpu,
    ];
    let gpus = numbered.into_iter().flat_map(|kind| (0..count).map(kind));
    gpus.chain([DeviceKind::Cpu])
        .find(|kind| Device::wgpu(kind.clone()) == *device)
}

/// Whether the processor plays the GPU. Burn gives graphics devices by kind.
#[cfg(feature = "wgpu")]
fn is_software(device: &Device) -> bool {
    *device == Device::wgpu(DeviceKind::Cpu)
}

#[cfg(not(feature = "wgpu"))]
fn is_software(_: &Device) -> bool {
    false
}

/// What the CPU backend computes with: threads and vector instructions.
#[cfg(feature = "flex")]
fn processor() -> Result<String, BackendError> {
    let (threads, path) = (rayon::current_num_threads(), attn_kernels::path()?);
    Ok(format!(
        "the processor, {threads} threads, {path} instructions"
    ))
}

#[cfg(not(feature = "flex"))]
fn processor() -> Result<String, BackendError> {
    let name = Backend::Flex.name();
    Err(BackendError::NotCompiled { name })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for backend in Backend::ALL {
            assert_eq!(backend.name().parse(), Ok(backend));
        }
        let unknown = "tpu".parse::<Backend>().unwrap_err().to_string();
        assert_eq!(
            unknown,
            "unknown backend 'tpu': expected flex, wgpu or cuda"
        );
    }

    #[test]
    fn a_backend_that_is_not_compiled_in_names_its_feature() {
        for backend in Backend::ALL.into_iter().filter(|b| !b.is_compiled_in()) {
            let error = backend.device(0).unwrap_err();
            assert_eq!(
                error,
                BackendError::NotCompiled {
                    name: backend.name()
                }
            );
            let message = error.to_string();
            let command = format!("--features attn-atlas/{backend}");
            assert!(message.contains(&command), "{message}");
            assert_eq!(backend.devices().unwrap_err(), error);
        }
    }

    #[test]
    fn a_backend_without_devices_says_what_it_needs() {
        let error = BackendError::NoDevice {
            name: "cuda",
            advice: "it needs an NVIDIA GPU",
        };
        assert_eq!(
            error.to_string(),
            "backend 'cuda' finds no device on this machine: it needs an NVIDIA GPU; `--backend flex` needs none"
        );
    }

    #[test]
    #[cfg(feature = "flex")]
    fn the_processor_is_one_device() {
        assert!(Backend::Flex.device(0).is_ok());
        let path = attn_kernels::path().unwrap();
        assert_eq!(Backend::Flex.label(0).unwrap(), format!("flex 0: {path}"));
        let devices = Backend::Flex.devices().unwrap();
        let [Ok(device)] = &devices[..] else {
            panic!("{devices:?}")
        };
        assert!(device.index == 0 && !device.software && device.name.contains("threads"));
        let error = Backend::Flex.device(1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "backend 'flex' has no device 1: it has 1, counted from 0 (`attn devices` lists them)"
        );
    }

    /// Whatever the machine has, the answer is a device or advice.
    #[test]
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    fn graphics_devices_are_listed_or_explained() {
        for backend in [Backend::Wgpu, Backend::Cuda] {
            match backend.devices() {
                Ok(devices) => {
                    let count = devices.len();
                    assert!(count > 0);
                    for (index, device) in devices.into_iter().enumerate() {
                        let device = device.unwrap();
                        assert_eq!(device.index, index);
                        let label = backend.label(index).unwrap();
                        assert_eq!(label, format!("{backend} {index}: {}", device.name));
                    }
                    let error = backend.device(count).unwrap_err().to_string();
                    assert!(error.contains(&format!("has no device {count}: it has {count}")));
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        text.contains("needs") || !backend.is_compiled_in(),
                        "{text}"
                    );
                }
            }
        }
    }
}
