//! Authorisation: the checks on a request's head, before the server reads its body.
//!
//! Every web page in the user's browser can reach a node on loopback. Therefore the server refuses foreign names in
//! `Host` (DNS rebinding) and requests from pages of other sites (`Origin`). Calls need the cookie, which no page can
//! read, and from a browser also a content type that no form can send. The server allows no other origin, but for one path
//! of test chains: the wall of a class reads [`WALL_PATH`] of all nodes on this machine (`rpc/wall.rs` says why that is safe).

use std::net::{IpAddr, SocketAddr};

use crate::rpc::{
    http::{Head, Method, Response, Status},
    rights::Right,
    tokens::Tokens,
};

/// The user name in front of the cookie.
pub const COOKIE_USER: &str = "__cookie__";

/// Checks request heads.
pub struct Gate {
    listen: SocketAddr,
    expected: String,
    /// Further names in `Host` that are this server's.
    names: Vec<String>,
    tokens: Tokens,
    /// Whether pages of other nodes on this machine may read [`WALL_PATH`].
    has_wall: bool,
}

/// The digits of base64.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes of a request's body without credentials.
const OPEN_BODY_BYTES: usize = 1024 * 1024;
/// Paths without secrets that any name may ask for, as monitors and orchestrators do.
/// What a page of another server on this machine may read of a node of a test chain.
pub(super) const WALL_PATH: &str = "/api/wall";
pub(super) const PUBLIC_PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

impl Gate {
    /// A gate for a server that is bound to `listen`, accepts this cookie (hex) and these tokens, and also has these names.
    pub fn new(listen: SocketAddr, cookie: &str, names: Vec<String>, tokens: Tokens) -> Self {
        Self { listen, expected: base64(format!("{COOKIE_USER}:{cookie}").as_bytes()), names, tokens, has_wall: false }
    }

    /// The same, on a test chain with a wall.
    pub fn with_wall(self, has_wall: bool) -> Self {
        Self { has_wall, ..self }
    }

    /// Accepts a head and says what its sender may do, or returns the refusal.
    pub fn check(&self, head: &Head) -> Result<Right, Response> {
        self.check_origin(head)?;
        let (allowed, allow, text) = match (head.path.as_str(), head.method) {
            ("/rpc", method) => (method == Method::Post, "POST", "calls are POST requests"),
            // Clients made for Bitcoin Core call here.
            ("/", method) => (method != Method::Other, "GET, HEAD, POST", "read the page, or POST a call"),
            (_, method) => (matches!(method, Method::Get | Method::Head), "GET, HEAD", "this is only for reading"),
        };
        if !allowed {
            return Err(Response::error(Status::MethodNotAllowed, text).with("Allow", allow));
        }
        if head.method == Method::Post { self.check_call(head) } else { check_open_body(head).map(|()| Right::Read) }
    }

    fn check_origin(&self, head: &Head) -> Result<(), Response> {
        let forbidden = |text: &str| Err(Response::error(Status::Forbidden, text));
        let Some(host) = &head.host else {
            // No browser sends HTTP/1.0 without a Host field.
            return if head.origin.is_none() { Ok(()) } else { forbidden("an Origin field without a Host field") };
        };
        if !self.is_own_host(host) && !PUBLIC_PATHS.contains(&head.path.as_str()) {
            return forbidden("the Host field names another host; use 127.0.0.1 or localhost, or run with --http-name");
        }
        // A link of another site may lead to the page, but what a site embeds gets no answers, and costs nothing.
        if self.is_of_wall(head, host) {
            return Ok(());
        }
        if head.from_other_site && (head.method == Method::Post || head.path.starts_with("/api")) {
            return forbidden("a page of another site sent this request");
        }
        match &head.origin {
            Some(origin) if !self.is_own_origin(origin, host) => forbidden("a page of another site sent this request"),
            _ => Ok(()),
        }
    }

    /// Whether a page of a server on this machine wants to read what a wall shows. Such a page names its origin; what it embeds
    /// does not. Its name is no name that DNS could rebind, so no page from elsewhere has it.
    fn is_of_wall(&self, head: &Head, host: &str) -> bool {
        let is_local = |origin: &str| origin.strip_prefix("http://").is_some_and(is_this_machine);
        self.has_wall
            && head.method == Method::Get
            && head.path == WALL_PATH
            && is_this_machine(host)
            && head.origin.as_deref().is_some_and(is_local)
    }

