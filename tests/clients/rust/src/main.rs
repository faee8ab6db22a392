//! The typed Rust client: its own types where they can fit, plain JSON elsewhere.

use bitcoincore_rpc::{Auth, Client, Error, RpcApi, jsonrpc};
use serde_json::Value;

fn say<T>(name: &str, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => {
            println!("ok {name}");
            Some(value)
        }
        Err(error) => {
            println!("FAIL {name}: {error}");
            None
        }
    }
}

fn main() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let auth = Auth::UserPass(variable("RPC_USER"), variable("RPC_PASSWORD"));
    let client = Client::new(&format!("http://{}", variable("HTTP")), auth).unwrap();
    let hash = say("get_block_hash", client.get_block_hash(1)).unwrap();
    say("get_block_count", client.get_block_count());
    say("get_best_block_hash", client.get_best_block_hash());
    say("get_connection_count", client.get_connection_count());
    say("get_difficulty", client.get_difficulty());
    say("get_raw_mempool", client.get_raw_mempool());
    say("get_network_info", client.get_network_info());
    say("version", client.version());
    say("get_net_totals", client.get_net_totals());
    say("get_mempool_info", client.get_mempool_info());
    say("get_network_hash_ps", client.get_network_hash_ps(None, None));
    say("get_index_info", client.get_index_info());
    say("get_chain_tips", client.get_chain_tips());
    say("uptime", client.uptime());
    let calls: Vec<(String, Vec<Value>)> =
        serde_json::from_str(&std::fs::read_to_string(variable("CALLS")).unwrap()).unwrap();
    for (method, params) in calls {
        say(&format!("{method} as JSON"), client.call::<Value>(&method, &params));
    }
    match client.get_block_hash(99) {
        Err(Error::JsonRpc(jsonrpc::Error::Rpc(error))) if error.code == -5 || error.code == -8 => println!("ok error"),
        other => println!("FAIL error: {other:?}"),
    }
    if client.get_blockchain_info().is_err() {
        println!("known get_blockchain_info: the type knows only the names of Bitcoin's chains");
    }
    if client.get_block_info(&hash).is_err() {
        println!("known get_block_info: the type wants Bitcoin's 32-bit nonce and weights");
    }
}
