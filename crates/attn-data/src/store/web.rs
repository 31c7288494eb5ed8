//! One GET request, redirects included.

use super::error::Attempt;
use super::http::{Download, may_see_token};
use super::settings::Settings;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The HTTP client.
pub(super) struct Web {
    agent: ureq::Agent,
    /// For this machine's own addresses, which a configured proxy cannot reach.
    direct: ureq::Agent,
}

/// The final answer to a request.
pub(super) struct Answer {
    pub status: u16,
    /// The address that answered.
    pub url: String,
    headers: BTreeMap<String, String>,
    /// The body's length, if the server said.
    pub length: Option<u64>,
    /// The whole file's hash, if the hub itself announced it: sha256, or git's (40 digits).
    pub announced: Option<String>,
    /// The whole file's size, if the hub itself announced it.
    pub linked_size: Option<u64>,
    pub body: Box<dyn Read>,
}

impl Answer {
    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The encoding in which the body is packed, if any: none was asked for.
    pub(super) fn packed(&self) -> Option<&str> {
        self.header("content-encoding")
            .filter(|encoding| !encoding.is_empty() && *encoding != "identity")
    }

    /// What the hub said in words, ready to follow the status in a message.
    pub(super) fn said(&self) -> String {
        let text: String = self
            .header("x-error-message")
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        if text.is_empty() {
            text
        } else {
            format!(", '{text}'")
        }
    }
}

const MOST_REDIRECTS: usize = 10;

/// Why there is no answer.
pub(super) struct NoAnswer {
    pub reason: String,
    /// Whether a retry would fail for the same reason.
    pub lasting: bool,
}

impl NoAnswer {
    fn lasting(reason: String) -> Self {
        Self {
            reason,
            lasting: true,
        }
    }
}

impl Web {
    /// A client with the settings' timeouts and certificates, and the proxy of the environment.
    pub(super) fn new(settings: &Settings) -> Result<Self, Attempt> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &settings.certificates {
            let pem = fs::read(path).map_err(|e| {
                Attempt::Next(format!(
                    "SSL_CERT_FILE {}: cannot be read: {e}",
                    path.display()
                ))
            })?;
            let certificates: Vec<_> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            if certificates.is_empty() {
                let path = path.display();
                return Err(Attempt::Next(format!(
                    "SSL_CERT_FILE {path}: holds no certificates in PEM"
                )));
            }
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        let configure = |tls: TlsConfig| {
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(concat!("attention-atlas/", env!("CARGO_PKG_VERSION")))
                .timeout_connect(Some(settings.connect_timeout))
                .timeout_resolve(Some(settings.connect_timeout))
                .timeout_recv_response(Some(settings.stall_timeout))
                .timeout_per_read(Some(settings.stall_timeout))
                .timeout_per_write(Some(settings.stall_timeout))
                // A server that sends more than it said would leave the rest for the next answer.
                .max_idle_connections(0)
                .max_idle_connections_per_host(0)
                .tls_config(tls)
        };
        let tls = tls.build();
        let direct = configure(tls.clone()).proxy(None).build().new_agent();
        Ok(Self {
            agent: configure(tls).build().new_agent(),
            direct,
        })
    }

    /// Asks for an address and follows redirects.
    pub(super) fn get(
        &self,
        what: &Download<'_>,
        headers: &[(&str, String)],
    ) -> Result<Answer, NoAnswer> {
        let mut url = what.url.to_owned();
        let (mut announced, mut linked_size) = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let agent = if is_loopback(&url) {
                &self.direct
            } else {
                &self.agent
            };
            let mut request = agent.get(&url);
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some((token, _)) = what.token.filter(|(_, owner)| may_see_token(&url, owner)) {
                request = request.header("authorization", format!("Bearer {}", token.0));
            }
            let response = request.call().map_err(|e| explain(&url, e))?;
            let (parts, body) = response.into_parts();
            let headers: BTreeMap<String, String> = parts
                .headers
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                })
                .collect();
            let status = parts.status.as_u16();
            // Of large files the hub says sha256 and size before it redirects to where they lie; of
            // small ones the ETag is git's hash, also where it redirects to an address of its own.
            if what.is_hub && origin(&url) == origin(what.url) && status < 400 {
                let get = |name: &str| headers.get(name).map(String::as_str);
                let linked = get("x-linked-etag").and_then(hash_of);
                let own = get("etag").and_then(hash_of);
                announced = linked.or(announced).or(own);
                linked_size = get("x-linked-size")
                    .and_then(|size| size.parse().ok())
                    .or(linked_size);
            }
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let to = headers
                    .get("location")
                    .map(String::as_str)
                    .unwrap_or_default();
                url = join(&url, to).ok_or_else(|| {
                    let to = to.split('?').next().unwrap_or_default();
                    NoAnswer::lasting(format!(
                        "redirect from {} to '{to}' cannot be followed",
                        what.url
                    ))
                })?;
                continue;
            }
            let length = headers
                .get("content-length")
                .and_then(|text| text.parse().ok());
            let body = Box::new(body.into_reader());
            return Ok(Answer {
                status,
                url,
                headers,
                length,
                announced,
                linked_size,
                body,
            });
        }
        Err(NoAnswer::lasting(format!(
            "redirects from {} do not end",
            what.url
        )))
    }
}

