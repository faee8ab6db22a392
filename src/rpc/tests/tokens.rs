//! Named tokens.

use serde_json::json;

use super::harness::Rig;
use crate::rpc::{
    auth::base64,
    error,
    rights::Right,
    tokens::{self, Token},
};

#[test]
fn a_token_calls_what_it_may_and_is_refused_once_it_is_removed() {
    let rig = Rig::new();
    let file = rig.dir.join(tokens::FILE);
    let list = [
        Token::new("wall", Right::Read, "aa", 1),
        Token::new("shop", Right::Pay, "bb", 1),
        Token::new("boss", Right::Operate, "cc", 1),
        Token::new("till", Right::Spend, "dd", 1),
    ];
    std::fs::write(&file, serde_json::to_string(&list).unwrap()).unwrap();
    let call = |credentials: &str, method: &str| {
        let mut client = rig.client();
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string();
        let length = body.len();
        client.send(&format!(
            "POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {credentials}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ));
        let answer = client.answer();
        (answer.status, answer.json()["error"]["code"].as_i64())
    };
    let basic = format!("Basic {}", base64(b"shop:bb"));
    assert_eq!(call("Bearer aa", "getblockcount"), (200, None));
    assert_eq!(call("Bearer aa", "sendrawtransaction"), (200, Some(error::FORBIDDEN.into())));
    assert_eq!(
        call(&basic, "sendrawtransaction"),
        (200, Some(error::INVALID_PARAMS.into())),
        "it may, and lacks a parameter"
    );
    assert_eq!(call(&basic, "stop"), (200, Some(error::FORBIDDEN.into())));
    assert_eq!(call("Bearer aa", "getcoldaddress"), (200, Some(error::METHOD_NOT_FOUND.into())), "nobody may");
    for credentials in ["Bearer aa", basic.as_str(), "Bearer cc"] {
        assert_eq!(call(credentials, "listunspent"), (200, Some(error::FORBIDDEN.into())), "{credentials}");
    }
    assert_eq!(call("Bearer dd", "getnewaddress"), (200, None));
    assert_eq!(call("Bearer dd", "stop"), (200, Some(error::FORBIDDEN.into())));
    assert_eq!(call(&format!("Basic {}", base64(b"wall:bb")), "getblockcount").0, 401, "another token's name");
    std::fs::write(&file, serde_json::to_string(&list[..1]).unwrap()).unwrap();
    assert_eq!((call(&basic, "getblockcount").0, call("Bearer aa", "getblockcount").0), (401, 200));
}
