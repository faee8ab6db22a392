//! A running node: its threads, their start and their stop.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use crate::{
    base::{ids::LinkId, limits, rng::Rng},
    chain::archive::StoreError,
    link::{Config, Order},
    net::{LineConditions, Poller, Traffic},
    node::{
        Halt, RoleId, Roles, Setup, Stores, build,
        command::Command,
        hindrance::{Finding, HindranceId},
        limit::{Limit, Meter},
    },
    runtime::{
        channels::{self, Router},
        clock::{Clock, RealClock},
        descriptors,
        handle::{Backend, Done, NodeHandle},
        heard::{self, Heard, LastHeard},
        listening::{Listen, Listening},
        panics,
        resolver::Resolve,
        signals::{self, SignalWatch},
        start_error::StartError,
        status::SharedStatus,
        stop::{StopReason, Stopper},
        worker::{Due, Unpaced, Worker, panic_message},
    },
    wire::message::Kind,
};

/// Stack of a role thread. SQLite and the codecs need a tenth of it.
const ROLE_STACK_BYTES: usize = 512 * 1024;
/// Stack of a verify thread: batched signature checks keep their tables on it.
pub(super) const VERIFY_STACK_BYTES: usize = 1024 * 1024;

/// The poll loop's name among threads.
const NET: &str = "net";

/// How a node runs, beyond what its roles need to know.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Where to listen for peers; port 0 takes any free port.
    pub listen: Listen,
    /// Tells what host names stand for.
    pub resolver: Arc<dyn Resolve>,
    /// Unpredictable bytes from the operating system: all randomness of the node comes from them.
    pub seed: [u8; 32],
    /// Stop at SIGINT and SIGTERM. For the one node of a process.
    pub signals: bool,
    /// Limits of the poll loop; `None`: the defaults.
    pub net: Option<Config>,
    /// Bytes a second that are sent to all peers together; `None`: no limit.
    pub max_upload: Option<u64>,
    /// What the node sends passes through an emulated line like this.
    pub line: Option<LineConditions>,
}

/// What [`Node::wait_ready`] saw first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The ledger has reported its tip.
    Ready,
    /// The node stops. [`Node::stop`] returns the reason.
    Stopping,
    /// Neither happened in time.
    Late,
}

/// A running node. Dropping it stops it.
pub struct Node {
    router: Arc<Router>,
    handle: NodeHandle,
    local_addresses: Vec<SocketAddr>,
    threads: Vec<Thread>,
    /// Each thread says its index here when it ends.
    ended: Receiver<usize>,
    _signals: Option<SignalWatch>,
}

/// One thread of the node.
struct Thread {
    /// `None`: the poll loop.
    role: Option<RoleId>,
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    join: Option<thread::JoinHandle<()>>,
}

impl Node {
    /// Starts a node: binds the listening address, makes the roles, starts the threads.
    ///
    /// The port that was bound replaces `setup.listen_port`.
    pub fn start(mut setup: Setup, stores: Stores, options: NodeOptions) -> Result<Self, StartError> {
        let listening = Listening::start(&options.listen)?;
        setup.listen_port = listening.port();
        let own = listening.addresses().into_iter().filter(|address| !address.ip().is_unspecified());
        setup.own_addresses.extend(own);
        let wanted = setup.max_inbound;
        let mut net = options.net.unwrap_or_else(|| config_for(&mut setup));
        net.max_upload = options.max_upload.or(net.max_upload);
        let mut rng = Rng::new(options.seed);
        let roles = build(&setup, stores, &mut rng);
        let line = options.line.map(|line| (line, rng.fork("line")));
        let heard = setup.spec.test.then(Arc::default);
        let node = Self::launch(roles, listening, net, line, options.signals, options.resolver, heard)?;
        if setup.max_inbound < wanted {
            node.tell_few_descriptors(setup.max_inbound, wanted);
        }
        Ok(node)
    }

