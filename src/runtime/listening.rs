//! Where a node listens for peers.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    net::{ListenAddress, Listener},
    node::report::Report,
    runtime::{start_error::StartError, status::SharedStatus},
};

/// The key of the warning while an address is missing.
const WARNING: &str = "listen";

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At these addresses; nowhere if there are none. One that this host does not have yet is waited for.
    At(Vec<ListenAddress>),
    /// At this port of all addresses that the host has, of both families.
    Any(u16),
}

/// The sockets of a node that listens.
pub(super) struct Listening(Vec<Listener>);

impl Listening {
    /// Binds the addresses.
    pub(super) fn start(listen: &Listen) -> Result<Self, StartError> {
        let bind = |address: &ListenAddress| {
            Listener::bind(address.clone()).map_err(|source| StartError::Listen { address: address.clone(), source })
        };
        match listen {
            Listen::At(addresses) => addresses.iter().map(bind).collect::<Result<_, _>>().map(Self),
            Listen::Any(port) => {
                let any = |ip: SocketAddr| ListenAddress::from(ip);
                let [six, four] =
                    [(Ipv6Addr::UNSPECIFIED, *port).into(), (Ipv4Addr::UNSPECIFIED, *port).into()].map(any);
                match Listener::bind(six.clone()) {
                    Ok(listener) if listener.local_address().is_some() => Ok(Self::with_ipv4(listener)),
                    Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                        Err(StartError::Listen { address: six, source })
                    }
                    // A host without IPv6.
                    _ => Ok(Self(vec![bind(&four)?])),
                }
            }
        }
    }

    /// A socket of IPv6 takes IPv4 as well, unless the host says otherwise (`net.ipv6.bindv6only`). Then both are needed.
    fn with_ipv4(six: Listener) -> Self {
        let port = six.local_address().map_or(0, |address| address.port());
        let four = Listener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        Self([six].into_iter().chain(four.ok()).collect())
    }

    /// The addresses that are bound, with their real ports.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(Listener::local_address).collect()
    }

    /// The port to tell peers; 0: nobody can connect.
    pub(super) fn port(&self) -> u16 {
        let bound = self.addresses().first().map(SocketAddr::port);
        bound.or_else(|| self.0.first().map(|listener| listener.address().port())).unwrap_or(0)
    }

    /// The sockets. The status shows which addresses are missing, until they come.
    pub(super) fn into_listeners(mut self, status: &Arc<SharedStatus>) -> Vec<Listener> {
        let waiting = self.0.iter().filter(|listener| listener.local_address().is_none());
        let missing: Arc<Mutex<Vec<ListenAddress>>> =
            Arc::new(Mutex::new(waiting.map(|listener| listener.address().clone()).collect()));
        warn(&missing, status);
        let bound = Arc::new(Mutex::new(self.addresses()));
        status.report(Report::Listening(self.addresses()));
        for listener in self.0.iter_mut().filter(|listener| listener.local_address().is_none()) {
            let (missing, status, address) = (Arc::clone(&missing), Arc::clone(status), listener.address().clone());
            let bound = Arc::clone(&bound);
            listener.on_bound(move |late| {
                log::info!("listens at an address that came late address={late}");
                lock(&missing).retain(|other| *other != address);
                warn(&missing, &status);
                lock(&bound).push(late);
                status.report(Report::Listening(lock(&bound).clone()));
            });
        }
        self.0
    }
}

fn warn(missing: &Mutex<Vec<ListenAddress>>, status: &SharedStatus) {
    let missing: Vec<String> = lock(missing).iter().map(ToString::to_string).collect();
    let text = (!missing.is_empty()).then(|| {
        let text = format!("waits for an address to listen at, which this host does not have: {}", missing.join(", "));
        log::warn!("{text}");
        text
    });
    status.report(Report::Warning { key: WARNING, text });
}

/// A panic while it is held leaves a list that is complete or lacks one address.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
