//! The methods: one table, from which calls are dispatched, parameters checked, `help` and `rpc.discover` written.

mod address;
pub(super) mod blocks;
mod control;
pub(super) mod mempool;
mod mining;
pub(super) mod network;
pub(super) mod status;
pub(super) mod transactions;
mod wait;

use serde_json::{Value, json};

use crate::rpc::{
    error::RpcError,
    params::{Args, Param},
    step::{Shared, Step},
};

/// What carries a method out.
pub type Handler = fn(&Shared, &Args) -> Result<Step, RpcError>;

/// A method.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub params: &'static [Param],
    /// What it does, in a line.
    pub summary: &'static str,
    /// What it returns, in a line.
    pub returns: &'static str,
    /// What carries it out.
    pub handler: Handler,
}

/// All methods, by subject.
const TABLES: [&[Method]; 9] = [
    status::METHODS,
    blocks::METHODS,
    transactions::METHODS,
    mempool::METHODS,
    address::METHODS,
    mining::METHODS,
    network::METHODS,
    wait::METHODS,
    control::METHODS,
];

impl Method {
    /// The first step of a call.
    pub fn start(&self, context: &Shared, params: Value) -> Step {
        Args::read(self.params, params).and_then(|args| (self.handler)(context, &args)).into()
    }

    /// The name with its parameters, those that may be left out in brackets.
    pub fn usage(&self) -> String {
        let word =
            |param: &Param| if param.required { format!(" {}", param.name) } else { format!(" [{}]", param.name) };
        let params: String = self.params.iter().map(word).collect();
        format!("{}{params}", self.name)
    }
}

/// All methods.
pub fn all() -> impl Iterator<Item = &'static Method> {
    TABLES.into_iter().flatten()
}

/// The method of this name.
pub fn find(name: &str) -> Option<&'static Method> {
    all().find(|method| method.name == name)
}

/// The OpenRPC document of this program's methods.
pub fn openrpc(version: &str) -> Value {
    let param = |param: &Param| {
        json!({
            "name": param.name,
            "required": param.required,
            "summary": param.summary,
            "schema": param.kind.schema(),
        })
    };
    let method = |method: &Method| {
        json!({
            "name": method.name,
            "summary": method.summary,
            "paramStructure": "either",
            "params": method.params.iter().map(param).collect::<Vec<_>>(),
            "result": { "name": "result", "summary": method.returns, "schema": result_schema(method.returns) },
        })
    };
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "tussock JSON-RPC",
            "version": version,
            "description": "JSON-RPC 2.0 over POST /rpc. HTTP Basic credentials: the content of the file rpc.cookie. \
                            Amounts are integers in base units, times unix seconds, hashes lower-case hex.",
        },
        "methods": all().map(method).collect::<Vec<_>>(),
    })
}

/// The JSON types of what a method returns, from the line that says it.
fn result_schema(returns: &str) -> Value {
    const TYPES: [(&str, &str); 12] = [
        ("an object", "object"),
        ("an OpenRPC document", "object"),
        ("the tip's", "object"),
        ("an array", "array"),
        ("their", "array"),
        ("a number", "number"),
        ("a hash", "string"),
        ("a text", "string"),
        ("its id", "string"),
        ("hex", "string"),
        ("null", "null"),
        ("true", "boolean"),
    ];
    // What follows says what is in it.
    let kind = returns.split([';', ':']).next().unwrap_or_default().split(" with ").next().unwrap_or_default();
    let mut types: Vec<&str> = TYPES.iter().filter(|(words, _)| kind.contains(words)).map(|(_, name)| *name).collect();
    types.dedup();
    match types.as_slice() {
        [] => json!({ "type": "string" }),
        [one] => json!({ "type": one }),
        several => json!({ "type": several }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_is_there_once_and_every_promised_one_is() {
        let names: BTreeSet<&str> = all().map(|method| method.name).collect();
        assert_eq!(names.len(), all().count());
        for promised in [
            "status",
            "peers",
            "mempool",
            "tips",
            "block",
            "tx",
            "balance",
            "coins",
            "history",
            "mine",
            "wait",
            "addpeer",
            "droppeer",
            "ban",
            "unban",
            "book",
            "netdeny",
            "netallow",
            "stop",
            "getblockcount",
            "getbestblockhash",
            "getblock",
            "getblockhash",
            "getblockheader",
            "getblockchaininfo",
            "getrawtransaction",
            "sendrawtransaction",
            "getmempoolinfo",
            "getrawmempool",
            "getpeerinfo",
            "getconnectioncount",
            "getnetworkinfo",
            "getblocktemplate",
            "submitblock",
            "getbalance",
            "gettxout",
            "getchaintips",
            "getmininginfo",
            "getdifficulty",
            "uptime",
            "addnode",
            "disconnectnode",
            "setban",
            "listbanned",
            "getnodeaddresses",
            "validateaddress",
            "waitforblockheight",
            "waitfornewblock",
            "help",
            "ping",
            "generatetoaddress",
            "rpc.discover",
            "events",
            "logging",
            "estimatesmartfee",
        ] {
            assert!(names.contains(promised), "{promised}");
        }
    }

    #[test]
    fn what_must_be_there_comes_before_what_may_be() {
        for method in all() {
            let required: Vec<bool> = method.params.iter().map(|param| param.required).collect();
            assert!(required.is_sorted_by(|a, b| a >= b), "{}", method.name);
            assert!(!method.summary.is_empty() && !method.returns.is_empty(), "{}", method.name);
        }
    }

    #[test]
    fn the_document_describes_each_method() {
        let document = openrpc("1.2.3");
        assert_eq!(document["methods"].as_array().unwrap().len(), all().count());
        let wait = document["methods"].as_array().unwrap().iter().find(|method| method["name"] == "wait").unwrap();
        assert_eq!(wait["params"][0]["name"], "kind");
        assert_eq!(wait["params"][0]["required"], true);
        let result = |name: &str| result_schema(find(name).unwrap().returns)["type"].clone();
        for (name, wanted) in [
            ("getblockcount", json!("number")),
            ("getblock", json!(["object", "string"])),
            ("getblocktemplate", json!("object")),
            ("gettxout", json!(["object", "null"])),
            ("getrawmempool", json!(["object", "array"])),
            ("mine", json!("array")),
            ("ping", json!("string")),
            ("stop", json!("string")),
        ] {
            assert_eq!(result(name), wanted, "{name}");
        }
    }
}