    /// Starts the threads of a node with any roles.
    pub(super) fn launch(
        roles: Roles,
        listening: Listening,
        net: Config,
        line: Option<(LineConditions, Rng)>,
        signals: bool,
        resolver: Arc<dyn Resolve>,
        heard: Option<Arc<LastHeard>>,
    ) -> Result<Self, StartError> {
        let system = |what| move |source| StartError::System { what, source };
        let max_upload = net.max_upload;
        let mut poller = Poller::new(net).map_err(system("the poll loop"))?;
        if let Some((line, rng)) = line {
            poller = poller.over_line(line, rng);
        }
        let (waker, traffic) = (poller.waker(), poller.traffic());
        let (status, stopper) = (Arc::<SharedStatus>::default(), Arc::new(Stopper::new()));
        let ids: Vec<RoleId> = roles.iter().map(|(id, _)| *id).collect();
        let wake_net = Arc::new(move || waker.wake());
        let mut channels = channels::open(&ids, wake_net, Arc::clone(&status), Arc::clone(&stopper));
        channels.router.resolver = resolver;
        let local_addresses = listening.addresses();
        let listeners = listening.into_listeners(&status);
        let router = Arc::new(channels.router);
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        let watch = signals.then(|| {
            let stopper = Arc::clone(&stopper);
            signals::watch(move |number| stopper.stop(StopReason::Signal(number)))
        });
        let backend = Running { router: Arc::clone(&router), traffic, max_upload, heard: heard.clone() };
        let (say_ended, ended) = unbounded();
        // From here on a failure drops the node, which stops what was started.
        let mut node = Self {
            handle: NodeHandle::new(Arc::new(backend), status),
            local_addresses,
            threads: Vec::new(),
            ended,
            _signals: watch.transpose().map_err(system("signal handling"))?,
            router,
        };
        for ((id, role), inbox) in roles.into_iter().zip(channels.inboxes) {
            let (stop, stopped) = bounded(0);
            let (router, clock) = (Arc::clone(&node.router), Arc::clone(&clock));
            let worker =
                Worker { id, role, inbox, router, clock, pace: Box::new(Unpaced), stop: stopped, due: Due::default() };
            node.spawn(Some(id), Some(stop), &say_ended, move || worker.run()).map_err(system(id.name()))?;
        }
        let (sink, orders) = (heard::noting(channels.sink, heard), Box::new(channels.orders));
        let run = move || {
            let run = || poller.run(listeners, sink, orders, || clock.now().mono);
            match catch_unwind(AssertUnwindSafe(run)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => stopper.broken(format!("the poll loop failed: {error}")),
                Err(panic) => stopper.broken(format!("the poll loop panicked: {}", panic_message(&*panic))),
            }
        };
        node.spawn(None, None, &say_ended, run).map_err(system("the poll loop"))?;
        Ok(node)
    }

    fn tell_few_descriptors(&self, inbound: usize, wanted: usize) {
        let text = format!("few files may be open, so {inbound} peers are let in instead of {wanted}");
        let finding = Finding::new(text, "raise the limit of open files (ulimit -n)");
        self.handle.hinder(HindranceId::LowDescriptors, RealClock::new().now().unix, Some(finding));
    }

    /// A handle for RPC, command line and tests.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// From now on a panic of any thread of this process stops the node, whether or not the build can unwind.
    pub fn halt_on_panic(&self) {
        panics::halt_on_panic(Arc::clone(&self.router.stopper));
    }

