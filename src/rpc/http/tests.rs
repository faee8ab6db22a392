//! A connection that is fed bytes and told the time.

use super::*;
use crate::rpc::http::{HTTP_RESPONSE, head::HTTP_HEAD_BYTES};

const POST: &[u8] = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";

fn at(seconds: u64) -> Time {
    Time(seconds * 1_000_000)
}

fn open(connection: &mut Connection, now: Time) -> Option<Request> {
    connection.next(now, |_| Ok(()))
}

/// Takes all output.
fn flush(connection: &mut Connection, now: Time) -> String {
    let text = String::from_utf8(connection.output().to_vec()).unwrap();
    connection.wrote(now, text.len());
    text
}

#[test]
fn a_request_in_single_bytes_is_the_same_request() {
    let mut connection = Connection::new(at(0));
    for (count, byte) in POST.iter().enumerate() {
        assert!(open(&mut connection, at(0)).is_none(), "complete after {count} bytes");
        assert!(connection.room() > 0);
        connection.receive(at(0), &[*byte]);
    }
    let request = open(&mut connection, at(0)).unwrap();
    assert_eq!((request.head.path.as_str(), request.body.as_slice()), ("/rpc", b"body".as_slice()));
    assert!(connection.is_busy());
}

#[test]
fn pipelined_requests_are_answered_one_after_the_other() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), &[POST, POST, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"].concat());
    for path in ["/rpc", "/rpc", "/healthz"] {
        let request = open(&mut connection, at(0)).unwrap();
        assert_eq!(request.head.path, path);
        assert!(open(&mut connection, at(0)).is_none(), "one at a time");
        connection.respond(at(0), &Response::json(Status::Ok, "{}"));
        assert!(open(&mut connection, at(0)).is_none(), "not before the answer is written");
        assert!(flush(&mut connection, at(0)).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert!(connection.is_idle());
}

#[test]
fn pipelined_input_is_bounded() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), POST);
    open(&mut connection, at(0)).unwrap();
    while connection.room() > 0 {
        connection.receive(at(0), &vec![b'x'; connection.room().min(1000)]);
    }
    assert!(connection.reserved() <= HTTP_HEAD_BYTES);
}

#[test]
fn a_body_is_not_asked_for_before_its_head_is_accepted() {
    let mut connection = Connection::new(at(0));
    connection
        .receive(at(0), b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
    let refused = connection.next(at(0), |_| Err(Response::error(Status::Unauthorized, "no")));
    assert!(refused.is_none());
    assert!(flush(&mut connection, at(0)).starts_with("HTTP/1.1 401 "));
    assert!(connection.is_finished());
    connection.receive(at(0), &[0; 5000]);
    assert_eq!(connection.reserved(), 0);
}

#[test]
fn an_accepted_body_is_waited_for_with_100_continue() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert!(open(&mut connection, at(0)).is_none());
    assert_eq!(flush(&mut connection, at(0)), "HTTP/1.1 100 Continue\r\n\r\n");
    connection.receive(at(1), b"body");
    assert_eq!(open(&mut connection, at(1)).unwrap().body, b"body");
}

#[test]
fn a_refused_request_without_a_body_keeps_the_connection() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(connection.next(at(0), |_| Err(Response::error(Status::NotFound, "no"))).is_none());
    assert!(flush(&mut connection, at(0)).contains("Connection: keep-alive"));
    assert!(connection.is_idle());
}

#[test]
fn a_slow_request_ends_ten_seconds_after_its_first_byte_however_it_drips() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(5), b"GET");
    for second in 6..15 {
        connection.receive(at(second), b"x");
        assert!(!connection.expire(at(second)));
        assert_eq!(connection.deadline(), Some(at(15)));
    }
    assert!(!connection.expire(at(15)), "there is an answer to write first");
    assert!(flush(&mut connection, at(15)).starts_with("HTTP/1.1 408 "));
    assert!(connection.is_finished());
}

#[test]
fn the_deadline_covers_the_body_too() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), &POST[..POST.len() - 1]);
    assert!(open(&mut connection, at(9)).is_none());
    assert_eq!(connection.deadline(), Some(at(10)));
}

#[test]
fn an_idle_connection_ends_without_an_answer() {
    let mut connection = Connection::new(at(0));
    assert!(!connection.expire(at(59)));
    assert!(connection.expire(at(60)));
    assert_eq!(connection.output(), b"");
}

#[test]
fn a_reader_that_does_not_read_is_dropped() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), POST);
    open(&mut connection, at(0)).unwrap();
    assert!(!connection.expire(at(1000)), "a request that is being answered has no deadline here");
    connection.respond(at(1000), &Response::json(Status::Ok, "{}"));
    connection.wrote(at(1001), 1);
    assert!(connection.expire(at(1000) + HTTP_RESPONSE));
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let mut connection = Connection::new(at(0));
    connection.receive(at(0), &[POST, POST, b"GET"].concat());
    connection.input_ended();
    for _ in 0..2 {
        open(&mut connection, at(0)).unwrap();
        connection.respond(at(0), &Response::json(Status::Ok, "{}"));
        assert!(!connection.is_finished());
        assert!(flush(&mut connection, at(0)).ends_with("\r\n\r\n{}"));
    }
    assert!(open(&mut connection, at(0)).is_none());
    assert!(connection.is_finished(), "half a request is not answered");
}

#[test]
fn a_stream_goes_on_as_long_as_the_client_takes_what_it_is_told() {
    let (mut connection, start) = (Connection::new(Time(0)), Time(0));
    connection.receive(start, b"GET /api/watch HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(connection.next(start, |_| Ok(())).is_some());
    connection.begin_stream(start, &Response::new(Status::Ok, "text/event-stream", ""));
    connection.push(start, b"data: 1\n\n");
    let length = connection.output().len();
    assert!(connection.output().ends_with(b"\r\n\r\ndata: 1\n\n"));
    let day = start + HTTP_IDLE * 1440;
    connection.wrote(start, length);
    assert!(connection.deadline().is_none() && !connection.expire(day), "silence is no fault of the client");
    connection.push(day, b"data: 2\n\n");
    connection.wrote(day, 3);
    assert!(!connection.expire(day + HTTP_RESPONSE / 2));
    assert!(connection.expire(day + HTTP_RESPONSE), "it took a part only");
    let mut ended = connection;
    ended.end_stream(day);
    ended.push(day, b"data: 3\n\n");
    assert!(!ended.output().ends_with(b"3\n\n"));
    ended.wrote(day, ended.output().len());
    assert!(ended.is_finished() && ended.expire(day + HTTP_LINGER));
}
