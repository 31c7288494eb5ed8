//! What a program says on machines without a backend's device. Drivers are looked for once in a
//! process, so each case is a process of its own: this test program, run again with another
//! environment.

use super::*;
use attn_bert::BackendError;
use std::process::Command;

/// Runs one ignored test of this program by name and gives what it printed.
fn child(test: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]);
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}

#[test]
#[ignore = "run by the others, in a process of its own"]
fn print_wgpus_devices() {
    match Backend::Wgpu.devices() {
        Ok(devices) => println!("found {devices:?}"),
        Err(error) => println!("{error}"),
    }
}

#[test]
#[ignore = "run by the others, in a process of its own"]
fn print_cudas_devices() {
    match Backend::Cuda.devices() {
        Ok(devices) => println!("found {devices:?}"),
        Err(error) => println!("{error}"),
    }
}

/// No driver: no device, and advice.
#[test]
fn without_a_driver_wgpu_says_what_it_needs() {
    if !Backend::Wgpu.is_compiled_in() || !cfg!(target_os = "linux") {
        eprintln!("SKIPPED: this build has no wgpu, or the system is not Linux");
        return;
    }
    let none = "/nonexistent.json";
    let said = child(
        "machine::print_wgpus_devices",
        &[
            ("VK_DRIVER_FILES", none),
            ("VK_ICD_FILENAMES", none),
            ("__EGL_VENDOR_LIBRARY_FILENAMES", none),
        ],
    );
    assert!(
        said.contains("backend 'wgpu' finds no device on this machine: it needs a driver")
            && said.contains("mesa-vulkan-drivers")
            && said.contains("--backend flex"),
        "{said}"
    );
}

/// A device whose opening panics inside Burn is an error here.
#[test]
fn a_device_that_cannot_be_opened_is_an_error() {
    if Backend::Wgpu.device(0).is_err() {
        eprintln!("SKIPPED: no wgpu device");
        return;
    }
    let said = child(
        "machine::print_wgpus_devices",
        &[("CUBECL_WGPU_MAX_TASKS", "many")],
    );
    assert!(
        said.contains("Open") && said.contains("CUBECL_WGPU_MAX_TASKS"),
        "{said}"
    );
}

#[test]
fn cuda_is_there_or_says_what_is_missing() {
    let said = child("machine::print_cudas_devices", &[]);
    let expected = match (Backend::Cuda.is_compiled_in(), Backend::Cuda.device(0)) {
        (false, _) => "--features attn-atlas/cuda",
        (true, Ok(_)) => "found",
        (true, Err(BackendError::NoDevice { .. })) => "it needs an NVIDIA GPU",
        (true, Err(_)) => "cannot be opened",
    };
    assert!(said.contains(expected), "{said}");
}