    /// Whether `host` is loopback or the address that the server is bound to. DNS cannot rebind a numeric address, so a
    /// server on all interfaces accepts any of them. The port does not matter: it may be forwarded.
    fn is_own_host(&self, host: &str) -> bool {
        let name = without_port(host);
        if name.eq_ignore_ascii_case("localhost") || self.has_name(name) {
            return true;
        }
        let digits = name.trim_start_matches('[').trim_end_matches(']');
        let Ok(ip) = digits.parse::<IpAddr>() else { return false };
        ip.is_loopback() || ip == self.listen.ip() || self.listen.ip().is_unspecified()
    }

    fn has_name(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a page of `origin` came from this server. A proxy under a name of ours may have added TLS.
    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let is = |scheme: &str| origin.eq_ignore_ascii_case(&format!("{scheme}://{host}"));
        is("http") || is("https") && self.has_name(without_port(host))
    }

    /// What the sender of these credentials may do; `None`: nobody knows them.
    fn right(&self, authorization: &str) -> Option<Right> {
        let (scheme, rest) = authorization.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.tokens.right(None, rest);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        if equal(rest.as_bytes(), self.expected.as_bytes()) {
            return Some(Right::Own);
        }
        let text = String::from_utf8(unbase64(rest)?).ok()?;
        let (name, secret) = text.split_once(':')?;
        self.tokens.right(Some(name), secret)
    }

    fn check_call(&self, head: &Head) -> Result<Right, Response> {
        let given = head.authorization.as_deref();
        let Some(right) = given.and_then(|given| self.right(given)) else {
            check_open_body(head)?;
            let text = match given {
                None => "calls need the content of the file rpc.cookie as HTTP Basic credentials, or a token",
                Some(_) => {
                    "these are neither the credentials in rpc.cookie, which is new after each start, nor a token"
                }
            };
            let challenge = "Basic realm=\"tussock\", charset=\"UTF-8\"";
            return Err(Response::error(Status::Unauthorized, text).with("WWW-Authenticate", challenge));
        };
        // Browsers that name no origin may hide a form of a foreign page, which cannot send this type.
        let media = head.content_type.as_deref().unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if head.by_browser && head.origin.is_none() && !media.eq_ignore_ascii_case("application/json") {
            return Err(Response::error(Status::MediaType, "calls are of type application/json"));
        }
        Ok(right)
    }
}

fn check_open_body(head: &Head) -> Result<(), Response> {
    match head.length <= OPEN_BODY_BYTES {
        true => Ok(()),
        false => Err(Response::error(Status::BodyTooLarge, "without credentials, a body has at most 1 MiB")),
    }
}

/// Whether `HOST:PORT` is this machine, by a name that cannot stand for another one.
pub(super) fn is_this_machine(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(without_port(host)))
}

pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // An IPv6 address has its colons within brackets.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Compares in a time that does not depend on where the first difference is.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| std::hint::black_box(difference | (a ^ b)));
    a.len() == b.len() && difference == 0
}

/// The bytes of a text in base64 with or without padding (RFC 4648); `None`: it is none.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            let value = ALPHABET.iter().position(|known| known == digit)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bits <<= 6 * (4 - group.len());
        let whole = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=whole]);
    }
    Some(bytes)
}

