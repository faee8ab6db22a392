//! `peers`, `net`: shows and controls the connected peers.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Failure, Outcome},
    output::{self, Rows, number, text},
    status::{WatchFlags, watch},
    units,
};
use crate::{chain::node_id, node::NodeAddress};

/// `tussock peers`
#[derive(Args, Debug)]
#[command(after_help = "\
Columns:
  dir     in: the peer dialled; out: this node dialled
  height  of the peer's tip, and its distance from ours
  ping    the last round trip
  flight  blocks requested and not yet received
  score   fault points of the address; at 100 it is banned
  link    encrypted, with a node that is pinned by its id, or with a member
  age     of the connection

Examples:
  tussock peers --watch
  tussock peers add 127.0.0.1:4131")]
pub struct PeersArgs {
    #[command(flatten)]
    watch: WatchFlags,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Dial a node and keep the connection
    #[command(after_help = "Example:\n  tussock peers add 127.0.0.1:4131")]
    Add {
        /// IP:PORT or HOST:PORT; ID@IP:PORT if only the node with this id may answer
        address: String,
    },
    /// Close a connection and stop dialling the address
    #[command(after_help = "Example:\n  tussock peers drop 127.0.0.1:4131")]
    Drop {
        /// IP:PORT or HOST:PORT
        address: NodeAddress,
    },
    /// Ban an IP address, or a node wherever it is
    #[command(after_help = "Example:\n  tussock peers ban 192.0.2.7 --for 1d --why 'sends rubbish'")]
    Ban {
        /// The IP address, any port, or the id of a node
        #[arg(value_name = "IP|ID")]
        who: String,
        /// How long
        #[arg(long = "for", value_name = "TIME", default_value = "1d", value_parser = units::parse_duration)]
        time: Duration,
        /// The reason, shown in the list of bans
        #[arg(long, value_name = "TEXT", default_value = "by the operator")]
        why: String,
    },
    /// Lift a ban
    #[command(after_help = "Example:\n  tussock peers unban 192.0.2.7")]
    Unban {
        /// The IP address, or the id of a node
        #[arg(value_name = "IP|ID")]
        who: String,
    },
    /// Show all known addresses and bans
    #[command(after_help = "Example:\n  tussock peers book --json")]
    Book,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &PeersArgs) -> Outcome {
    let command = |method: &str, params: Value, done: String| {
        context.remote()?.call(method, params.clone())?;
        context.print(&json!({ "done": method, "address": params[0] }), |_| done)
    };
    match &arguments.verb {
        None => watch(&arguments.watch, || list(context)),
        Some(Verb::Add { address }) => {
            let wrong = |why: String| Failure::usage(format!("{address}: {why}"));
            let (_, to) = node_id::pinned(address, &context.spec().prefix).map_err(wrong)?;
            to.parse::<NodeAddress>().map_err(wrong)?;
            command("addpeer", json!([address]), format!("dialling {to}"))
        }
        Some(Verb::Drop { address }) => command("droppeer", json!([address.to_string()]), format!("dropped {address}")),
        Some(Verb::Ban { who, time, why }) => {
            let (who, seconds) = (host_or_node(context, who)?, time.as_secs());
            if seconds == 0 {
                return Err(Failure::usage("--for: a ban lasts at least 1s; peers drop closes a connection only once"));
            }
            let done = format!("{who} is banned for {}", units::age(seconds));
            command("ban", json!([who, seconds, why]), done)
        }
        Some(Verb::Unban { who }) => {
            let who = host_or_node(context, who)?;
            command("unban", json!([who]), format!("{who} may connect again"))
        }
        Some(Verb::Book) => book(context),
    }
}

fn list(context: &Context) -> Outcome {
    let remote = context.remote()?;
    let peers = remote.call("peers", json!([]))?;
    let ours = if context.json { 0 } else { number(&remote.call("status", json!([]))?, "height") };
    context.print(&peers, |peers| {
        let mut rows = Rows::new(&[
            "dir",
            "address",
            ">height",
            ">ping",
            "?>sent",
            "?>received",
            "?>flight",
            ">score",
            "?link",
            "?>age",
            "?~agent",
            "?node",
        ]);
        let mut peers: Vec<&Value> = output::items(peers).iter().collect();
        peers.sort_unstable_by_key(|peer| (text(peer, "direction"), text(peer, "address")));
        for peer in peers {
            let ping = text(peer, "ping_ms");
            rows.row([
                text(peer, "direction").replace("inbound", "in").replace("outbound", "out"),
                text(peer, "address"),
                relative_height(number(peer, "height"), ours),
                if ping.is_empty() { "-".to_owned() } else { format!("{ping} ms") },
                units::bytes(number(peer, "sent_bytes")),
                units::bytes(number(peer, "received_bytes")),
                text(peer, "in_flight"),
                text(peer, "score"),
                text(peer, "protected"),
                units::age(number(peer, "connected_s")),
                text(peer, "agent"),
                text(peer, "node_id"),
            ]);
        }
        rows.text("no peers; tussock peers book shows failed dials")
    })
}

/// A height, and its distance from ours.
fn relative_height(height: u64, ours: u64) -> String {
    match height.cmp(&ours) {
        std::cmp::Ordering::Equal => height.to_string(),
        std::cmp::Ordering::Less => format!("{height} (-{})", ours - height),
        std::cmp::Ordering::Greater => format!("{height} (+{})", height - ours),
    }
}

