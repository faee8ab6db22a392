//! Responses: status, header fields and body. Every response has the fields that protect browsers.

/// The status codes that this server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200.
    Ok,
    /// 204: the answer to notifications.
    NoContent,
    /// 302: what is asked for is a view of the page.
    Found,
    /// 304: the client has it already.
    NotModified,
    /// 400.
    BadRequest,
    /// 401: no or wrong credentials.
    Unauthorized,
    /// 403: a request from a foreign page, or for a foreign host.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 408: the request was not complete in time.
    Timeout,
    /// 411.
    LengthRequired,
    /// 413.
    BodyTooLarge,
    /// 415.
    MediaType,
    /// 431.
    HeadTooLarge,
    /// 500.
    Internal,
    /// 503: too much at once, or not ready.
    Unavailable,
}

impl Status {
    /// The number.
    pub fn code(self) -> u16 {
        self.line().0
    }

    fn line(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::NoContent => (204, "No Content"),
            Self::Found => (302, "Found"),
            Self::NotModified => (304, "Not Modified"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::Timeout => (408, "Request Timeout"),
            Self::LengthRequired => (411, "Length Required"),
            Self::BodyTooLarge => (413, "Content Too Large"),
            Self::MediaType => (415, "Unsupported Media Type"),
            Self::HeadTooLarge => (431, "Request Header Fields Too Large"),
            Self::Internal => (500, "Internal Server Error"),
            Self::Unavailable => (503, "Service Unavailable"),
        }
    }
}

/// The type of JSON bodies.
pub const JSON: &str = "application/json";
/// The type of the page.
pub const HTML: &str = "text/html; charset=utf-8";
/// The type that Prometheus asks for.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The policy of responses that have no policy of their own: they may not run, load or be framed.
const CLOSED_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: Status,
    /// The body's type.
    pub content_type: &'static str,
    /// Further header fields.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection ends after this answer.
    pub close: bool,
}

impl Response {
    /// An answer with a body.
    pub fn new(status: Status, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, fields: Vec::new(), body: body.into(), close: false }
    }

    /// JSON text.
    pub fn json(status: Status, text: impl Into<Vec<u8>>) -> Self {
        Self::new(status, JSON, text)
    }

    /// `{"error": …}`.
    pub fn error(status: Status, text: &str) -> Self {
        Self::json(status, serde_json::json!({ "error": text }).to_string())
    }

    /// With another header field.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Lets caches keep the response for ever, under an entity tag.
    pub fn immutable(self, tag: &str) -> Self {
        self.with("ETag", tag).with("Cache-Control", "public, max-age=31536000, immutable")
    }

    /// The encoded response. `head_only` leaves the body out, but not its length.
    pub(super) fn encode(&self, head_only: bool, keep_alive: bool) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n", self.body.len());
        let mut bytes = self.head(&length, !self.body.is_empty(), keep_alive);
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    /// The head of an answer that ends with the connection.
    pub(super) fn encode_head(&self) -> Vec<u8> {
        self.head("", true, false)
    }

    fn head(&self, length: &str, has_body: bool, keep_alive: bool) -> Vec<u8> {
        let (code, reason) = self.status.line();
        let mut head = format!("HTTP/1.1 {code} {reason}\r\n{length}");
        let mut field = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        if has_body {
            field("Content-Type", self.content_type);
        }
        field("X-Content-Type-Options", "nosniff");
        field("X-Frame-Options", "DENY");
        field("Referrer-Policy", "no-referrer");
        field("Cross-Origin-Resource-Policy", "same-origin");
        let has = |name: &str| self.fields.iter().any(|(own, _)| *own == name);
        if !has("Content-Security-Policy") {
            field("Content-Security-Policy", CLOSED_POLICY);
        }
        if !has("Cache-Control") {
            field("Cache-Control", "no-store");
        }
        self.fields.iter().for_each(|(name, value)| field(name, value));
        field("Connection", if keep_alive { "keep-alive" } else { "close" });
        head.push_str("\r\n");
        head.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_carries_the_fields_that_protect_browsers() {
        let text = String::from_utf8(Response::json(Status::Ok, "{}").encode(false, true)).unwrap();
        for field in [
            "Content-Length: 2\r\n",
            "X-Content-Type-Options: nosniff\r\n",
            "X-Frame-Options: DENY\r\n",
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n",
            "Cache-Control: no-store\r\n",
            "Connection: keep-alive\r\n\r\n{}",
        ] {
            assert!(text.contains(field), "{field} in {text}");
        }
        assert!(!text.to_lowercase().contains("access-control"), "no origin is let in: {text}");
    }

    #[test]
    fn a_head_request_is_told_the_length_only() {
        let text = String::from_utf8(Response::json(Status::Ok, "{}").encode(true, false)).unwrap();
        assert!(text.contains("Content-Length: 2\r\n") && text.ends_with("Connection: close\r\n\r\n"));
    }
}