/// Base64 with padding (RFC 4648).
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: Method, path: &str) -> Head {
        Head {
            method,
            path: path.to_owned(),
            query: String::new(),
            host: Some("127.0.0.1:3030".to_owned()),
            origin: None,
            authorization: None,
            content_type: Some("application/json".to_owned()),
            if_none_match: None,
            last_event_id: None,
            wants_events: false,
            length: 0,
            keep_alive: true,
            expects_continue: false,
            by_browser: false,
            from_other_site: false,
        }
    }

    fn gate(listen: &str) -> Gate {
        let tokens = Tokens::new("/nonexistent/tokens.json".into());
        Gate::new(listen.parse().unwrap(), "00ff", vec!["node.example".to_owned()], tokens)
    }

    fn status(head: &Head) -> u16 {
        gate("127.0.0.1:3030").check(head).map_or_else(|response| response.status.code(), |_| 200)
    }

    #[test]
    fn base64_of_the_rfc_s_examples() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(unbase64(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn calls_need_the_cookie_and_nothing_but_the_cookie() {
        let mut call = head(Method::Post, "/rpc");
        assert_eq!(status(&call), 401);
        for (credentials, expected) in [
            (format!("Basic {}", base64(b"__cookie__:00ff")), 200),
            (format!("basic  {}", base64(b"__cookie__:00ff")), 200),
            (format!("Basic {}", base64(b"__cookie__:00fe")), 401),
            (format!("Basic {}", base64(b"__cookie__:00f")), 401),
            (format!("Basic {}", base64(b"__cookie__:00ff0")), 401),
            (format!("Bearer {}", base64(b"__cookie__:00ff")), 401),
            ("Basic".to_owned(), 401),
            ("Basic ".to_owned(), 401),
        ] {
            call.authorization = Some(credentials.clone());
            assert_eq!(status(&call), expected, "{credentials}");
        }
        let refused = gate("127.0.0.1:1").check(&head(Method::Post, "/rpc")).unwrap_err();
        assert!(refused.fields.iter().any(|(name, _)| *name == "WWW-Authenticate"));
        assert!(!String::from_utf8(refused.body).unwrap().contains("00ff"));
    }

    #[test]
    fn a_form_cannot_make_a_call_and_a_program_need_not_name_the_type() {
        let mut call = head(Method::Post, "/rpc");
        call.authorization = Some(format!("Basic {}", base64(b"__cookie__:00ff")));
        for (media, expected) in [
            (Some("application/json; charset=utf-8"), 200),
            (Some("text/plain"), 415),
            (Some("application/x-www-form-urlencoded"), 415),
            (None, 415),
        ] {
            call.content_type = media.map(str::to_owned);
            call.by_browser = true;
            assert_eq!(status(&call), expected, "{media:?}");
            call.by_browser = false;
            assert_eq!(status(&call), 200, "{media:?}");
        }
    }

    #[test]
    fn calls_may_have_any_type_unless_a_page_of_another_site_sends_them() {
        let mut call = head(Method::Post, "/");
        call.authorization = Some(format!("Basic {}", base64(b"__cookie__:00ff")));
        call.content_type = Some("text/plain".to_owned());
        assert_eq!(status(&call), 200, "clients of Bitcoin Core call at /");
        let own = Head { origin: Some("http://127.0.0.1:3030".to_owned()), by_browser: true, ..call.clone() };
        assert_eq!(status(&own), 200);
        let foreign = Head { origin: Some("http://evil.example".to_owned()), by_browser: true, ..call.clone() };
        assert_eq!(status(&foreign), 403);
        let json = Some("application/json".to_owned());
        assert_eq!(status(&Head { from_other_site: true, by_browser: true, content_type: json, ..call }), 403);
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let host = |listen: &str, host: &str| {
            let head = Head { host: Some(host.to_owned()), ..head(Method::Get, "/api/status") };
            gate(listen).check(&head).is_ok()
        };
        for own in ["localhost", "LOCALHOST:3030", "127.0.0.1", "127.1.2.3:9", "[::1]:3030", "[::1]"] {
            assert!(host("127.0.0.1:3030", own), "{own}");
        }
        for other in ["evil.example", "evil.example:3030", "localhost.evil.example", "10.0.0.1:3030", "", "[::2]:1"] {
            assert!(!host("127.0.0.1:3030", other), "{other}");
        }
        assert!(host("10.0.0.1:3030", "10.0.0.1:8080"));
        assert!(host("0.0.0.0:3030", "10.0.0.1:8080") && !host("0.0.0.0:3030", "evil.example"));
    }

    #[test]
    fn further_names_are_answered_and_health_is_told_under_any_name() {
        let host = |host: &str, path: &str| status(&Head { host: Some(host.to_owned()), ..head(Method::Get, path) });
        assert_eq!(host("node.example", "/api/status"), 200);
        assert_eq!(host("NODE.example:8080", "/"), 200);
        assert_eq!(host("other.example", "/api/status"), 403);
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(host("other.example:3030", path), 200, "{path}");
        }
        let from = |origin: &str, host: &str| {
            let (host, origin) = (Some(host.to_owned()), Some(origin.to_owned()));
            status(&Head { host, origin, ..head(Method::Get, "/api/status") })
        };
        assert_eq!(from("https://node.example", "node.example"), 200, "a proxy may add TLS");
        assert_eq!(from("https://evil.example", "node.example"), 403);
    }

    #[test]
    fn bodies_are_small_without_credentials_and_as_large_as_a_block_with_them() {
        let long = |length, head: Head| status(&Head { length, ..head });
        let mut call = head(Method::Post, "/rpc");
        assert_eq!(long(OPEN_BODY_BYTES, call.clone()), 401);
        assert_eq!(long(OPEN_BODY_BYTES + 1, call.clone()), 413);
        assert_eq!(long(OPEN_BODY_BYTES + 1, head(Method::Get, "/api/status")), 413);
        call.authorization = Some(format!("Basic {}", base64(b"__cookie__:00ff")));
        assert_eq!(long(2 * OPEN_BODY_BYTES, call), 200);
    }

    #[test]
    fn pages_of_other_sites_are_refused_even_for_reading() {
        for (origin, expected) in [
            ("http://127.0.0.1:3030", 200),
            ("http://evil.example", 403),
            ("null", 403),
            ("https://127.0.0.1:3030", 403),
            ("http://127.0.0.1:3031", 403),
        ] {
            let head = Head { origin: Some(origin.to_owned()), ..head(Method::Get, "/api/status") };
            assert_eq!(status(&head), expected, "{origin}");
        }
    }

    #[test]
    fn what_another_site_embeds_is_refused_and_its_links_to_the_page_work() {
        let embedded =
            |path: &str| status(&Head { from_other_site: true, by_browser: true, ..head(Method::Get, path) });
        assert_eq!(["/api/watch", "/api/status", "/api"].map(embedded), [403; 3]);
        assert_eq!(["/", "/healthz"].map(embedded), [200; 2]);
    }

    #[test]
    fn a_page_of_this_machine_reads_the_wall_of_a_test_chain_and_nothing_else() {
        let ask = |head: Head| {
            let allowed = |has_wall| gate("127.0.0.1:3030").with_wall(has_wall).check(&head).is_ok();
            (allowed(true), allowed(false))
        };
        let from = |origin: &str, path: &str| {
            let (origin, path) = (Some(origin.to_owned()), path.to_owned());
            Head { origin, path, from_other_site: true, by_browser: true, ..head(Method::Get, "/") }
        };
        for origin in ["http://127.0.0.1:3031", "http://localhost:1", "http://[::1]:3031", "http://127.0.0.1"] {
            assert_eq!(ask(from(origin, "/api/wall")), (true, false), "{origin}");
            for path in ["/api/status", "/api/wall/", "/api/summary", "/api/wallet", "/metrics", "/"] {
                assert_eq!(ask(from(origin, path)), (false, false), "{origin} {path}");
            }
            let post = Head { method: Method::Post, ..from(origin, "/api/wall") };
            assert_eq!(ask(post), (false, false), "{origin}");
            for host in ["10.0.0.1:3030", "evil.example", "node.example:80"] {
                let head = Head { host: Some(host.to_owned()), ..from(origin, "/api/wall") };
                assert_eq!(ask(head), (false, false), "{origin} at {host}");
            }
        }
        for origin in [
            "null",
            "http://evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example:3030",
            "http://127.0.0.2:3030",
            "http://10.0.0.1:3030",
            "https://127.0.0.1:3031",
            "http://127.0.0.1:x",
            "file://",
            "",
        ] {
            assert_eq!(ask(from(origin, "/api/wall")), (false, false), "{origin}");
        }
        let embedded = Head { origin: None, ..from("", "/api/wall") };
        assert_eq!(ask(embedded), (false, false), "what a page embeds names no origin");
    }

    #[test]
    fn state_changes_only_by_calls() {
        assert_eq!(status(&head(Method::Get, "/rpc")), 405);
        assert_eq!(status(&head(Method::Other, "/rpc")), 405);
        assert_eq!(status(&head(Method::Post, "/api/status")), 405);
        assert_eq!(status(&head(Method::Other, "/")), 405);
        assert_eq!(status(&head(Method::Post, "/")), 401);
        assert_eq!(status(&head(Method::Head, "/")), 200);
    }
}
