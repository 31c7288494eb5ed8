//! `attn devices`.

use attn_bert::{Backend, BackendError};

/// Lists the backends of this build with the devices they find here, and how to get the others.
pub fn run() -> anyhow::Result<()> {
    for backend in Backend::ALL {
        print!("{}", describe(backend, backend.devices()));
    }
    Ok(())
}

type Found = Result<Vec<Result<attn_bert::DeviceInfo, BackendError>>, BackendError>;

/// One line a device: what `--backend` and `--device` take, and what it is.
fn describe(backend: Backend, found: Found) -> String {
    let devices = match found {
        Ok(devices) => devices,
        Err(error) => return format!("{backend:6}    {error}\n"),
    };
    let lines = devices.into_iter().enumerate().map(|(index, device)| {
        let text = match device {
            Ok(device) if device.software => {
                format!("{} (software: right, but slow)", device.name)
            }
            Ok(device) => device.name,
            Err(error) => error.to_string(),
        };
        format!("{backend:6} {index}  {text}\n")
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use attn_bert::DeviceInfo;

    #[test]
    fn each_device_has_a_line() {
        let device = |index, name: &str, software| {
            Ok(DeviceInfo {
                index,
                name: name.to_owned(),
                software,
            })
        };
        let refused = BackendError::Open {
            name: "wgpu",
            index: 2,
            reason: "out of memory".to_owned(),
        };
        let found = vec![
            device(0, "a card", false),
            device(1, "llvmpipe", true),
            Err(refused),
        ];
        assert_eq!(
            describe(Backend::Wgpu, Ok(found)),
            "wgpu   0  a card\n\
             wgpu   1  llvmpipe (software: right, but slow)\n\
             wgpu   2  device 2 of backend 'wgpu' cannot be opened: out of memory\n"
        );
        let missing = describe(
            Backend::Cuda,
            Err(BackendError::NotCompiled { name: "cuda" }),
        );
        assert!(missing.starts_with("cuda      backend 'cuda' is not in this build"));
        assert_eq!(missing.lines().count(), 1);
    }
}
