//! The head of a request: its parsing, and which heads are refused.

use crate::{
    base::limits,
    rpc::http::response::{Response, Status},
};

/// Bytes of a request's head.
pub const HTTP_HEAD_BYTES: usize = 8 * 1024;
/// Bytes of a request's body: `submitblock` with the largest block in hex.
pub const HTTP_BODY_BYTES: usize = 2 * limits::MAX_BLOCK_MESSAGE_BYTES + 4096;

/// Header fields in one request; browsers send about fifteen.
const MAX_FIELDS: usize = 48;

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// Any other, which every path refuses.
    Other,
}

/// A request's first line and the header fields that this server uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path, as sent.
    pub path: String,
    /// The query, without the question mark; empty if there is none.
    pub query: String,
    /// `Host`.
    pub host: Option<String>,
    /// `Origin`.
    pub origin: Option<String>,
    /// `Authorization`.
    pub authorization: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `Last-Event-ID`.
    pub last_event_id: Option<String>,
    /// Whether `Accept` names server-sent events.
    pub wants_events: bool,
    /// `Content-Length`; 0 if there is none.
    pub length: usize,
    /// Whether the connection may serve another request.
    pub keep_alive: bool,
    /// Whether the sender waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Whether a web page may have sent it: it has a field that only browsers send, or a browser's name.
    pub by_browser: bool,
    /// Whether the browser says that a page of another site sent it (`Sec-Fetch-Site`).
    pub from_other_site: bool,
}

/// The result of parsing the bytes so far.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Not complete yet.
    Partial,
    /// A head, and its length in bytes.
    Complete(Box<Head>, usize),
    /// A refused request; the response.
    Refused(Box<Response>),
}

/// Reads a request's head.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(used)) if used <= HTTP_HEAD_BYTES => match interpret(&request) {
            Ok(head) => Parsed::Complete(Box::new(head), used),
            Err(response) => Parsed::Refused(Box::new(response)),
        },
        Ok(httparse::Status::Partial) if bytes.len() < HTTP_HEAD_BYTES => Parsed::Partial,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            Parsed::Refused(Box::new(Response::error(Status::HeadTooLarge, "the request's head is too large")))
        }
        Err(error) => {
            Parsed::Refused(Box::new(Response::error(Status::BadRequest, &format!("not an HTTP request: {error}"))))
        }
    }
}

fn interpret(request: &httparse::Request<'_, '_>) -> Result<Head, Response> {
    let bad = |text: &str| Response::error(Status::BadRequest, text);
    let target = request.path.unwrap_or_default();
    if !target.starts_with('/') {
        return Err(bad("the request target must be a path"));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let version = request.version.unwrap_or(0);
    let mut head = Head {
        method: match request.method.unwrap_or_default() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => Method::Other,
        },
        path: path.to_owned(),
        query: query.to_owned(),
        host: None,
        origin: None,
        authorization: None,
        content_type: None,
        if_none_match: None,
        last_event_id: None,
        wants_events: false,
        length: 0,
        keep_alive: version == 1,
        expects_continue: false,
        by_browser: false,
        from_other_site: false,
    };
    let mut length = None;
    for field in request.headers.iter() {
        head.by_browser |= is_of_a_browser(field);
        let text = || std::str::from_utf8(field.value).map(str::trim).map_err(|_| bad("a header field is not text"));
        match field.name.to_ascii_lowercase().as_str() {
            "host" => once(&mut head.host, text()?)?,
            "origin" => once(&mut head.origin, text()?)?,
            "authorization" => once(&mut head.authorization, text()?)?,
            "content-type" => once(&mut head.content_type, text()?)?,
            "sec-fetch-site" => head.from_other_site = !matches!(text()?, "same-origin" | "none"),
            "if-none-match" => head.if_none_match = Some(text()?.to_owned()),
            "last-event-id" => once(&mut head.last_event_id, text()?)?,
            "accept" => head.wants_events = text()?.to_ascii_lowercase().contains("text/event-stream"),
            "content-length" => once(&mut length, text()?)?,
            "connection" => head.keep_alive &= !text()?.eq_ignore_ascii_case("close"),
            "expect" => head.expects_continue = text()?.eq_ignore_ascii_case("100-continue"),
            // Two ways to state the length of a body allow request smuggling.
            "transfer-encoding" => return Err(Response::error(Status::LengthRequired, "send Content-Length instead")),
            _ => {}
        }
    }
    if version == 1 && head.host.is_none() {
        return Err(bad("no Host field"));
    }
    head.length = length.as_deref().map_or(Ok(0), parse_length)?;
    Ok(head)
}

