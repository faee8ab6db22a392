//! The catalogue: every method, and the two methods that describe them all.

use serde_json::Value;

use crate::rpc::{
    continuation::Continuation,
    error::{self, RpcError},
    methods::{
        address, blocks, control, core_info, fees, keys, members, mempool, method::Method, mining, network, partition,
        raw_transactions, receipts, reorganise, search, signing, spends, statistics, status, test_chain, transactions,
        wait, wallet, watch,
    },
    openrpc,
    schema::{Property, Schema, optional},
};

/// All methods, by subject.
const TABLES: [&[Method]; 25] = [
    status::METHODS,
    core_info::METHODS,
    blocks::METHODS,
    transactions::METHODS,
    spends::METHODS,
    receipts::METHODS,
    search::METHODS,
    mempool::METHODS,
    fees::METHODS,
    raw_transactions::METHODS,
    signing::METHODS,
    address::METHODS,
    keys::METHODS,
    statistics::METHODS,
    mining::METHODS,
    network::METHODS,
    members::METHODS,
    partition::METHODS,
    test_chain::METHODS,
    reorganise::METHODS,
    wait::METHODS,
    watch::METHODS,
    wallet::METHODS,
    control::METHODS,
    METHODS,
];

const METHODS: &[Method] = &[
    Method {
        name: "help",
        params: &[optional("method", Schema::Text, "the method to explain")],
        summary: "lists the methods, or explains one",
        returns: "a text",
        result: Schema::Text,
        errors: &[error::NOT_FOUND],
        handler: |_, args| match args.text("method") {
            None => Ok(Continuation::value(&list())),
            Some(name) => match find(name) {
                Some(method) => Ok(Continuation::value(&explain(method))),
                None => Err(RpcError::not_found("no such method; help lists all")),
            },
        },
    },
    Method {
        name: "rpc.discover",
        params: &[],
        summary: "describes all methods in the OpenRPC format",
        returns: "an OpenRPC document",
        result: Schema::AnyObject,
        errors: &[],
        handler: |context, _| Ok(Continuation::value(&openrpc::document(all(), &context.version))),
    },
];

/// All methods.
pub fn all() -> impl Iterator<Item = &'static Method> {
    TABLES.into_iter().flatten()
}

/// The method of this name.
pub fn find(name: &str) -> Option<&'static Method> {
    all().find(|method| method.name == name)
}

/// The OpenRPC document of all methods.
pub fn openrpc(version: &str) -> Value {
    openrpc::document(all(), version)
}

fn list() -> String {
    all().map(|method| format!("{} - {}\n", method.usage(), method.summary)).collect()
}

fn explain(method: &Method) -> String {
    let line = |param: &Property| format!("  {}: {}\n", param.name, param.summary);
    let params: String = method.params.iter().map(line).collect();
    format!("{}\n{}\n{params}returns {}\n", method.usage(), method.summary, method.returns)
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
            "members",
            "reloadmembers",
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
            "listdenied",
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
            "getnettotals",
            "getmempoolentry",
            "getblockstats",
            "getindexinfo",
            "gettxoutsetinfo",
            "decoderawtransaction",
            "testmempoolaccept",
            "createrawtransaction",
            "signrawtransactionwithkey",
            "signrawtransactionwithwallet",
            "verifymessage",
            "getnetworkhashps",
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
}
