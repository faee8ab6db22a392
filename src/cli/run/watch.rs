//! Watches what a running node needs of its host, and tells of what is missing.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{folder::Folder, known_time::KnownTime, lost_blocks::LostBlocks};
use crate::{
    base::time::UnixTime,
    cli::{
        datadir::{self, Endpoints},
        exit::Outcome,
        units,
    },
    node::{
        command::{MinerCommand, Reply},
        hindrance::{Finding, HindranceId},
    },
    runtime::{NodeHandle, descriptors, memory, traffic::TrafficLog},
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest time whose traffic a kill may lose.
const KEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Looks every few seconds. Stops the node when its data directory is lost, and its miner while nothing can be written.
/// Ends when it is dropped.
pub(super) struct HostWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicBool>,
}

impl HostWatch {
    /// Starts a thread. If the system refuses one, nobody looks.
    pub(super) fn start(
        folder: Folder,
        endpoints: Endpoints,
        mut lost_blocks: Option<LostBlocks>,
        traffic: Arc<TrafficLog>,
        node: NodeHandle,
    ) -> Self {
        let (stop, stopped) = mpsc::channel();
        let lost = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&lost);
        let run = move || {
            // Fewer descriptors than the node wants for its peers: known since its start, and true until its end.
            let few = node.status().hindrances.get(HindranceId::LowDescriptors).map(|one| one.finding.clone());
            let (mut told, mut known) = (Told::default(), KnownTime::new(folder.path()));
            let mut files = RuntimeFiles::new(&folder, endpoints);
            let mut loss = || LostBlocks::finding(&mut lost_blocks, &node.status());
            told.tell(&node, HindranceId::BlocksLost, loss());
            let mut counted = Counted { traffic, since: Instant::now(), failed: false };
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if !folder.is_in_place() {
                    log::error!("{}", folder.failure().message);
                    told.tell(&node, HindranceId::DataDirLost, Some(folder.loss()));
                    tell.store(true, SeqCst);
                    return node.stop();
                }
                let found = [
                    (HindranceId::KeysExposed, folder.exposure()),
                    (HindranceId::ReadOnly, folder.refusal()),
                    (HindranceId::LowMemory, memory::shortage(told.findings.contains_key(&HindranceId::LowMemory))),
                    (HindranceId::LowDescriptors, descriptors::shortage().or_else(|| few.clone())),
                    (HindranceId::BlocksLost, loss()),
                    (HindranceId::LargePacketsLost, large_packets_lost(node.small_segment_links())),
                ];
                told.hold_miner(&node, &found);
                found.into_iter().for_each(|(id, finding)| told.tell(&node, id, finding));
                known.note(&node.status());
                counted.note(&node);
                files.renew(&node);
            }
            known.note_end(&node.status());
            counted.save(&node);
        };
        let thread = thread::Builder::new().name("host".to_owned()).stack_size(128 * 1024).spawn(run);
        Self { stop: Some(stop), thread: thread.ok(), lost }
    }

    /// Ends it: nothing is written from then on. Returns whether the directory was lost.
    pub(super) fn end(self) -> bool {
        let lost = Arc::clone(&self.lost);
        drop(self);
        lost.load(SeqCst)
    }
}

impl Drop for HostWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of this thread is reported by the panic hook.
            drop(thread.join());
        }
    }
}

/// What is told while links have small segments.
fn large_packets_lost(links: usize) -> Option<Finding> {
    let text =
        format!("large packets seem not to pass between this host and {links} of its peers; small ones are used");
    let advice = "set the MTU of this host's line to what it carries, or let ICMP pass in the firewalls on the way";
    (links > 0).then(|| Finding::suspicion(text, advice))
}

/// Keeps how much was sent and received.
struct Counted {
    traffic: Arc<TrafficLog>,
    since: Instant,
    failed: bool,
}

impl Counted {
    /// Keeps it if the last time was long ago.
    fn note(&mut self, node: &NodeHandle) {
        if self.since.elapsed() + INTERVAL > KEEP_INTERVAL {
            self.save(node);
        }
    }

    fn save(&mut self, node: &NodeHandle) {
        self.since = Instant::now();
        let saved = self.traffic.save(node.total_bytes(), units::unix_now());
        if let Err(error) = &saved
            && !self.failed
        {
            log::warn!("cannot keep how much was sent and received error=\"{error}\"");
        }
        self.failed = saved.is_err();
    }
}

/// All addresses where the node listens for peers now: some may have come after its start.
pub(super) fn listening(node: &NodeHandle) -> Vec<String> {
    node.status().listening.iter().map(ToString::to_string).collect()
}

/// The files by which commands find the node and may ask it.
struct RuntimeFiles {
    folder: PathBuf,
    endpoints: Endpoints,
    /// `None`: the node does not serve HTTP.
    cookie: Option<String>,
    /// Why they could not be written.
    failure: Option<String>,
}

impl RuntimeFiles {
    /// As they are now.
    fn new(folder: &Folder, endpoints: Endpoints) -> Self {
        let cookie = endpoints.http.as_ref().and_then(|_| datadir::read_cookie(folder.path()).ok());
        Self { folder: folder.path().to_owned(), endpoints, cookie, failure: None }
    }

    /// Writes them again if the node listens at addresses that came after its start, or if somebody has deleted or changed
    /// them.
    fn renew(&mut self, node: &NodeHandle) {
        self.endpoints.listen = listening(node);
        if self.endpoints.p2p.is_empty() {
            self.endpoints.p2p = self.endpoints.listen.first().cloned().unwrap_or_default();
        }
        let failure = self.write().err().map(|failure| failure.message);
        if let Some(text) = failure.as_ref().filter(|text| self.failure.as_ref() != Some(text)) {
            log::warn!("{text}");
        }
        self.failure = failure;
    }

    fn write(&self) -> Outcome {
        if datadir::read_endpoints(&self.folder).as_ref() != Some(&self.endpoints) {
            datadir::write_endpoints(&self.folder, &self.endpoints)?;
            log::info!("endpoints.json is renewed");
        }
        if let Some(cookie) = self.cookie.as_ref().filter(|cookie| !datadir::holds_cookie(&self.folder, cookie)) {
            datadir::renew_cookie(&self.folder, cookie)?;
            log::info!("the cookie is renewed, as its file was deleted or changed");
        }
        Ok(())
    }
}

/// What was told last.
#[derive(Default)]
struct Told {
    findings: BTreeMap<HindranceId, Finding>,
    /// Why the miner was told to wait.
    held: Option<String>,
}

impl Told {
    /// Tells the node what is new.
    fn tell(&mut self, node: &NodeHandle, id: HindranceId, finding: Option<Finding>) {
        if self.findings.get(&id) == finding.as_ref() {
            return;
        }
        node.hinder(id, UnixTime(units::unix_now()), finding.clone());
        match finding {
            Some(finding) => drop(self.findings.insert(id, finding)),
            None => drop(self.findings.remove(&id)),
        }
    }

    /// Tells the miner to wait, or to go on, before anybody hears why. It would find out only with its next block.
    fn hold_miner(&mut self, node: &NodeHandle, found: &[(HindranceId, Option<Finding>)]) {
        let findings = found.iter().filter_map(|(id, finding)| Some((*id, finding.as_ref()?)));
        let held =
            findings.filter(|(id, finding)| finding.blocks(*id).mining).map(|(_, finding)| finding.text.clone()).next();
        if held != self.held && node.ask(MinerCommand::Hold(held.clone())) == Reply::Done {
            self.held = held;
        }
    }
}
