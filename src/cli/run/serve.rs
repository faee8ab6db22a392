//! The life of a node between start and stop: HTTP server, ready message, progress in the log.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, atomic::AtomicU32},
    time::{Duration, Instant},
};

use super::{
    folder::Folder,
    lost_blocks::LostBlocks,
    notifier::Notifier,
    plan::Plan,
    watch::{HostWatch, listening},
    watchdog::Watchdog,
};
use crate::{
    cli::{
        announce,
        datadir::{self, Endpoints, Holder, Lock},
        exit::{Exit, Failure, Outcome},
        notify,
        progress::Reporter,
        units,
    },
    node::Halt,
    rpc::{Server, ServerOptions, tokens},
    runtime::{Node, Readiness, StopReason, thread_hint, traffic::TrafficLog},
};

/// How long the ledger may take to report its tip. Slow work, such as a migration, is done before, when it is opened.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves HTTP, says that the node is ready, and waits for its end.
pub(super) fn serve(
    plan: &Plan,
    node: Node,
    started: Instant,
    lock: &mut Lock,
    folder: &Folder,
    (lost, held): (Option<LostBlocks>, Arc<AtomicU32>),
) -> Outcome<StopReason> {
    let traffic = Arc::new(TrafficLog::open(plan.folder().join(datadir::TRAFFIC)));
    let server = match start_server(plan, &node, started, &traffic, &held) {
        Ok(server) => server,
        Err(failure) => return Err(given_up(node, failure)),
    };
    match node.wait_ready(READY_TIMEOUT) {
        Readiness::Ready => {}
        Readiness::Stopping => return Ok(node.stop()),
        Readiness::Late => return Err(not_ready(plan, node)),
    }
    let endpoints = endpoints(plan, &node, server.as_ref());
    if let Err(failure) = publish(plan, &endpoints, lock) {
        return Err(given_up(node, failure));
    }
    // The node runs even if its standard output is closed.
    drop(announce(plan, &endpoints));
    notify::tell("READY=1");
    let helpers = (Reporter::start(node.handle()), Watchdog::start(node.handle()));
    let notifier = Notifier::start(plan, server.as_ref().map(Server::local_address), node.handle());
    let watch = HostWatch::start(folder.clone(), endpoints, lost, traffic, node.handle());
    node.await_stop();
    drop(helpers);
    notify::tell("STOPPING=1");
    // Before the files go: it would write them again.
    let is_lost = watch.end();
    if folder.is_in_place() {
        datadir::remove_runtime_files(&plan.folder());
    }
    // The server stops first: it reads the ledger's files, and the last to close them removes SQLite's write-ahead log.
    notifier.iter().for_each(Notifier::stop);
    if let Some(server) = server {
        server.stop();
    }
    drop(notifier);
    let reason = node.stop();
    if is_lost { Err(folder.failure()) } else { Ok(reason) }
}

/// Stops a node that cannot be served, and passes the failure on.
fn given_up(node: Node, failure: Failure) -> Failure {
    node.stop_for(StopReason::NotServed(failure.message.clone()));
    failure
}

/// What to do about a file of the running node that cannot be written.
fn unwritable(failure: Failure) -> Failure {
    let advice = match failure.exit {
        Exit::Unauthorised => "give the data directory back to the node's user (chown), or run the node as its owner",
        _ => "make room or check the disk, then start again",
    };
    Failure { message: format!("{}; {advice}", failure.message), ..failure }
}

/// The failure of a node whose ledger is not ready in time. A reason of the node's own counts more.
fn not_ready(plan: &Plan, node: Node) -> Failure {
    if let StopReason::Halt(halt) = node.stop() {
        return halted(plan, halt);
    }
    let (seconds, path) = (READY_TIMEOUT.as_secs(), plan.context.ledger());
    let advice = "the log says what it was doing; start again";
    Failure::new(Exit::TimedOut, format!("the ledger was not ready within {seconds} s: {}; {advice}", path.display()))
}