/// `"<64 hex digits>"` (sha256) or `"<40 hex digits>"` (git's), weak or strong, as the digits.
fn hash_of(etag: &str) -> Option<String> {
    let text = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
    (matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| text.to_lowercase())
}

fn explain(url: &str, error: ureq::Error) -> NoAnswer {
    let host = origin(url).map_or_else(|| url.to_owned(), |(_, host, _)| host);
    let reason = match error {
        ureq::Error::HostNotFound => {
            format!("cannot reach {host}: no such host (is there a network?)")
        }
        ureq::Error::Io(e)
            if matches!(
                e.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            ) =>
        {
            format!("cannot reach {host}: {e}")
        }
        ureq::Error::Rustls(e) => {
            format!("no secure connection to {host}: {e} (SSL_CERT_FILE names other certificates)")
        }
        ureq::Error::Protocol(e) => {
            let reason = format!(
                "{host} answered with something that is not HTTP ({e}): a proxy, a login page or \
                 another program may answer there"
            );
            return NoAnswer {
                reason,
                lasting: false,
            };
        }
        ureq::Error::BadUri(e) => format!("the address {url} is broken: {e}"),
        ureq::Error::Http(e) => format!("the address {url} cannot be asked for: {e}"),
        other => {
            let reason = format!("no answer from {host}: {other}");
            return NoAnswer {
                reason,
                lasting: false,
            };
        }
    };
    NoAnswer::lasting(reason)
}

/// Scheme, lower-case host and port of an absolute http(s) address.
pub(super) fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    Some((
        scheme,
        uri.host()?.to_ascii_lowercase(),
        uri.port_u16().unwrap_or(default),
    ))
}

fn is_loopback(url: &str) -> bool {
    origin(url).is_some_and(|(_, host, _)| {
        host == "localhost"
            || host == "[::1]"
            || host
                .parse()
                .is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
    })
}

/// Where a redirect leads: an absolute address, `//host/path`, `/path` or a relative path. From
/// https to http it is not followed.
fn join(base: &str, to: &str) -> Option<String> {
    let uri: Uri = base.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let to = to.split('#').next().filter(|to| !to.is_empty())?;
    let url = if to.contains("://") && !to.starts_with('/') {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else {
        let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{to}")
    };
    let (new, ..) = origin(&url)?;
    (scheme != "https" || new == "https").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_of_every_form_are_joined() {
        let base = "https://hub.test:8443/a/b?x=1";
        assert_eq!(
            join(base, "/c?d").as_deref(),
            Some("https://hub.test:8443/c?d")
        );
        assert_eq!(
            join(base, "c").as_deref(),
            Some("https://hub.test:8443/a/c")
        );
        assert_eq!(
            join(base, "//cdn.test/c").as_deref(),
            Some("https://cdn.test/c")
        );
        assert_eq!(
            join(base, "https://cdn.test/c#f").as_deref(),
            Some("https://cdn.test/c")
        );
        assert_eq!(join(base, "http://cdn.test/c"), None, "from https to http");
        assert_eq!(join(base, "file:///etc/passwd"), None);
        assert_eq!(join(base, ""), None);
    }

    #[test]
    fn loopback_is_known() {
        assert!(is_loopback("http://127.0.0.1:80/x") && is_loopback("http://[::1]/x"));
        assert!(!is_loopback("http://127.example.test/x"));
    }
}
