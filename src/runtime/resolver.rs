//! Host names: what they stand for, asked on threads of their own, since the system may take long over an answer.

use std::{
    fmt::Debug,
    net::{SocketAddr, ToSocketAddrs},
    thread,
};

use crate::node::HostName;

/// Stack of a thread that asks. The system's resolver keeps its buffers on it.
const STACK_BYTES: usize = 256 * 1024;

/// Called exactly once with the addresses of a name or the reason why there are none, on any thread; must not block long.
pub type Answer = Box<dyn FnOnce(Result<Vec<SocketAddr>, String>) + Send>;

/// Tells what names stand for.
pub trait Resolve: Debug + Send + Sync {
    /// Asks without blocking.
    fn resolve(&self, name: &HostName, answer: Answer);
}

/// The resolver of this host. Each question has a thread of its own, so that a slow answer holds up no other; the role asks
/// for a name again only after the last answer.
#[derive(Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: &HostName, answer: Answer) {
        let name = name.clone();
        let ask = move || {
            let addresses = (name.host(), name.port()).to_socket_addrs();
            answer(addresses.map(Iterator::collect).map_err(|error| error.to_string()));
        };
        // Without a thread the answer is dropped, which answers, too.
        drop(thread::Builder::new().name("names".to_owned()).stack_size(STACK_BYTES).spawn(ask));
    }
}