/// The failure of a node that had to stop.
pub(super) fn halted(plan: &Plan, halt: Halt) -> Failure {
    match halt {
        Halt::Store(error) => Failure::store(&plan.context.ledger(), &error),
        // To start again would end in the same way: a service manager must not.
        Halt::SignedElsewhere(what) | Halt::Authorities(what) | Halt::History(what) => {
            Failure::new(Exit::Mismatch, what)
        }
        halt @ Halt::Invariant(_) => Failure::new(Exit::Internal, halt.to_string()),
    }
}

fn endpoints(plan: &Plan, node: &Node, server: Option<&Server>) -> Endpoints {
    let spec = plan.context.spec();
    Endpoints {
        pid: std::process::id(),
        p2p: node.local_address().map(|address| address.to_string()).unwrap_or_default(),
        listen: listening(&node.handle()),
        http: server.map(|server| server.local_address().to_string()),
        chain: spec.name.clone(),
        genesis: spec.genesis_hash().to_string(),
    }
}

/// Writes the files by which commands find the node.
fn publish(plan: &Plan, endpoints: &Endpoints, lock: &mut Lock) -> Outcome {
    let holder = Holder { pid: endpoints.pid, started: units::unix_now(), http: endpoints.http.clone() };
    lock.describe(&holder).and_then(|()| datadir::write_endpoints(&plan.folder(), endpoints)).map_err(unwritable)
}

fn announce(plan: &Plan, endpoints: &Endpoints) -> Outcome {
    if plan.quiet() { Ok(()) } else { announce::ready(&plan.context, endpoints, plan.accounts) }
}

fn start_server(
    plan: &Plan,
    node: &Node,
    started: Instant,
    traffic: &Arc<TrafficLog>,
    held: &Arc<AtomicU32>,
) -> Outcome<Option<Server>> {
    let Some(listen) = plan.http_address() else { return Ok(None) };
    let cookie = datadir::write_cookie(&plan.folder()).map_err(unwritable)?;
    let start = |listen: SocketAddr| {
        let options = ServerOptions {
            listen,
            cookie: cookie.clone(),
            chain: Arc::clone(&plan.context.settings.spec),
            ledger_path: plan.context.ledger(),
            index_path: plan.has_index().then(|| plan.folder().join(datadir::INDEX)),
            held: Arc::clone(held),
            names: plan.flags().http_name.clone().unwrap_or_default(),
            started,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tokens: plan.folder().join(tokens::FILE),
            traffic: Arc::clone(traffic),
            members: plan.members_list(),
            names_others: plan.names_others(),
        };
        Server::start(options, node.handle())
    };
    if !listen.ip().is_loopback() {
        log::warn!("HTTP listens beyond this host, and anybody who has the cookie controls the node address={listen}");
    }
    let server = match start(listen) {
        // A second `dev` node beside the first takes any free port.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && plan.dev && plan.flags().http.is_none() => {
            start((Ipv4Addr::LOCALHOST, 0).into())
        }
        result => result,
    };
    server.map(Some).map_err(|error| http_failure(listen, &error))
}

/// Refuses a wrong `--http` address before any database is opened.
pub(super) fn check_http_address(plan: &Plan) -> Outcome {
    match plan.http_address().filter(|_| plan.flags().http.is_some()) {
        Some(listen) => TcpListener::bind(listen).map(drop).map_err(|error| http_failure(listen, &error)),
        None => Ok(()),
    }
}

fn http_failure(listen: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(format!(
            "the HTTP address is in use: {listen}; choose another with --http IP:PORT (port 0: any free port)"
        )),
        io::ErrorKind::WouldBlock => {
            Failure::new(Exit::Internal, format!("cannot serve HTTP: {error}{}", thread_hint(error)))
        }
        _ => Failure::usage(format!("cannot serve HTTP: {listen}: {error}; choose another with --http IP:PORT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under `ulimit -v` a node said that another --http would help.
    #[test]
    fn a_refused_thread_is_no_wrong_address() {
        let said = |error: io::ErrorKind| http_failure(([127, 0, 0, 1], 3030).into(), &error.into()).message;
        assert!(
            said(io::ErrorKind::WouldBlock).contains("ulimit -v")
                && !said(io::ErrorKind::WouldBlock).contains("--http")
        );
        assert!(said(io::ErrorKind::AddrNotAvailable).contains("--http"));
    }
}
