//! Peers, the peer book, and bans.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    base::{gather::gather, ids::LinkId, limits},
    chain::archive::{Ban, Banned, BookEntry},
    node::{
        NodeAddress,
        command::{Delivery, DialError, FetchCommand, PeersCommand, Reply},
        report::PeerReport,
    },
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        error::{self, RpcError},
        host::unix_now,
        methods::method::Method,
        params::Args,
        schema::{Schema, optional, required},
    },
};

/// The longest ban: ten years.
const MAX_BAN_SECONDS: u64 = 10 * 365 * 24 * 3600;
/// Bytes of a ban's reason.
const MAX_REASON: usize = 200;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "peers",
        params: &[],
        summary: "the connected peers",
        returns: "an array; see tussock peers --json",
        result: answers::peers::PEERS,
        errors: &[],
        handler: |context, _| Ok(peers(context, row)),
    },
    Method {
        name: "getpeerinfo",
        params: &[],
        summary: "the connected peers, by Bitcoin Core's names",
        returns: "an array",
        result: answers::peers::PEER_INFO,
        errors: &[],
        handler: |context, _| Ok(peers(context, core_row)),
    },
    Method {
        name: "addpeer",
        params: &[required("address", Schema::Endpoint, "IP:PORT or HOST:PORT, with ID@ before it to pin the node")],
        summary: "dials an address and keeps the connection",
        returns: "true",
        result: Schema::Boolean,
        errors: &[error::REJECTED],
        handler: |context, args| {
            let (address, node) = context.node_address(args.required_text("address")?)?;
            Ok(order(PeersCommand::AddPeer(address, node)))
        },
    },
    Method {
        name: "droppeer",
        params: &[required("address", Schema::Endpoint, "IP:PORT, remote or listening, or HOST:PORT")],
        summary: "closes a connection and does not keep it any longer",
        returns: "true",
        result: Schema::Boolean,
        errors: &[error::NOT_FOUND],
        handler: |context, args| Ok(order(PeersCommand::DropPeer(node(context, args, "address")?))),
    },
    Method {
        name: "ban",
        params: &[
            required("ip", Schema::Ip, "IP address, any port, or the id of a node"),
            optional("seconds", Schema::Integer, "how long; an hour if left out"),
            optional("reason", Schema::Text, "for the list of bans"),
        ],
        summary: "keeps an IP address or a node out",
        returns: "true",
        result: Schema::Boolean,
        errors: &[],
        handler: |context, args| Ok(order(ban(context, args, "ip", "seconds")?)),
    },
    Method {
        name: "unban",
        params: &[required("ip", Schema::Ip, "IP address, or the id of a node")],
        summary: "lifts a ban",
        returns: "true",
        result: Schema::Boolean,
        errors: &[error::NOT_FOUND],
        handler: |context, args| Ok(order(PeersCommand::Unban(context.banned(args.required_text("ip")?)?))),
    },
    Method {
        name: "book",
        params: &[],
        summary: "the peer book, the bans and the denied addresses",
        returns: "an object with entries, bans and denied",
        result: answers::peers::BOOK,
        errors: &[],
        handler: |context, _| {
            Ok(book(context, |entries, bans, denied| json!({ "entries": entries, "bans": bans, "denied": denied })))
        },
    },
    Method {
        name: "listbanned",
        params: &[],
        summary: "the bans",
        returns: "an array",
        result: answers::peers::BANS,
        errors: &[],
        handler: |context, _| Ok(book(context, |_, bans, _| bans)),
    },
    Method {
        name: "getnodeaddresses",
        params: &[optional("count", Schema::Integer, "how many; 100 if left out")],
        summary: "addresses of other nodes from the peer book",
        returns: "an array of objects with address, port, time and source",
        result: answers::peers::ADDRESSES,
        errors: &[],
        handler: node_addresses,
    },
    Method {
        name: "addnode",
        params: &[
            required("node", Schema::Endpoint, "IP:PORT or HOST:PORT, with ID@ before it to pin the node"),
            required("command", Schema::Choice(&["add", "remove", "onetry"]), "what to do"),
        ],
        summary: "adds or removes a node to keep connected to",
        returns: "null",
        result: Schema::Null,
        errors: &[error::NOT_FOUND],
        handler: |context, args| {
            let (address, node) = context.node_address(args.required_text("node")?)?;
            match args.required_text("command")? {
                "add" | "onetry" => Ok(silent(PeersCommand::AddPeer(address, node))),
                "remove" => Ok(silent(PeersCommand::DropPeer(address))),
                _ => Err(RpcError::bad_parameter("\"command\" is add, remove or onetry")),
            }
        },
    },
    Method {
        name: "disconnectnode",
        params: &[required("address", Schema::Endpoint, "IP:PORT or HOST:PORT")],
        summary: "closes a connection",
        returns: "null",
        result: Schema::Null,
        errors: &[error::NOT_FOUND],
        handler: |context, args| Ok(silent(PeersCommand::DropPeer(node(context, args, "address")?))),
    },
    Method {
        name: "setban",
        params: &[
            required("subnet", Schema::Ip, "IP address, or the id of a node"),
            required("command", Schema::Choice(&["add", "remove"]), "what to do"),
            optional("bantime", Schema::Integer, "seconds; an hour if left out or 0"),
            optional("reason", Schema::Text, "for the list of bans"),
        ],
        summary: "bans an IP address or lifts its ban",
        returns: "null",
        result: Schema::Null,
        errors: &[error::NOT_FOUND],
        handler: |context, args| match args.required_text("command")? {
            "add" => Ok(silent(ban(context, args, "subnet", "bantime")?)),
            "remove" => Ok(silent(PeersCommand::Unban(context.banned(args.required_text("subnet")?)?))),
            _ => Err(RpcError::bad_parameter("\"command\" is add or remove")),
        },
    },
];

