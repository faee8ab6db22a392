//! The wall: all nodes of a test network side by side in one page, as a class looks at them.
//!
//! The page comes from one node and has to read the others, which are other origins. Three doors open for that, each no further
//! than needed, and only on test chains:
//!
//! - `GET /wall?nodes=21801-21808` serves the page with a policy that lets it connect to these nodes, of this host, and to nothing
//!   else. The page at `/` may still connect to its own node only.
//! - `GET /api/wall` answers pages of other origins too, if origin and `Host` are both this machine (`rpc/auth.rs`). No other path
//!   does. So whoever can read it runs a server here, and learns what such a program learns by asking itself.
//! - That answer allows one origin to read it, and not to send credentials: a browser that has stored some keeps them. It has
//!   what peers know anyway (tip, links, last events); nothing of the wallet, of files, or of settings.
//!
//! The node asks no other node for the page: it would be a way to send requests from this host to where the caller wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde_json::{Value, json};

use crate::{
    base::{gather::gather, ids::NodeId},
    chain::archive::{Banned, BookEntry},
    node::{
        command::{PeersCommand, Reply},
        report::PeerReport,
    },
    rpc::{
        api::path::Lookup,
        auth,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::Databases,
        error::RpcError,
        host::unix_now,
        http::{Head, Response, Status},
        integers,
        json::object,
    },
    runtime::heard::Heard,
};

/// Nodes on one wall: more fit neither a screen nor the header field that names them.
const MAX_NODES: usize = 64;
/// Blocks below the tip by which a page sees where chains part.
const RECENT: usize = 12;
/// The last events of a node, and those among which they are looked for.
const NEWS: usize = 16;
const SEARCHED: u64 = 100;

/// The page with all these nodes, or why not.
pub(super) fn page(context: &Context, head: &Head) -> Response {
    let host = head.host.as_deref().unwrap_or_default();
    if !context.chain.test || !auth::is_this_machine(host) {
        let text = "a wall shows the nodes of a test chain on this machine; open it at 127.0.0.1 or localhost";
        return Response::error(Status::Forbidden, text);
    }
    match nodes(&head.query, auth::without_port(host)) {
        Ok(nodes) => context.page.serve(&json!({ "wall": nodes }).to_string(), &nodes),
        Err(error) => Response::error(Status::BadRequest, &error.message),
    }
}

/// The origins of the nodes that a query names: `nodes=21801-21808,localhost:3030`.
fn nodes(query: &str, own: &str) -> Result<Vec<String>, RpcError> {
    let bad = |text: &str| RpcError::bad_parameter(text.to_owned());
    if let Some(name) =
        query.split('&').filter_map(|pair| pair.split('=').next()).find(|name| !["", "nodes"].contains(name))
    {
        return Err(integers::unknown(name, "a wall has the field nodes"));
    }
    let list = Lookup { id: String::new(), query: query.to_owned() }.field("nodes").unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for one in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let (host, ports) = one.rsplit_once(':').unwrap_or((own, one));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
            return Err(bad("\"nodes\" are ports with commas between them, such as 21801-21804,127.0.0.1:3030"));
        };
        // Policies of pages know this machine by these two names only.
        if !["127.0.0.1", "localhost"].contains(&host) {
            return Err(bad("the nodes of a wall are on this machine: 127.0.0.1 or localhost"));
        }
        if last < first || usize::from(last - first) >= MAX_NODES - found.len() {
            return Err(bad("a wall has 1 to 64 nodes, the lower port first"));
        }
        found.extend((first..=last).map(|port| format!("http://{host}:{port}")));
    }
    Ok(found)
}

/// What the wall shows of this node.
pub(super) fn look(context: &Shared) -> Continuation {
    let context = context.clone();
    Continuation::ask_all(vec![PeersCommand::Peers.into(), PeersCommand::Book.into()], move |replies| {
        let (peers, book) = match <[Reply; 2]>::try_from(replies) {
            Ok([Reply::Peers(peers), book @ Reply::Book { .. }]) => (peers, book),
            Ok([Reply::Peers(_), other] | [other, _]) => return Err(unexpected(other)),
            Err(_) => return Err(RpcError::internal("a command was not answered")),
        };
        let moved = context.node.link_bytes();
        let moved =
            |peer: &PeerReport| moved.get(&peer.link).map_or(0, |(sent, received)| sent.saturating_add(*received));
        let links: Value = peers.iter().map(|peer| link(&context, peer, moved(peer))).collect();
        let (denied, heard) = (denied(&context, book), heard(&context, &peers));
        Ok(Continuation::query(move |databases| {
            let mut fields = object(facts(&context, databases)?);
            fields.extend(object(json!({ "peers": links, "denied": denied, "heard": heard })));
            Ok(Value::Object(fields))
        }))
    })
}

