//! Downloads over HTTP: redirects, resuming, retries.
//!
//! Redirects are followed here and not by the client library, so that the token's fate is decided
//! in one visible place: it goes to the endpoint's own scheme, host and port, and to nobody that
//! the endpoint points at.

use super::error::Attempt;
use super::progress::{Progress, Stage};
use super::settings::{Secret, Settings};
use super::slot::{PartNote, Slot};
use super::web::{Answer, NoAnswer, Web, origin};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// What to download and who may see the token.
pub(super) struct Download<'a> {
    pub url: &'a str,
    /// The token and the address whose origin may see it.
    pub token: Option<(&'a Secret, &'a str)>,
    /// What to do when access is refused.
    pub refused: &'a str,
    /// Whether the address is the hub's, whose ETags are hashes.
    pub is_hub: bool,
}

/// How one try ended.
enum Try {
    /// The part file is whole; with the hash that the server announced.
    Whole(Option<String>),
    /// Worth another try.
    Again(String),
    /// Not worth another try at this source.
    Stop(Attempt),
}

impl From<super::StoreError> for Try {
    fn from(error: super::StoreError) -> Self {
        Try::Stop(Attempt::Fatal(error))
    }
}

/// A retry counts from anew after this much progress.
const PROGRESS: u64 = 1 << 20;

/// Bytes that extend an answer's deadline.
const PACE: u64 = 64 << 10;

/// Downloads into `slot`, going on from its part file, and gives the file its final name.
///
/// Returns the file's sha256.
pub(super) fn download(
    settings: &Settings,
    web: &Web,
    what: &Download<'_>,
    slot: &Slot<'_>,
    progress: &mut dyn Progress,
) -> Result<String, Attempt> {
    let (mut failures, mut best, mut fresh) = (0, slot.part_bytes(), slot.part_bytes() == 0);
    loop {
        let reason = match attempt(settings, web, what, slot, progress) {
            Try::Whole(announced) => match slot.finish(announced.as_deref(), progress) {
                // The bytes of an earlier run may have come from elsewhere: once more, from zero.
                Err(Attempt::Next(reason)) if !fresh => {
                    progress.note(&format!("{reason}; starting over"));
                    fresh = true;
                    continue;
                }
                done => return done,
            },
            Try::Stop(attempt) => return Err(attempt),
            Try::Again(reason) => reason,
        };
        let have = slot.part_bytes();
        if have >= best.saturating_add(PROGRESS) {
            (failures, best) = (0, have);
        }
        if failures >= settings.retries {
            return Err(Attempt::Next(format!(
                "{reason}; gave up after {} tries ({have} bytes are kept in {}, the next run goes on from there)",
                failures + 1,
                slot.part.display()
            )));
        }
        progress.note(&format!("{}: {reason}; trying again", slot.entry.path));
        pause(
            settings.backoff.saturating_mul(1 << failures.min(6)),
            slot,
            progress,
        )?;
        failures += 1;
    }
}

fn pause(time: Duration, slot: &Slot<'_>, progress: &mut dyn Progress) -> Result<(), Attempt> {
    let mut left = time;
    while !left.is_zero() {
        if progress.cancelled() {
            return Err(slot.cancelled());
        }
        let step = left.min(Duration::from_millis(100));
        std::thread::sleep(step);
        left -= step;
    }
    Ok(())
}

/// How many bytes of the part file can be kept, and the ETag that the server should compare.
fn resumable(slot: &Slot<'_>, note: &PartNote, url: &str) -> (u64, Option<String>) {
    let have = slot.part_bytes();
    let same = note.url == url;
    match (&note.etag, &slot.entry.sha256) {
        (Some(etag), _) if same => (have, Some(etag.clone())),
        // Without an ETag the hash at the end still tells; without either, start over.
        (_, Some(_)) => (have, None),
        _ => (0, None),
    }
}

fn attempt(
    settings: &Settings,
    web: &Web,
    what: &Download<'_>,
    slot: &Slot<'_>,
    progress: &mut dyn Progress,
) -> Try {
    let note = slot.read_note();
    let (mut have, etag) = resumable(slot, &note, what.url);
    let known = slot
        .entry
        .bytes
        .or(note.total.filter(|_| note.url == what.url));
    if have > 0 && known == Some(have) {
        return Try::Whole(note.announced);
    }
    if known.is_some_and(|known| have > known) {
        have = 0;
    }
    let mut headers = vec![("accept-encoding", "identity".to_owned())];
    if have > 0 {
        headers.push(("range", format!("bytes={have}-")));
        headers.extend(etag.map(|etag| ("if-range", etag)));
    }
    let mut answer = match web.get(what, &headers) {
        Ok(answer) => answer,
        Err(NoAnswer {
            reason,
            lasting: true,
        }) => return Try::Stop(Attempt::Next(reason)),
        Err(NoAnswer {
            reason,
            lasting: false,
        }) => return Try::Again(reason),
    };
    if let Some(packed) = answer.packed() {
        return Try::Stop(Attempt::Next(format!(
            "{} answered with '{packed}', which was not asked for",
            plain(&answer.url)
        )));
    }
    let (offset, total) = match accept(&answer, what, slot, have) {
        Ok(found) => found,
        Err(stop) => return stop,
    };
    let fresh = PartNote {
        url: what.url.to_owned(),
        etag: answer
            .header("etag")
            .filter(|e| e.starts_with('"'))
            .map(str::to_owned),
        total,
        announced: answer.announced.clone(),
    };
    match receive(
        &mut answer,
        &fresh,
        offset,
        slot,
        settings.pace_timeout,
        progress,
    ) {
        Ok(()) => Try::Whole(fresh.announced),
        Err(end) => end,
    }
}

