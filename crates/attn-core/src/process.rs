//! Which process, on which machine, and whether it still runs.

use std::sync::OnceLock;

/// What this machine is called; `unknown` where the system does not say.
pub fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let told = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| std::fs::read_to_string("/etc/hostname"))
            .ok()
            .or_else(|| std::env::var("HOSTNAME").ok())
            .or_else(|| std::env::var("COMPUTERNAME").ok());
        let name = told.map(|name| name.trim().to_owned());
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    })
}

/// The machine's name in eight hexadecimal digits, for file names (FNV-1a).
pub(crate) fn host_mark() -> String {
    let mark = host().bytes().fold(0x811c_9dc5u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{mark:08x}")
}

/// Whether a process of this machine runs. Where that cannot be found out it is said to run, so
/// that nothing of it is taken away.
pub fn is_alive(pid: u32) -> bool {
    if cfg!(target_os = "linux") {
        let proc = std::path::Path::new("/proc");
        return !proc.join("self").exists() || proc.join(pid.to_string()).exists();
    }
    if cfg!(unix) {
        let ps = std::process::Command::new("ps")
            .args(["-p", &pid.to_string()])
            .output();
        return ps.map_or(true, |found| found.status.success());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_is_waited_for() {
        assert!(is_alive(std::process::id()));
        let mut child = std::process::Command::new("sleep").arg("30").spawn();
        let Ok(child) = &mut child else {
            return eprintln!("SKIPPED: no `sleep` here");
        };
        assert!(is_alive(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_alive(child.id()));
    }
}