    /// Where the node listens for peers, with the real port.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_addresses.first().copied()
    }

    /// Waits until the ledger has reported its tip, or the node stops, at most for `timeout`.
    pub fn wait_ready(&self, timeout: Duration) -> Readiness {
        let (tell, told) = bounded(1);
        self.handle.watch(Box::new(move || {
            // Full: the change before this one has not been looked at yet.
            let _ = tell.try_send(());
        }));
        let deadline = Instant::now() + timeout;
        loop {
            if self.handle.status().tip.is_some() {
                return Readiness::Ready;
            }
            select! {
                recv(told) -> _ => {}
                recv(self.router.stopper.stopping()) -> _ => return Readiness::Stopping,
                default(deadline.saturating_duration_since(Instant::now())) => return Readiness::Late,
            }
        }
    }

    /// Waits for a reason to stop. The node still runs then, so that its users can end first; [`Node::stop`] tells it.
    pub fn await_stop(&self) {
        self.router.stopper.wait(None);
    }

    /// Waits until a stop is asked for, a signal comes or the node must halt; then stops it in order.
    pub fn wait(mut self) -> StopReason {
        self.await_stop();
        self.shut_down();
        self.router.stopper.reason().unwrap_or(StopReason::Asked)
    }

    /// Asks for a stop and waits for it.
    pub fn stop(self) -> StopReason {
        self.stop_for(StopReason::Asked)
    }

    /// Stops for this reason, unless there is one already, and waits for it.
    pub fn stop_for(self, reason: StopReason) -> StopReason {
        self.router.stopper.stop(reason);
        self.wait()
    }

    fn spawn(
        &mut self,
        role: Option<RoleId>,
        stop: Option<Sender<()>>,
        say_ended: &Sender<usize>,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let (at, say_ended) = (self.threads.len(), say_ended.clone());
        let same = self.threads.iter().filter(|thread| thread.role == role).count();
        let name = match (role, same) {
            (None, _) => NET.to_owned(),
            (Some(role), 0) => role.name().to_owned(),
            (Some(role), number) => format!("{}-{}", role.name(), number + 1),
        };
        let stack = if role == Some(RoleId::Verify) { VERIFY_STACK_BYTES } else { ROLE_STACK_BYTES };
        let join = thread::Builder::new().name(name).stack_size(stack).spawn(move || {
            run();
            // The node may have given up on us; then nobody listens any more.
            let _ = say_ended.send(at);
        })?;
        self.threads.push(Thread { role, stop, join: Some(join) });
        Ok(())
    }

    /// Stops in order: nothing new from outside; the roles in the opposite order of their start, the ledger last; the
    /// peers hear our goodbye as soon as the roles that care for them are done.
    fn shut_down(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        let reason = self.router.stopper.reason().map_or_else(|| "unknown".to_owned(), |reason| reason.to_string());
        log::info!("stopping reason=\"{reason}\"");
        let start = Instant::now();
        self.router.pending_commands.close();
        self.router.order(Order::Retire);
        let mut gone = BTreeMap::new();
        for role in RoleId::ALL.into_iter().rev() {
            // Whatever another role is stuck in, the ledger gets its time.
            let share = if role == RoleId::Ledger { 1 } else { 2 };
            let deadline = start + limits::STOP_TIMEOUT / share;
            self.end_role(role, &mut gone, deadline);
            // `peers` has by now noted whom to call first after the restart: the links may end.
            if role == RoleId::Peers {
                self.router.order(Order::Stop);
            }
        }
        let net: Vec<usize> = (0..self.threads.len()).filter(|at| self.threads[*at].role.is_none()).collect();
        self.await_threads(&net, &mut gone, start + limits::STOP_TIMEOUT);
        for (at, thread) in self.threads.drain(..).enumerate() {
            let name = thread.role.map_or(NET, RoleId::name);
            match thread.join {
                Some(join) if gone.contains_key(&at) => drop(join.join()),
                _ => self.router.stopper.broken(format!("{name} did not stop in time")),
            }
        }
        self.router.pending_commands.refuse_all();
        log::info!("stopped");
    }

    fn end_role(&mut self, role: RoleId, gone: &mut BTreeMap<usize, ()>, deadline: Instant) {
        let mut wanted = Vec::new();
        for (at, thread) in self.threads.iter_mut().enumerate().filter(|(_, thread)| thread.role == Some(role)) {
            thread.stop = None;
            wanted.push(at);
        }
        self.await_threads(&wanted, gone, deadline);
    }

    fn await_threads(&self, wanted: &[usize], gone: &mut BTreeMap<usize, ()>, deadline: Instant) {
        while !wanted.iter().all(|at| gone.contains_key(at)) {
            match self.ended.recv_deadline(deadline) {
                Ok(at) => drop(gone.insert(at, ())),
                Err(_) => return,
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// The poll loop's limits, and fewer slots if this process may not open that many files.
fn config_for(setup: &mut Setup) -> Config {
    let mut config = Config::new(setup.spec.magic(), setup.max_inbound);
    config.out_of_place = Kind::out_of_place(&setup.spec);
    config.members = setup.members.clone().map(Arc::new);
    config.agreements.own_host = !setup.spec.test;
    let room = |spare| descriptors::room_for_peers(spare, setup.max_outbound, config.max_accepted);
    if let Some(room) = descriptors::spare().and_then(room) {
        config.max_accepted = room;
        // The others are for handshakes and for links that are being closed.
        setup.max_inbound = setup.max_inbound.min(room * 2 / 3);
    }
    config
}

/// What a handle reaches.
struct Running {
    router: Arc<Router>,
    traffic: Arc<Traffic>,
    max_upload: Option<u64>,
    heard: Option<Arc<LastHeard>>,
}

impl Backend for Running {
    fn submit(&self, command: Command, done: Done) {
        self.router.submit(command, done);
    }

    fn link_bytes(&self) -> BTreeMap<LinkId, (u64, u64)> {
        self.traffic.totals()
    }

    fn last_heard(&self) -> Vec<Heard> {
        self.heard.as_ref().map_or_else(Vec::new, |heard| heard.list())
    }

    fn total_bytes(&self) -> (u64, u64) {
        self.traffic.total()
    }

    fn upload_limit(&self) -> Option<(u64, bool)> {
        self.max_upload.map(|limit| (limit, self.traffic.holds_back()))
    }

    fn small_segment_links(&self) -> usize {
        self.traffic.small_segment_links()
    }

    fn net_limits(&self) -> Vec<(Limit, Meter)> {
        self.traffic.limits()
    }

    fn stop(&self) {
        self.router.stopper.stop(StopReason::Asked);
    }

    fn halt(&self, error: StoreError) {
        self.router.stopper.stop(StopReason::Halt(error.into()));
    }

    fn store_failure(&self) -> Option<StoreError> {
        match self.router.stopper.reason() {
            Some(StopReason::Halt(Halt::Store(error))) => Some(error),
            _ => None,
        }
    }
}