/// Judges the answer's head: from which byte it starts and how long the whole file is.
fn accept(
    answer: &Answer,
    what: &Download<'_>,
    slot: &Slot<'_>,
    have: u64,
) -> Result<(u64, Option<u64>), Try> {
    let stop = |reason: String| Err(Try::Stop(Attempt::Next(reason)));
    let (offset, total) = match answer.status {
        200 => (0, answer.length),
        206 => match answer.header("content-range").and_then(content_range) {
            Some((start, total)) if start == have && have > 0 => (start, total),
            _ => {
                slot.discard()?;
                return Err(Try::Again(
                    "the server sent another range than asked for".into(),
                ));
            }
        },
        416 if have > 0 => {
            slot.discard()?;
            return Err(Try::Again(
                "the server does not know the rest of the part file".into(),
            ));
        }
        401 | 403 => {
            return stop(format!(
                "access refused (HTTP {}{}): {}",
                answer.status,
                answer.said(),
                what.refused
            ));
        }
        404 | 410 => {
            return stop(format!(
                "not there (HTTP {}{}): {}",
                answer.status,
                answer.said(),
                plain(&answer.url)
            ));
        }
        status @ (408 | 425 | 429 | 500..=599) => {
            return Err(Try::Again(format!(
                "HTTP {status}{} from {}",
                answer.said(),
                plain(&answer.url)
            )));
        }
        status => {
            return stop(format!(
                "HTTP {status}{} from {}",
                answer.said(),
                plain(&answer.url)
            ));
        }
    };
    if let (Some(expected), Some(total)) = (answer.linked_size, total)
        && expected != total
    {
        return stop(format!(
            "{} has {total} bytes there, but the hub announced {expected}",
            slot.entry.path
        ));
    }
    let total = total.or(answer.linked_size);
    let most = slot.most_bytes();
    if let Some(total) = total.filter(|total| slot.entry.bytes.is_none() && *total > most) {
        return stop(format!(
            "{} has {total} bytes there, at most {most} are fetched of a file whose size is not known beforehand",
            slot.entry.path
        ));
    }
    if let (Some(expected), Some(total)) = (slot.entry.bytes, total)
        && expected != total
    {
        return stop(format!(
            "{} has {total} bytes there, expected {expected}",
            slot.entry.path
        ));
    }
    Ok((offset, total))
}

/// `bytes 5-9/10` as (5, Some(10)); the total may be `*`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    Some((start, total.parse().ok()))
}

fn receive(
    answer: &mut Answer,
    note: &PartNote,
    offset: u64,
    slot: &Slot<'_>,
    pace: Duration,
    progress: &mut dyn Progress,
) -> Result<(), Try> {
    let mut part = slot.open_part(offset)?;
    slot.write_note(note)?;
    let known = slot.entry.bytes.or(note.total);
    let most = known.unwrap_or_else(|| slot.most_bytes());
    let (mut mark, mut since) = (offset, Instant::now());
    let (mut done, mut block) = (offset, vec![0; 128 * 1024]);
    slot.tell(progress, Stage::Transfer, done, known);
    loop {
        let n = match answer.body.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) => {
                return Err(Try::Again(format!(
                    "the connection broke after {done} bytes: {e}"
                )));
            }
        };
        done += n as u64;
        if done >= mark + PACE {
            (mark, since) = (done, Instant::now());
        } else if since.elapsed() > pace {
            return Err(Try::Again(format!(
                "the server sent {} bytes in {} s, which is no progress",
                done - mark,
                pace.as_secs()
            )));
        }
        if done > most {
            drop(part);
            slot.discard()?;
            let reason =
                format!("the server sent more than the expected {most} bytes; they were not kept");
            return Err(Try::Stop(Attempt::Next(reason)));
        }
        part.write_all(block.get(..n).unwrap_or_default())
            .map_err(|e| super::StoreError::disk(&slot.part, "write", e))?;
        slot.tell(progress, Stage::Transfer, done, known);
        if progress.cancelled() {
            return Err(Try::Stop(slot.cancelled()));
        }
    }
    match known {
        Some(known) if done < known => Err(Try::Again(format!(
            "the connection ended after {done} of {known} bytes"
        ))),
        _ => Ok(()),
    }
}

/// An address without its query, which may hold a signature that is nobody's business.
fn plain(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// Whether `url` may see a token meant for `owner`.
pub(super) fn may_see_token(url: &str, owner: &str) -> bool {
    origin(url).is_some() && origin(url) == origin(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_origin_sees_the_token() {
        let hub = "https://hub.test";
        assert!(may_see_token("https://hub.test/a/b", hub));
        assert!(may_see_token("https://HUB.test:443/a", hub));
        for other in [
            "http://hub.test/a",
            "https://hub.test:8443/a",
            "https://cdn.hub.test/a",
            "https://hub.test.evil/a",
            "https://hub.test@evil/a",
            "nonsense",
        ] {
            assert!(!may_see_token(other, hub), "{other}");
        }
    }

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("items 5-9/10"), None);
        assert_eq!(content_range("bytes */10"), None);
    }
}
