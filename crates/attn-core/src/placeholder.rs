//! What stands in a file's place when a download went wrong.

/// Says what a file is that should hold weights, a vocabulary or JSON and holds none: a git-lfs pointer,
/// an HTML page or compressed bytes, with the way out. Its first kilobyte is enough.
pub fn placeholder(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"version https://git-lfs.github.com/") {
        return Some(
            "is a git-lfs pointer, not the file itself: run `git lfs pull` in its folder, or download the file",
        );
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        return Some("is compressed with gzip: unpack it, or download it again");
    }
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = start.trim_ascii_start();
    let begins = |word: &[u8]| {
        text.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    if begins(b"<!doctype html") || begins(b"<html") {
        return Some(
            "is an HTML page, not the file itself: a server answered with a page (not found, or a login); download the file again",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_pages_and_packed_files_are_told_from_files() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n";
        assert!(placeholder(pointer).unwrap().contains("git-lfs"));
        for page in ["<!DOCTYPE html><p>", "\u{feff}\n <HTML lang=en>"] {
            assert!(
                placeholder(page.as_bytes()).unwrap().contains("HTML"),
                "{page}"
            );
        }
        assert!(placeholder(&[0x1f, 0x8b, 8]).unwrap().contains("gzip"));
        for file in [
            &b"{\"a\": 1}"[..],
            b"[PAD]\n",
            b"PK\x03\x04",
            b"<",
            b"",
            b"<s>\n</s>",
        ] {
            assert_eq!(placeholder(file), None);
        }
    }
}