fn is_of_a_browser(field: &httparse::Header<'_>) -> bool {
    let name = field.name.to_ascii_lowercase();
    let mozilla = || field.value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"mozilla"));
    // The `fetch` of Node.js sends Sec-Fetch-Mode, but none of the other fields.
    let sec = name.starts_with("sec-") && name != "sec-fetch-mode";
    name == "origin" || name == "referer" || sec || name == "user-agent" && mozilla()
}

/// A field that matters may not come twice: a proxy and this server could pick different ones.
fn once(slot: &mut Option<String>, value: &str) -> Result<(), Response> {
    match slot.replace(value.to_owned()) {
        None => Ok(()),
        Some(_) => Err(Response::error(Status::BadRequest, "a header field comes twice")),
    }
}

fn parse_length(text: &str) -> Result<usize, Response> {
    // `str::parse` accepts a leading plus, which the grammar does not have.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Response::error(Status::BadRequest, "Content-Length is not a number"));
    }
    match text.parse() {
        Ok(length) if length <= HTTP_BODY_BYTES => Ok(length),
        _ => Err(Response::error(Status::BodyTooLarge, "the body is larger than a call with the largest block")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        match parse(text.as_bytes()) {
            Parsed::Complete(head, used) => {
                assert_eq!(used, text.len());
                *head
            }
            other => panic!("{other:?}"),
        }
    }

    fn refusal(text: &str) -> u16 {
        match parse(text.as_bytes()) {
            Parsed::Refused(response) => response.status.code(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_head_is_read_whatever_the_case_of_its_names() {
        let head =
            head("POST /rpc?a=1 HTTP/1.1\r\nhOST: x:1\r\nContent-length: 12\r\nAUTHORIZATION: Basic eA==\r\n\r\n");
        assert_eq!((head.method, head.path.as_str(), head.query.as_str()), (Method::Post, "/rpc", "a=1"));
        assert_eq!((head.host.as_deref(), head.length), (Some("x:1"), 12));
        assert_eq!(head.authorization.as_deref(), Some("Basic eA=="));
        assert!(head.keep_alive);
    }

    #[test]
    fn browsers_are_known_by_what_they_send() {
        let of_browser = |fields: &str| head(&format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n")).by_browser;
        for fields in ["Origin: null", "SEC-Fetch-Site: none", "Referer: http://x/", "User-Agent: Mozilla/5.0 (X11)"] {
            assert!(of_browser(fields), "{fields}");
        }
        assert!(!of_browser("User-Agent: curl/8.5.0\r\nAccept: */*"));
        assert!(!of_browser("User-Agent: Moz"));
        assert!(!of_browser("User-Agent: node\r\nSec-Fetch-Mode: cors"), "a program, not a page");
    }

    #[test]
    fn keep_alive_follows_version_and_connection_field() {
        assert!(!head("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(!head("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n").keep_alive);
    }

    #[test]
    fn heads_that_two_readers_could_understand_differently_are_refused() {
        assert_eq!(refusal("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), 400);
        assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n"), 400);
        assert_eq!(refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400);
        assert_eq!(refusal("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), 411);
        assert_eq!(refusal("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
        assert_eq!(refusal("\u{16}\u{3}\u{1}\u{2}"), 400);
    }

    #[test]
    fn sizes_are_refused_before_anything_is_buffered() {
        assert_eq!(refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"), 413);
        assert_eq!(refusal("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"), 413);
        let many: String = (0..50).map(|n| format!("a{n}: b\r\n")).collect();
        assert_eq!(refusal(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")), 431);
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(HTTP_HEAD_BYTES));
        assert_eq!(refusal(&long), 431);
        assert!(matches!(parse(b"GET / HT"), Parsed::Partial));
    }
}
