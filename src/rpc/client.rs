//! The client of `POST /rpc`: one request over one connection, with a deadline for the whole of it.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::rpc::auth::base64;

/// Bytes of an answer; a node never sends more.
const RPC_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// How long a client tries to connect; the node is on this host or near it.
const RPC_CONNECT: Duration = Duration::from_secs(3);
/// How long a call may take by default: longer than the node's own limit for a command.
pub(crate) const RPC_CALL: Duration = Duration::from_secs(40);

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No server answers there, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// The node is there and takes no more calls at the moment.
    #[error("{0}")]
    Busy(String),
    /// The answer did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The cookie is not the node's.
    #[error("the node does not accept the cookie")]
    Unauthorised,
    /// The answer is not one of a node.
    #[error("not an answer of a node: {0}")]
    Foreign(String),
    /// The node's own error.
    #[error("{message}")]
    Refused {
        /// The JSON-RPC code.
        code: i64,
        /// The node's message.
        message: String,
        /// What it says for programs.
        data: Value,
    },
}

/// The moment at which a caller stops waiting.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    until: Instant,
}

impl Deadline {
    /// The moment `duration` from now.
    pub fn after(duration: Duration) -> Self {
        // A century stands for ever, and no instant overflows by it.
        let century = Duration::from_secs(100 * 365 * 86_400);
        Self { until: Instant::now() + duration.min(century) }
    }

    /// The time until then.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits a moment before the next look at something that sends no event, such as a file of another process. Returns
    /// false once the deadline has passed.
    pub fn pause(&self, moment: Duration) -> bool {
        std::thread::park_timeout(moment.min(self.left()));
        !self.left().is_zero()
    }
}

/// Calls the methods of one node.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    authorization: String,
}

impl Client {
    /// A client of the node whose HTTP server listens on `address`; `cookie` is the content of its cookie file.
    pub fn new(address: SocketAddr, cookie: &str) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let authorization = format!("Basic {}", base64(cookie.trim().as_bytes()));
        Self { address: SocketAddr::new(ip, address.port()), authorization }
    }

    /// Calls a method with positional parameters.
    pub fn call(&self, method: &str, params: Value) -> Result<Value, ClientError> {
        self.call_within(method, params, RPC_CALL)
    }

    /// Calls a method that may take as long as `limit`.
    pub fn call_within(&self, method: &str, params: Value, limit: Duration) -> Result<Value, ClientError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let deadline = Deadline::after(limit);
        let mut answer = self.exchange(&body, deadline)?;
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let code = error.get("code").and_then(Value::as_i64).unwrap_or(0);
            let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
            let data = error.get("data").cloned().unwrap_or_default();
            return Err(ClientError::Refused { code, message, data });
        }
        match answer.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => Err(ClientError::Foreign("neither a result nor an error".to_owned())),
        }
    }

    /// Calls several methods in one request; the results in the same order, errors as objects with `error`.
    pub fn batch(&self, calls: Vec<(&str, Value)>) -> Result<Vec<Value>, ClientError> {
        let count = calls.len();
        let request = |(id, (method, params)): (usize, (&str, Value))| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let body = Value::Array(calls.into_iter().enumerate().map(request).collect()).to_string();
        let Value::Array(answers) = self.exchange(&body, Deadline::after(RPC_CALL))? else {
            return Err(ClientError::Foreign("no batch of answers".to_owned()));
        };
        let mut results = vec![Value::Null; count];
        for mut answer in answers {
            let id = answer.get("id").and_then(Value::as_u64).and_then(|id| usize::try_from(id).ok());
            if let Some(place) = id.and_then(|id| results.get_mut(id)) {
                *place = match answer.get_mut("result") {
                    Some(result) => result.take(),
                    None => answer,
                };
            }
        }
        Ok(results)
    }

    fn exchange(&self, body: &str, deadline: Deadline) -> Result<Value, ClientError> {
        let connect = RPC_CONNECT.min(left(deadline)?);
        let mut stream = TcpStream::connect_timeout(&self.address, connect).map_err(|error| lost(&error))?;
        let head = format!(
            "POST /rpc HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            self.authorization,
            body.len()
        );
        stream.set_write_timeout(Some(left(deadline)?)).map_err(|error| lost(&error))?;
        // A server that refuses the head may close before it has read the body. Its answer counts, not our failure.
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        match (read_answer(&mut stream, deadline), sent) {
            (Err(ClientError::Unreachable(_) | ClientError::Busy(_)), Err(error)) => Err(lost(&error)),
            (answer, _) => parse(&answer?),
        }
    }
}

fn left(deadline: Deadline) -> Result<Duration, ClientError> {
    let left = deadline.left();
    if left.is_zero() { Err(ClientError::TimedOut) } else { Ok(left) }
}