type Row = fn(&Context, &PeerReport, Option<&Delivery>, (u64, u64)) -> Value;

/// The peers, from what the roles and the poll loop know of them; `row` builds one entry.
pub(in crate::rpc) fn peers(context: &Shared, row: Row) -> Continuation {
    let context = context.clone();
    Continuation::ask_all(vec![PeersCommand::Peers.into(), FetchCommand::Deliveries.into()], move |replies| {
        let mut replies = replies.into_iter();
        let (reports, deliveries) = match (replies.next(), replies.next()) {
            (Some(Reply::Peers(reports)), Some(Reply::Deliveries(deliveries))) => (reports, deliveries),
            // The list is useful without the second reply.
            (Some(Reply::Peers(reports)), _) => (reports, Vec::new()),
            (Some(other), _) => return Err(unexpected(other)),
            (None, _) => return Err(RpcError::internal("a command was not answered")),
        };
        let bytes = context.node.link_bytes();
        let deliveries: BTreeMap<LinkId, Delivery> = gather(deliveries.into_iter().map(|one| (one.link, one)));
        let moved = |link: &LinkId| bytes.get(link).copied().unwrap_or_default();
        let rows =
            reports.iter().map(|report| row(&context, report, deliveries.get(&report.link), moved(&report.link)));
        Ok(Continuation::value(&rows.collect::<Vec<_>>()))
    })
}

/// The contract's form of a peer.
pub(in crate::rpc) fn row(
    context: &Context,
    report: &PeerReport,
    delivery: Option<&Delivery>,
    (sent, received): (u64, u64),
) -> Value {
    let info = &report.info;
    json!({
        "id": report.link.0,
        "address": info.remote,
        "direction": if info.direction.is_inbound() { "inbound" } else { "outbound" },
        "agent": info.agent,
        "height": report.height,
        "ping_ms": report.ping_us.map(milliseconds),
        "connected_s": context.now().since(report.since).as_secs(),
        "sent_bytes": sent,
        "received_bytes": received,
        "in_flight": delivery.map_or(0, |delivery| delivery.in_flight),
        "score": report.score,
        "last_error": report.last_error,
        "node_id": context.node_text(&info.node),
        "protected": report.protected.name(),
        "blocks_received": delivery.map_or(0, |delivery| delivery.blocks),
        "listens": info.listens,
        "protocol": info.protocol,
        "services": info.services,
        "clock_offset_s": info.clock_offset,
    })
}

fn core_row(
    context: &Context,
    report: &PeerReport,
    delivery: Option<&Delivery>,
    (sent, received): (u64, u64),
) -> Value {
    let info = &report.info;
    let since = context.now().since(report.since).as_secs();
    json!({
        "id": report.link.0,
        "addr": info.remote,
        "addrbind": info.listens,
        "services": format!("{:016x}", info.services),
        "version": info.protocol,
        "subver": info.agent,
        "inbound": info.direction.is_inbound(),
        "startingheight": info.height,
        "synced_blocks": report.height,
        "conntime": unix_now().saturating_sub(since),
        "timeoffset": info.clock_offset,
        "pingtime": report.ping_us.map(|us| milliseconds(us) / 1000.0),
        "bytessent": sent,
        "bytesrecv": received,
        "inflight": delivery.map_or(0, |delivery| delivery.in_flight),
    })
}

/// Milliseconds with three decimals.
fn milliseconds(microseconds: u64) -> f64 {
    // Exact up to 2^53 µs, or 285 years.
    microseconds as f64 / 1000.0
}

