//! Which instructions the kernels use: the widest of the processor, or those that the environment
//! variable [`VARIABLE`] forces.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// The environment variable that forces a path.
pub const VARIABLE: &str = "ATTN_KERNELS";

/// A set of instructions, from the most general to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// No vector instructions asked for by name; multiplication and addition round apart.
    Portable,
    /// AArch64's 128-bit vectors.
    Neon,
    /// x86's 256-bit vectors with fused multiply-add.
    Avx2,
    /// x86's 512-bit vectors.
    Avx512,
}

/// A path that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The variable names no path.
    #[error("{VARIABLE}={found}: expected one of portable, neon, avx2, avx512")]
    Unknown {
        /// What it says.
        found: String,
    },
    /// The processor lacks the instructions.
    #[error(
        "{VARIABLE}={wanted}: this processor lacks them; unset the variable, or take {best} or portable"
    )]
    Missing {
        /// The forced path.
        wanted: Path,
        /// The widest that there is.
        best: Path,
    },
}

impl Path {
    /// All paths, in the order in which they are preferred (the last first).
    pub const ALL: [Path; 4] = [Path::Portable, Path::Neon, Path::Avx2, Path::Avx512];

    /// Its name in [`VARIABLE`] and in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Path::Portable => "portable",
            Path::Neon => "neon",
            Path::Avx2 => "avx2",
            Path::Avx512 => "avx512",
        }
    }

    /// Whether this processor has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Path::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => pulp::x86::V3::try_new().is_some(),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => pulp::x86::V4::try_new().is_some(),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => pulp::aarch64::Neon::try_new().is_some(),
            #[allow(unreachable_patterns)] // those of other processors
            _ => false,
        }
    }

    /// The widest path of this processor.
    pub fn best() -> Path {
        let mut paths = Path::ALL.into_iter().rev();
        paths.find(|p| p.is_available()).unwrap_or(Path::Portable)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Path {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut paths = Path::ALL.into_iter();
        paths
            .find(|p| p.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| PathError::Unknown {
                found: text.to_owned(),
            })
    }
}

/// What a value of [`VARIABLE`] (absent or empty: none) comes to on this processor.
fn choose(forced: Option<&str>) -> Result<Path, PathError> {
    let Some(text) = forced.filter(|text| !text.is_empty()) else {
        return Ok(Path::best());
    };
    let wanted: Path = text.parse()?;
    if wanted.is_available() {
        Ok(wanted)
    } else {
        Err(PathError::Missing {
            wanted,
            best: Path::best(),
        })
    }
}

fn chosen() -> &'static Result<Path, PathError> {
    static CHOSEN: OnceLock<Result<Path, PathError>> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let forced = std::env::var_os(VARIABLE);
        let forced = forced.map(|text| text.to_string_lossy().into_owned());
        choose(forced.as_deref())
    })
}

/// The path of this process. The variable is read once.
///
/// # Errors
/// [`PathError`] when the variable names no path or one that the processor lacks. Kernels that run
/// all the same take the widest one: a program asks here first.
pub fn path() -> Result<Path, PathError> {
    chosen().clone()
}

/// The path that kernels take.
#[inline]
pub(crate) fn current() -> Path {
    match chosen() {
        Ok(path) => *path,
        Err(_) => Path::best(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for path in Path::ALL {
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        assert_eq!("AVX2".parse(), Ok(Path::Avx2));
        let error = "sse9".parse::<Path>().unwrap_err().to_string();
        assert!(
            error.contains("sse9") && error.contains("avx512"),
            "{error}"
        );
    }

    #[test]
    fn the_widest_is_taken_unless_one_is_forced() {
        assert_eq!(choose(None), Ok(Path::best()));
        assert_eq!(choose(Some("")), Ok(Path::best()));
        assert_eq!(choose(Some("portable")), Ok(Path::Portable));
        for path in Path::ALL {
            let found = choose(Some(path.name()));
            if path.is_available() {
                assert_eq!(found, Ok(path));
            } else {
                let error = found.unwrap_err();
                let best = Path::best();
                assert_eq!(error, PathError::Missing { wanted: path, best });
            }
        }
    }
}