fn lost(error: &io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut,
        // Whoever accepted the connection closed it without an answer.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            ClientError::Busy("the node closed the connection".to_owned())
        }
        _ => ClientError::Unreachable(error.to_string()),
    }
}

/// Status and body of an answer.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

fn read_answer(stream: &mut TcpStream, deadline: Deadline) -> Result<Answer, ClientError> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        if let Some((status, start, length)) = head(&bytes)? {
            let end = start.saturating_add(length);
            if bytes.len() >= end {
                bytes.truncate(end);
                return Ok(Answer { status, body: bytes.split_off(start) });
            }
        }
        stream.set_read_timeout(Some(left(deadline)?)).map_err(|error| lost(&error))?;
        match stream.read(&mut piece) {
            Ok(0) if bytes.is_empty() => {
                return Err(ClientError::Busy("the node closed the connection".to_owned()));
            }
            Ok(0) => return Err(ClientError::Unreachable("the connection ended before the answer did".to_owned())),
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(&error)),
        }
    }
}

/// Status, start of the body and its length, once the head is complete.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>, ClientError> {
    let foreign = |what: &str| ClientError::Foreign(what.to_owned());
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let start = match response.parse(bytes).map_err(|error| foreign(&error.to_string()))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(start) => start,
    };
    let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse::<usize>().ok());
    match length {
        Some(length) if length <= RPC_ANSWER_BYTES => Ok(Some((response.code.unwrap_or(0), start, length))),
        Some(_) => Err(foreign("too long")),
        None => Err(foreign("of unknown length")),
    }
}

fn parse(answer: &Answer) -> Result<Value, ClientError> {
    if answer.status == 401 {
        return Err(ClientError::Unauthorised);
    }
    match serde_json::from_slice(&answer.body) {
        // The reason of a refusal may be in the body of another status, such as 503.
        Ok(value @ (Value::Object(_) | Value::Array(_))) if answer.status == 200 || value.get("jsonrpc").is_some() => {
            Ok(value)
        }
        _ if answer.status == 503 => Err(ClientError::Busy("the node takes no more calls".to_owned())),
        _ => Err(ClientError::Foreign(format!("HTTP status {}", answer.status))),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Answers one connection with these bytes in small pieces; returns what was asked.
    fn server(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            let mut piece = [0; 1024];
            while !asked.ends_with('}') {
                let count = stream.read(&mut piece).unwrap();
                asked.push_str(std::str::from_utf8(&piece[..count]).unwrap());
            }
            drop(answer.as_bytes().chunks(7).try_for_each(|piece| stream.write_all(piece)));
            asked
        });
        (address, thread)
    }

    fn call(answer: &'static str) -> (Result<Value, ClientError>, String) {
        let (address, thread) = server(answer);
        let result = Client::new(address, "__cookie__:00ff\n").call("block", json!(["tip"]));
        (result, thread.join().unwrap())
    }

    #[test]
    fn a_result_comes_back_and_the_cookie_goes_out() {
        let (result, asked) =
            call("HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"result\":[7],\"id\": 1}");
        assert_eq!(result, Ok(json!([7])));
        assert!(asked.contains("Authorization: Basic X19jb29raWVfXzowMGZm\r\n"), "{asked}");
        assert!(asked.contains("\"method\":\"block\"") && asked.contains("[\"tip\"]"), "{asked}");
    }

    #[test]
    fn errors_keep_their_code_and_refusals_their_kind() {
        let body = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n{\"error\":{\"code\":-5,\"message\":\"no such\"}}    ";
        let refused = ClientError::Refused { code: -5, message: "no such".to_owned(), data: Value::Null };
        assert_eq!(call(body).0, Err(refused));
        let body = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(call(body).0, Err(ClientError::Unauthorised));
        let full = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull";
        assert!(matches!(call(full).0, Err(ClientError::Busy(_))));
        assert!(matches!(call("").0, Err(ClientError::Busy(_))), "closed without an answer");
        assert!(matches!(call("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").0, Err(ClientError::Foreign(_))));
        assert!(matches!(call("SSH-2.0-OpenSSH\r\n\r\n").0, Err(ClientError::Foreign(_))));
        assert!(matches!(call("HTTP/1.1 200 OK\r\nContent-Len").0, Err(ClientError::Unreachable(_))));
    }

    #[test]
    fn a_free_port_is_unreachable_and_silence_times_out() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(Client::new(free, "").call("status", json!([])), Err(ClientError::Unreachable(_))));
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(silent.local_addr().unwrap(), "");
        let result = client.call_within("status", json!([]), Duration::from_millis(50));
        assert_eq!(result, Err(ClientError::TimedOut));
    }
}