fn facts(context: &Context, databases: &mut Databases) -> Result<Value, RpcError> {
    let (status, tip) = (context.node.status(), databases.tip()?);
    let recent = databases.headers_down(tip.height, RECENT)?;
    let last = context.events.last();
    let mut news = context.events.since(last.saturating_sub(SEARCHED)).0;
    // Each payment would be one, and push out what a class should see.
    news.retain(|event| event.fields.get("event").is_none_or(|kind| kind != "mempool"));
    let news = news.split_off(news.len().saturating_sub(NEWS));
    Ok(json!({
        "chain": context.chain.name,
        "genesis": context.chain.genesis_hash(),
        "node_id": status.node.map(|node| context.node_text(&node)),
        "listens": status.listening,
        "state": status.state.name(),
        "reason": status.reason,
        "height": tip.height,
        "tip": tip.hash,
        "tip_time": tip.time,
        "time": unix_now(),
        "mempool": status.mempool_count,
        "mining": status.mining,
        "last_reorganisation": status.last_reorganisation,
        "final": status.sealing.as_ref().map(|sealing| sealing.last_final.height),
        "recent": recent.iter().map(|row| json!({ "height": row.header.height, "hash": row.hash })).collect::<Vec<_>>(),
        "news": news.into_iter().map(|event| Value::Object(event.fields)).collect::<Vec<_>>(),
    }))
}

fn link(context: &Context, peer: &PeerReport, bytes: u64) -> Value {
    json!({
        "node_id": context.node_text(&peer.info.node),
        "listens": peer.info.listens,
        "inbound": peer.info.direction.is_inbound(),
        "height": peer.height,
        "bytes": bytes,
    })
}

/// The last messages of peers that are still linked.
fn heard(context: &Context, peers: &[PeerReport]) -> Value {
    let of = |link| peers.iter().find(|peer| peer.link == link).map(|peer| context.node_text(&peer.info.node));
    let messages = context.node.last_heard().into_iter();
    let row =
        |one: Heard| Some(json!({ "time": one.time, "from": of(one.link)?, "message": format!("{:?}", one.kind) }));
    messages.filter_map(row).collect()
}

/// The nodes with which no links are allowed: those that the operator denies, and those that are banned. Of those that are named by
/// address, which node is there.
fn denied(context: &Context, book: Reply) -> Value {
    let Reply::Book { entries, denied, denied_nodes, bans, .. } = book else { return json!([]) };
    let at = |entry: &BookEntry| entry.node.map(|node| (entry.address, node));
    let known: BTreeMap<_, NodeId> = gather(entries.iter().filter_map(at));
    let row = |address: Option<&SocketAddr>, node: Option<&NodeId>| {
        let node = node.or_else(|| known.get(address?));
        json!({ "address": address, "node_id": node.map(|node| context.node_text(node)) })
    };
    let is_banned = |address: &SocketAddr| bans.iter().any(|ban| ban.who == Banned::Host(address.ip()));
    let banned = entries.iter().map(|entry| &entry.address).filter(|address| is_banned(address));
    let addresses: BTreeSet<&SocketAddr> = gather(denied.iter().chain(banned));
    let banned_nodes = bans.iter().filter_map(|ban| match &ban.who {
        Banned::Node(node) => Some(node),
        Banned::Host(_) => None,
    });
    let by_address = addresses.into_iter().map(|address| row(Some(address), None));
    by_address.chain(denied_nodes.iter().chain(banned_nodes).map(|node| row(None, Some(node)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_ports_of_this_machine() {
        let all = |query: &str| nodes(query, "localhost").map_err(|error| error.message);
        let expected = ["http://localhost:1", "http://localhost:2", "http://127.0.0.1:9"].map(str::to_owned);
        assert_eq!(all("nodes=1-2,127.0.0.1:9"), Ok(expected.to_vec()));
        assert_eq!(all("nodes=1-2%2C127.0.0.1%3A9"), Ok(expected.to_vec()));
        assert_eq!((all(""), all("nodes=")), (Ok(vec![]), Ok(vec![])));
        assert_eq!(all("nodes=1-64").map(|list| list.len()), Ok(64));
        for refused in ["nodes=1-65", "nodes=2-1", "nodes=1-64,65", "nodes=x", "nodes=1-", "nodes=65536", "node=1", "x"]
        {
            assert!(all(refused).is_err(), "{refused}");
        }
        for elsewhere in ["evil.example:80", "10.0.0.1:80", "127.0.0.1;script-src *:80", "[::1]:80", "127.0.0.1@evil:8"]
        {
            assert!(all(&format!("nodes={elsewhere}")).is_err(), "{elsewhere}");
        }
    }
}
