//! Where the store keeps things and how it reaches out: everything that comes from the environment.

use super::error::StoreError;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A text that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(super) String);

impl Secret {
    /// Wraps a token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How a [`Store`](super::Store) works. [`Settings::from_env`] reads it from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cache's folder.
    pub root: PathBuf,
    /// `ATTN_MIRROR`: folders that hold `<name>/<file>`, tried before an artefact's own sources.
    pub mirrors: Vec<PathBuf>,
    /// `ATTN_OFFLINE` or `HF_HUB_OFFLINE`: neither the network nor pip is tried.
    pub offline: bool,
    /// `HF_ENDPOINT`, without a slash at its end.
    pub hub_endpoint: String,
    /// `HF_HUB_CACHE`, or the folder `hub` in `HF_HOME`: files that other programs downloaded.
    pub hub_cache: Option<PathBuf>,
    /// `HF_TOKEN`; sent to the endpoint's own scheme, host and port and to nobody else.
    pub hub_token: Option<Secret>,
    /// `SSL_CERT_FILE`: trusted certificates in PEM, instead of Mozilla's list.
    pub certificates: Option<PathBuf>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a server may stay silent, before or within an answer.
    pub stall_timeout: Duration,
    /// How long a server may take for each 64 KiB of an answer: a deadline that progress extends.
    pub pace_timeout: Duration,
    /// How long pip may take.
    pub pip_timeout: Duration,
    /// How often a dropped connection is tried again without progress in between.
    pub retries: u32,
    /// The pause before the first retry; it doubles each time.
    pub backoff: Duration,
    /// The Python that runs pip.
    pub python: PathBuf,
    /// Variables set for pip only, on top of the environment.
    pub pip_env: Vec<(String, String)>,
}

impl Settings {
    /// The settings for a cache in `root`, or in `ATTN_CACHE`, or in the platform's cache folder
    /// (`XDG_CACHE_HOME/attention-atlas`, `~/.cache/attention-atlas`; on macOS `~/Library/Caches`, on
    /// Windows `LOCALAPPDATA`).
    ///
    /// # Errors
    /// [`StoreError::NoCacheFolder`] when none of these is set.
    pub fn from_env(root: Option<PathBuf>) -> Result<Self, StoreError> {
        Self::from_lookup(root, &|name| std::env::var_os(name))
    }

    /// As [`Settings::from_env`], with the variables looked up by `get`.
    ///
    /// # Errors
    /// [`StoreError::NoCacheFolder`].
    pub fn from_lookup(
        root: Option<PathBuf>,
        get: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, StoreError> {
        let value = |name: &str| get(name).filter(|v| !v.is_empty());
        let path = |name: &str| value(name).map(PathBuf::from);
        let text = |name: &str| value(name).and_then(|v| v.into_string().ok());
        let on = |name: &str| {
            text(name)
                .is_some_and(|v| ["1", "on", "yes", "true"].contains(&v.to_lowercase().as_str()))
        };
        let home = || path("HOME").or_else(|| path("USERPROFILE"));
        // The XDG specification: a relative path there is to be ignored.
        let xdg = || path("XDG_CACHE_HOME").filter(|p| p.is_absolute());
        let caches = || {
            xdg().or_else(|| {
                if cfg!(windows) {
                    path("LOCALAPPDATA")
                } else if cfg!(target_os = "macos") {
                    home().map(|h| h.join("Library/Caches"))
                } else {
                    home().map(|h| h.join(".cache"))
                }
            })
        };
        let root = root
            .or_else(|| path("ATTN_CACHE"))
            .or_else(|| caches().map(|c| c.join("attention-atlas")))
            .ok_or(StoreError::NoCacheFolder)?;
        let hub_home = path("HF_HOME")
            .or_else(|| xdg().map(|c| c.join("huggingface")))
            .or_else(|| home().map(|h| h.join(".cache/huggingface")));
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        Ok(Self {
            root,
            mirrors: value("ATTN_MIRROR")
                .map(|v| {
                    std::env::split_paths(&v)
                        .filter(|p| !p.as_os_str().is_empty())
                        .collect()
                })
                .unwrap_or_default(),
            offline: on("ATTN_OFFLINE") || on("HF_HUB_OFFLINE"),
            hub_endpoint: endpoint.trim_end_matches('/').to_owned(),
            hub_cache: path("HF_HUB_CACHE")
                .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
                .or_else(|| hub_home.map(|h| h.join("hub"))),
            hub_token: text("HF_TOKEN")
                .map(|t| Secret(t.trim().to_owned()))
                .filter(|t| !t.0.is_empty()),
            certificates: path("SSL_CERT_FILE"),
            connect_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(30),
            pace_timeout: Duration::from_secs(60),
            pip_timeout: Duration::from_secs(30 * 60),
            retries: 3,
            backoff: Duration::from_secs(1),
            python: PathBuf::from(if cfg!(windows) { "python" } else { "python3" }),
            pip_env: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &'static [(&'static str, &'static str)]) -> Result<Settings, StoreError> {
        let find = |n: &str| {
            pairs
                .iter()
                .find(|(k, _)| *k == n)
                .map(|(_, v)| OsString::from(v))
        };
        Settings::from_lookup(None, &find)
    }

    #[test]
    fn the_cache_folder_follows_the_environment_in_order() {
        let all = &[
            ("ATTN_CACHE", "/c"),
            ("XDG_CACHE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(settings(all).unwrap().root, PathBuf::from("/c"));
        assert_eq!(
            settings(&all[1..]).unwrap().root,
            PathBuf::from("/x/attention-atlas")
        );
        if cfg!(target_os = "linux") {
            let root = settings(&all[2..]).unwrap().root;
            assert_eq!(root, PathBuf::from("/h/.cache/attention-atlas"));
        }
        assert!(matches!(settings(&[]), Err(StoreError::NoCacheFolder)));
    }

    #[test]
    fn the_hub_variables_are_honoured() {
        let s = settings(&[
            ("HOME", "/h"),
            ("HF_HOME", "/hf"),
            ("HF_ENDPOINT", "http://hub.test/"),
            ("HF_TOKEN", " hf_x\n"),
            ("HF_HUB_OFFLINE", "TRUE"),
        ])
        .unwrap();
        assert_eq!(s.hub_cache, Some(PathBuf::from("/hf/hub")));
        assert_eq!(s.hub_endpoint, "http://hub.test");
        assert_eq!(s.hub_token, Some(Secret::new("hf_x")));
        assert!(s.offline);
        assert!(
            !format!("{s:?}").contains("hf_x"),
            "a token must not be printed"
        );
        assert!(
            !settings(&[("HOME", "/h"), ("ATTN_OFFLINE", "0")])
                .unwrap()
                .offline
        );
    }
}