/// An order whose answer is `true`.
pub(super) fn order(command: PeersCommand) -> Continuation {
    answered(command, Value::Bool(true))
}

/// An order whose answer is null, as in Bitcoin Core.
fn silent(command: PeersCommand) -> Continuation {
    answered(command, Value::Null)
}

fn answered(command: PeersCommand, value: Value) -> Continuation {
    Continuation::ask(command, move |reply| match reply {
        Reply::Done => Ok(Continuation::value(&value)),
        other => Err(unexpected(other)),
    })
}

fn ban(context: &Context, args: &Args, ip_name: &str, seconds_name: &str) -> Result<PeersCommand, RpcError> {
    let default = limits::BAN_TIME.as_secs();
    let seconds = args.integer_in(seconds_name, 0..=MAX_BAN_SECONDS, default)?;
    let time = Duration::from_secs(if seconds == 0 { default } else { seconds });
    let reason = args.text("reason").unwrap_or("by the operator");
    if reason.len() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(RpcError::bad_parameter("\"reason\" is one line of at most 200 bytes"));
    }
    let who = context.banned(args.required_text(ip_name)?)?;
    Ok(PeersCommand::Ban { who, time, reason: reason.to_owned() })
}

/// Reads where a node is; an id before it makes no difference.
fn node(context: &Context, args: &Args, name: &str) -> Result<NodeAddress, RpcError> {
    context.node_address(args.required_text(name)?).map(|(address, _)| address)
}

/// What `peers` tells of the book: `show` chooses from entries, bans and denied addresses.
pub(super) fn book(context: &Shared, show: fn(Value, Value, Value) -> Value) -> Continuation {
    let context = context.clone();
    Continuation::ask(PeersCommand::Book, move |reply| match reply {
        Reply::Book { entries, bans, errors, denied, denied_nodes } => {
            let entries = book_rows(&context, &entries, &errors);
            let bans = bans.iter().map(|ban| ban_row(&context, ban)).collect();
            let addresses = denied.iter().map(|address| json!({ "address": address }));
            let node = |node| json!({ "node_id": context.node_text(node) });
            let denied = addresses.chain(denied_nodes.iter().map(node)).collect();
            Ok(Continuation::value(&show(Value::Array(entries), Value::Array(bans), Value::Array(denied))))
        }
        other => Err(unexpected(other)),
    })
}

/// The book's addresses, and those that were dialled in vain and are not in it.
fn book_rows(context: &Context, entries: &[BookEntry], errors: &[DialError]) -> Vec<Value> {
    let known = entries.iter().map(|entry| {
        let error = errors.iter().find(|error| error.address == entry.address);
        json!({
            "address": entry.address,
            "source": entry.source,
            "last_seen": entry.last_seen.0,
            "last_success": entry.last_success.map(|time| time.0),
            "last_attempt": entry.last_attempt.map(|time| time.0),
            "failures": entry.failures,
            "last_error": error.map(|error| &error.reason),
            "node_id": entry.node.map(|node| context.node_text(&node)),
        })
    });
    let is_unknown = |error: &&DialError| !entries.iter().any(|entry| entry.address == error.address);
    let unknown = errors.iter().filter(is_unknown).map(|error| {
        json!({
            "address": error.address,
            "source": null,
            "last_seen": 0,
            "last_success": null,
            "last_attempt": error.at.0,
            "failures": error.failures,
            "last_error": error.reason,
            "node_id": null,
        })
    });
    known.chain(unknown).collect()
}

fn ban_row(context: &Context, ban: &Ban) -> Value {
    let (ip, node) = match ban.who {
        Banned::Host(ip) => (Some(ip), None),
        Banned::Node(node) => (None, Some(context.node_text(&node))),
    };
    let until = ban.until.0;
    json!({ "ip": ip, "address": ip, "node_id": node, "until": until, "banned_until": until, "reason": ban.reason })
}

fn node_addresses(_: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let count = usize::try_from(args.integer_in("count", 0..=10_000, 100)?).unwrap_or(usize::MAX);
    Ok(Continuation::ask(PeersCommand::Book, move |reply| {
        let Reply::Book { entries, .. } = reply else { return Err(unexpected(reply)) };
        let row = |entry: &BookEntry| {
            json!({
                "address": entry.address.ip(),
                "port": entry.address.port(),
                "time": entry.last_seen.0,
                "source": entry.source,
            })
        };
        // As in Bitcoin Core, 0 stands for all.
        let count = if count == 0 { usize::MAX } else { count };
        Ok(Continuation::value(&entries.iter().take(count).map(row).collect::<Vec<_>>()))
    }))
}
