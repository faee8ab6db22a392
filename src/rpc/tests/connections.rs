//! Connections, credentials, and the end.

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::Duration,
};

use serde_json::json;

use super::harness::{COOKIE, Client, Rig};
use crate::{
    node::command::Reply,
    rpc::{
        client::{ClientError, Deadline},
        server::HTTP_CONNECTIONS,
    },
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[test]
fn a_connection_serves_many_requests_also_pipelined() {
    let rig = Rig::new();
    let mut client = rig.client();
    for _ in 0..3 {
        client.call(CALL);
    }
    client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for _ in 0..3 {
        assert_eq!(client.answer().json()["result"], "pong");
    }
    assert_eq!(client.answer().json()["ok"], true);
}

#[test]
fn a_request_in_many_pieces_is_answered() {
    let rig = Rig::new();
    let mut client = rig.client();
    for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" {
        client.stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(client.answer().status, 200);
}

#[test]
fn without_the_cookie_there_is_no_call_and_the_body_is_not_read() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.send(
        "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n",
    );
    let answer = client.answer();
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("WWW-Authenticate: Basic") && answer.head.contains("Connection: close"));
    assert!(client.is_closed());
    assert_eq!(*rig.node.asked.lock().unwrap(), []);
}

#[test]
fn other_hosts_and_origins_are_refused_everywhere() {
    let rig = Rig::new();
    for field in ["Host: evil.example", "Host: localhost\r\nOrigin: http://evil.example"] {
        let mut client = rig.client();
        client.send(&format!("GET /api/status HTTP/1.1\r\n{field}\r\n\r\n"));
        assert_eq!(client.answer().status, 403, "{field}");
    }
}

#[test]
fn an_oversized_body_is_refused_by_its_announcement() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.send("POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n");
    assert_eq!(client.answer().status, 413);
    assert!(client.is_closed());
}

#[test]
fn a_client_that_ends_its_sending_still_gets_its_answer() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.call(CALL);
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().json()["result"], "pong");
    assert!(client.is_closed());
}

#[test]
fn a_further_connection_takes_the_place_of_an_idle_one() {
    let rig = Rig::new();
    // One after the other: a connection without a request is closed after a while, and a slow host may take that long.
    let ask = |_| {
        let mut client = rig.client();
        client.call(CALL);
        client.answer();
        client
    };
    let mut clients: Vec<Client> = (0..HTTP_CONNECTIONS).map(ask).collect();
    let mut late = rig.client();
    late.call(CALL);
    assert_eq!(late.answer().status, 200);
    assert!(clients[0].is_closed());
}

#[test]
fn a_slow_request_keeps_no_client_out() {
    let rig = Rig::new();
    let mut slow: Vec<Client> = (0..HTTP_CONNECTIONS).map(|_| rig.client()).collect();
    for client in &mut slow {
        client.send("POST /rpc HTTP/1.1\r\nHost: ");
    }
    let mut late = rig.client();
    late.call(CALL);
    assert_eq!(late.answer().status, 200);
    // Closed, or reset if it was not read in time.
    assert!(matches!(slow[0].stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    let used = &rig.result("status", json!([]))["limits"]["http_connections"];
    assert!(used["hits"].as_u64() >= Some(1) && used["used"].as_u64() <= used["cap"].as_u64(), "{used}");
}

#[test]
fn beyond_the_limit_of_requests_a_call_gets_503_and_health_is_answered() {
    let rig = Rig::new();
    rig.result("ping", json!([]));
    let cap = rig.result("status", json!([]))["limits"]["http_connections"]["cap"].as_u64().unwrap();
    let mut clients: Vec<Client> = (0..cap - cap / 4).map(|_| rig.client()).collect();
    for client in &mut clients {
        client.call(r#"{"jsonrpc":"2.0","id":1,"method":"mine","params":[1]}"#);
    }
    // Each has asked the node, so each is busy.
    let held: Vec<_> = clients.iter().map(|_| rig.take_held()).collect();
    let mut late = rig.client();
    late.call(CALL);
    let refused = late.answer();
    assert_eq!(refused.status, 503);
    assert!(refused.head.contains("Retry-After: 1\r\n"), "{refused:?}");
    assert_eq!((rig.get("/healthz").status, rig.get("/metrics").status), (200, 200));
    held.into_iter().for_each(|done| done(Reply::Mined(Vec::new())));
    for client in &mut clients {
        assert_eq!(client.answer().json()["result"], json!([]));
    }
}

#[test]
fn a_burst_of_clients_is_answered_completely() {
    let rig = Rig::new();
    let address = rig.address();
    let ask = move || {
        let cookie = format!("__cookie__:{COOKIE}");
        let client = crate::rpc::client::Client::new(address, &cookie);
        let deadline = Deadline::after(Duration::from_secs(60));
        loop {
            match client.call("ping", json!([])) {
                Err(ClientError::Busy(_)) if deadline.pause(Duration::from_millis(50)) => {}
                result => return result,
            }
        }
    };
    let threads: Vec<_> = (0..2 * HTTP_CONNECTIONS).map(|_| std::thread::spawn(ask)).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(json!("pong")));
    }
}

#[test]
fn health_is_answered_while_calls_wait() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.call(r#"{"jsonrpc":"2.0","id":1,"method":"mine","params":[1]}"#);
    let done = rig.take_held();
    assert_eq!(rig.get("/healthz").status, 200);
    done(Reply::Refused("no".to_owned()));
    assert_eq!(client.answer().json()["error"]["code"], -26);
}

#[test]
fn stopping_answers_waiting_calls_and_closes() {
    let mut rig = Rig::new();
    let mut client = rig.client();
    client.call(r#"{"jsonrpc":"2.0","id":1,"method":"mine","params":[1]}"#);
    let done = rig.take_held();
    let address = rig.address();
    rig.server.take().unwrap().stop();
    assert_eq!(client.answer().json()["error"]["code"], -32001);
    assert!(client.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
    done(Reply::Mined(Vec::new()));
}