fn book(context: &Context) -> Outcome {
    let book = context.remote()?.call("book", json!([]))?;
    context.print(&book, |book| {
        let when = |value: &Value, key: &str| match number(value, key) {
            0 => "-".to_owned(),
            unix => units::utc(unix),
        };
        let mut addresses = Rows::new(&["address", "last seen", "last success", ">failures", "last error", "?node"]);
        for entry in output::items(&book["entries"]) {
            let (seen, success) = (when(entry, "last_seen"), when(entry, "last_success"));
            let failures = text(entry, "failures");
            let (error, node) = (text(entry, "last_error"), text(entry, "node_id"));
            addresses.row([text(entry, "address"), seen, success, failures, error, node]);
        }
        let mut bans = Rows::new(&["banned", "until", "reason"]);
        for ban in output::items(&book["bans"]) {
            bans.row([either(ban, "ip", "node_id"), when(ban, "until"), text(ban, "reason")]);
        }
        let (addresses, bans) = (addresses.text("no addresses"), bans.text("no bans"));
        match output::items(&book["denied"]) {
            [] => format!("{addresses}\n\n{bans}"),
            denied => format!("{addresses}\n\n{bans}\n\n{}", denied_text(denied)),
        }
    })
}

/// The denied addresses, as a table.
fn denied_text(denied: &[Value]) -> String {
    let mut rows = Rows::new(&["denied"]);
    denied.iter().for_each(|one| rows.row([either(one, "address", "node_id")]));
    rows.text("no node is denied")
}

/// The text of the first of two keys that has one.
fn either(row: &Value, first: &str, second: &str) -> String {
    Some(text(row, first)).filter(|text| !text.is_empty()).unwrap_or_else(|| text(row, second))
}

/// Resolves a name, for what knows addresses only.
fn resolved(address: &NodeAddress) -> Outcome<SocketAddr> {
    let name = match address {
        NodeAddress::Ip(address) => return Ok(*address),
        NodeAddress::Name(name) => name,
    };
    let not_found = |problem: String| Failure::new(Exit::NotFound, format!("{name}: {problem}"));
    let mut addresses = (name.host(), name.port())
        .to_socket_addrs()
        .map_err(|error| not_found(format!("the name cannot be resolved: {error}")))?;
    addresses.next().ok_or_else(|| not_found("the name has no address".to_owned()))
}

/// An IP address without its port, or the id of a node.
fn host_or_node(context: &Context, text: &str) -> Outcome<String> {
    match ip(text) {
        Ok(ip) => Ok(ip.to_string()),
        Err(_) if node_id::parse(text, &context.spec().prefix).is_ok() => Ok(text.trim().to_owned()),
        Err(_) => {
            Err(Failure::usage(format!("{text}: an IP address is needed, such as 192.0.2.7, or the id of a node")))
        }
    }
}

/// Parses an IP address. A port is ignored, so that addresses can be copied from `peers`.
fn ip(text: &str) -> Result<IpAddr, String> {
    let with_port = |_| text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse().or_else(with_port).map_err(|_| "an IP address is needed, such as 192.0.2.7".to_owned())
}

/// `tussock net`
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tussock net deny 127.0.0.1:4132 127.0.0.1:4133\n  tussock net list\n  tussock net allow"
)]
pub struct NetArgs {
    #[command(subcommand)]
    verb: Option<NetVerb>,
}

#[derive(Subcommand, Debug)]
enum NetVerb {
    /// Close and refuse connections with these nodes
    #[command(after_help = "Example:\n  tussock net deny 127.0.0.1:4132 127.0.0.1:4133")]
    Deny {
        /// IP:PORT where each node listens, or its id
        #[arg(required = true, value_name = "ADDRESS|ID")]
        nodes: Vec<String>,
    },
    /// Show the denied addresses; so does `tussock net` alone
    #[command(after_help = "Example:\n  tussock net list --json")]
    List,
    /// Allow all connections again
    #[command(after_help = "Example:\n  tussock net allow")]
    Allow,
}

/// Runs `net`.
pub fn net(context: &Context, arguments: &NetArgs) -> Outcome {
    if !context.spec().test {
        let chain = &context.spec().name;
        return Err(Failure::usage(format!("net works only on test chains (local, dev): this is {chain}")));
    }
    let (method, params, done) = match &arguments.verb {
        None | Some(NetVerb::List) => {
            let denied = context.remote()?.call("listdenied", json!([]))?;
            return context.print(&denied, |denied| denied_text(output::items(denied)));
        }
        Some(NetVerb::Deny { nodes }) => {
            let named = |text: &String| match node_id::parse(text, &context.spec().prefix) {
                Ok(_) => Ok(text.trim().to_owned()),
                Err(_) => {
                    let address = text.parse().map_err(|why| Failure::usage(format!("{text}: {why}")))?;
                    resolved(&address).map(|address| address.to_string())
                }
            };
            let list = nodes.iter().map(named).collect::<Outcome<Vec<_>>>()?;
            let done = format!("denied {}", list.join(" "));
            ("netdeny", json!([list]), done)
        }
        Some(NetVerb::Allow) => ("netallow", json!([]), "all nodes are allowed".to_owned()),
    };
    context.remote()?.call(method, params.clone())?;
    context.print(&json!({ "done": method, "addresses": params.get(0) }), |_| done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_are_of_addresses_without_a_port() {
        assert_eq!(ip("192.0.2.7:99"), ip("192.0.2.7"));
        assert!(ip("nowhere").is_err());
    }

    #[test]
    fn heights_show_their_distance_from_ours() {
        assert_eq!(
            (relative_height(5, 5), relative_height(3, 5), relative_height(9, 5)),
            ("5".into(), "3 (-2)".into(), "9 (+4)".into())
        );
    }
}
