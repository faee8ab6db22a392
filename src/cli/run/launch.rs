//! Starts a node: lock, log, databases, threads. Tells why it stopped.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU32},
    time::Instant,
};

use super::{
    authorities,
    folder::Folder,
    lost_blocks::LostBlocks,
    plan::{DEFAULT_MEMORY, Plan},
    pruning,
    serve::{check_http_address, halted, serve},
};
use crate::{
    base::limits,
    chain::{
        archive::{HeaderArchive, LedgerStore as _, PastStore, SealStore, StoreError},
        node_id,
        snapshot::{JoinState, SnapshotStore},
    },
    cli::{
        datadir::{self, Lock},
        dev_state::DevState,
        exit::{Exit, Failure, Outcome},
        node_key, output,
    },
    config,
    node::{
        Setup, Stores,
        hindrance::{Finding, HindranceId},
    },
    rpc::test_chain,
    runtime::{
        self, Node, NodeOptions, StartError, StopReason, clock,
        logging::{self, Levels, LogError, LogOptions},
        resolver::SystemResolver,
    },
    store::{LedgerDb, LedgerOptions, LedgerReader, PeerDb, SealDb, SharedLedger, Sharing, SnapshotDb, past::PastDb},
};

/// Runs a node until it stops.
pub(super) fn launch(plan: &Plan) -> Outcome {
    for name in config::empty_variables() {
        output::note(&format!("warning: the variable {name} is empty, which means not set"));
    }
    let levels = plan.log_levels()?;
    let mut setup = plan.setup()?;
    let too_few = plan.check_keep()?;
    plan.vain_settings(false)?;
    let folder = plan.folder();
    let mut lock = Lock::acquire(&folder, &plan.context.settings.flags())?;
    let _note = plan.dev_note();
    // Files of a node that was killed would lead commands astray.
    datadir::remove_runtime_files(&folder);
    start_log(plan, levels)?;
    let memory = plan.memory();
    if memory < DEFAULT_MEMORY && plan.flags().max_memory.is_none() {
        log::info!("the control group allows little memory, caches are smaller max_memory={memory}");
    }
    if let Some(problem) = too_few {
        log::warn!("{problem}; this node cannot serve such newcomers");
    }
    if plan.mines_alone() {
        log::warn!("mining waits for a peer, and none is known; the first node of a network needs --is-bootnode");
    }
    check_http_address(plan)?;
    // The index has read nothing yet.
    let held = Arc::new(AtomicU32::new(if plan.has_index() { 0 } else { u32::MAX }));
    let Opened { stores, warning, sharing, lost, kept_from, is_joining } = open_stores(plan, &setup, &held)?;
    setup.kept_from = kept_from;
    let vain = plan.vain_settings(is_joining)?;
    set_clock(plan, &mut setup)?;
    if is_joining {
        setup.join = plan.goes_on_joining();
    }
    let opened = Folder::new(folder.clone());
    setup.key = node_key::load(&folder)?;
    let id = node_id::to_text(&setup.key.id(), &setup.spec.prefix);
    if setup.members.as_ref().is_some_and(|members| !members.contains(&setup.key.id())) {
        log::warn!("this node is not in its own list of members, so others with the same list refuse it node={id}");
    }
    plan.context.keep_chain_file()?;
    let started = Instant::now();
    let node = start_node(plan, setup, stores)?;
    plan.state.iter().for_each(DevState::has_begun);
    log::info!("this node is known to others by its id node={id}");
    node.halt_on_panic();
    if let Some(warning) = warning {
        node.handle().warn("peer book", warning);
    }
    if let Some(line) = plan.flags().line {
        log::warn!("what this node sends passes through an emulated line line={line}");
        node.handle().warn("line", format!("an emulated line delays what this node sends (--line {line})"));
    }
    if !vain.is_empty() {
        vain.iter().for_each(|text| log::warn!("{text}"));
        node.handle().warn("settings", vain.join("; "));
    }
    if sharing == Sharing::OneProcess {
        node.handle().hinder(HindranceId::NoSharedMemory, runtime::unix_now(), Some(no_shared_memory()));
    }
    let result = serve(plan, node, started, &mut lock, &opened, (lost, held));
    // Another node's files may be there by now.
    if opened.is_in_place() {
        datadir::remove_runtime_files(&folder);
    }
    match result? {
        StopReason::Halt(halt) => Err(plan.keeping(halted(plan, halt))),
        StopReason::Asked | StopReason::Signal(_) | StopReason::NotServed(_) => plan.save_state(),
    }
}

/// Sets the clock of a test chain's node off the host's, as an operator did in an earlier run.
fn set_clock(plan: &Plan, setup: &mut Setup) -> Outcome {
    if !setup.spec.test {
        return Ok(());
    }
    let path = plan.context.ledger();
    let tip =
        LedgerReader::open(&path).and_then(|ledger| ledger.tip()).map_err(|error| Failure::store(&path, &error))?;
    let shift = test_chain::settle(&plan.folder(), &tip.hash);
    clock::set_shift(shift);
    if shift != 0 {
        // The host's time of an earlier run says nothing of it.
        (setup.known_time, setup.force_clock) = (None, true);
        log::warn!("the clock of this test chain is set off the host's offset_s={shift}; see: tussock dev time --help");
    }
    Ok(())
}

fn start_log(plan: &Plan, levels: Levels) -> Outcome {
    let folder = plan.folder().join(datadir::LOGS);
    let options = LogOptions { folder: Some(folder), stderr: !plan.quiet(), levels };
    logging::init(options).map_err(|error| match error {
        LogError::File { path, source } => Failure::io("cannot write the log", &path, &source),
        LogError::Twice => Failure::new(Exit::Internal, error.to_string()),
    })
}

/// What is told where only this process can have the databases open.
fn no_shared_memory() -> Finding {
    let text = "the file system of the data directory has no shared memory, so no other program reads the databases";
    Finding::new(text, "ask the node over RPC; sql, backup and verify work while it is stopped")
}

/// The databases of a node that is about to start.
struct Opened {
    stores: Stores,
    /// What is wrong with the peer book.
    warning: Option<String>,
    /// Who can read the ledger beside the node.
    sharing: Sharing,
    lost: Option<LostBlocks>,
    /// From where on blocks are whole; `None`: all are, and will be.
    kept_from: Option<u32>,
    /// The ledger has begun to join with a snapshot.
    is_joining: bool,
}

fn open_stores(plan: &Plan, setup: &Setup, held: &Arc<AtomicU32>) -> Outcome<Opened> {
    let path = plan.context.ledger();
    let failed = |error| Failure::store(&path, &error);
    let sized = |bytes| limits::scaled(bytes, setup.memory_percent, 100);
    let options = LedgerOptions::default();
    let (cache_bytes, filter_bytes) = (sized(options.cache_bytes), sized(options.filter_bytes));
    let options = LedgerOptions { cache_bytes, filter_bytes, keep: plan.keep(), ..options };
    let mut ledger = LedgerDb::open(&path, &setup.spec, &options).map_err(failed)?;
    ledger.hold(Arc::clone(held));
    let kept_from = pruning::tell(plan.keep(), &ledger).map_err(failed)?;
    let sharing = ledger.opened().sharing;
    let headers = LedgerReader::open(&path).map_err(failed)?;
    let mut seals = open_seals(plan, setup)?;
    let record = seals.as_mut().map(|seals| seals.load()).transpose().map_err(failed)?;
    authorities::check(&headers, &setup.spec, &record.unwrap_or_default())?;
    let lost = LostBlocks::find(&headers, &plan.folder()).map_err(failed)?;
    let has_begun = ledger.join_state().map_err(failed)? == JoinState::Joining;
    let is_joining = has_begun && plan.goes_on_joining().is_some();
    if has_begun && !is_joining {
        // Before any role reads headers that count as applied until then.
        log::info!("this node no longer joins with a snapshot (--join history): it verifies the whole history");
        ledger.abandon_join().map_err(failed)?;
    }
    let mut past = PastDb::beside(&path, Arc::clone(&setup.spec), setup.memory_percent);
    if ledger.kept_from() <= 1 {
        // A kill may have left it behind.
        past.remove().map_err(failed)?;
    }
    let ledger = SharedLedger::new(ledger);
    let headers = ledger.archive(headers).map_err(failed)?;
    let (peers, warning) = PeerDb::open(&plan.folder().join(datadir::PEERS));
    if let Some(warning) = &warning {
        log::warn!("{warning}");
    }
    let snapshots = match setup.serve_snapshots.is_some() || setup.join.is_some() || is_joining {
        true => Some(open_snapshots(&path, &ledger).map_err(failed)?),
        false => None,
    };
    let history = match plan.flags().history == Some(true) {
        true => Some(open_history(&path, past, &ledger).map_err(failed)?),
        false => None,
    };
    let (ledger, headers, peers) = (Box::new(ledger), Box::new(headers), Box::new(peers));
    let stores = Stores { ledger, headers, snapshots, history, peers, seals };
    Ok(Opened { stores, warning, sharing, lost, kept_from, is_joining })
}

type Snapshots = (Box<dyn SnapshotStore>, Box<dyn HeaderArchive>);

/// Opens the snapshots beside the ledger.
fn open_snapshots(path: &Path, ledger: &SharedLedger) -> Result<Snapshots, StoreError> {
    let snapshots = SnapshotDb::open(path, LedgerReader::open(path)?)?;
    let headers = ledger.archive(LedgerReader::open(path)?)?;
    Ok((Box::new(snapshots), Box::new(headers)))
}

type History = (Box<dyn PastStore>, Box<dyn HeaderArchive>);

/// Where the past is verified, beside the ledger.
fn open_history(path: &Path, past: PastDb, ledger: &SharedLedger) -> Result<History, StoreError> {
    let headers = ledger.archive(LedgerReader::open(path)?)?;
    Ok((Box::new(past), Box::new(headers)))
}

/// Opens what authorities have signed; nothing on a chain without any. A node without a key replaces a damaged file, as it
/// has signed nothing.
fn open_seals(plan: &Plan, setup: &Setup) -> Outcome<Option<Box<dyn SealStore>>> {
    if setup.spec.authorities.at(1).is_none() {
        return Ok(None);
    }
    let path = plan.folder().join(datadir::SEALS);
    let failed = |error: &StoreError| Failure::store(&path, error);
    match SealDb::open(&path, &setup.spec) {
        Ok(mut seals) => {
            if let Some(key) = &setup.seal {
                seals.require_owner(&setup.spec, &key.public_key()).map_err(|error| failed(&error))?;
            }
            Ok(Some(Box::new(seals)))
        }
        Err(error @ StoreError::Corrupt(_)) if setup.seal.is_none() => {
            let (seals, aside) = SealDb::replace(&path, &setup.spec).map_err(|error| failed(&error))?;
            log::warn!("seals.db: {error}; renamed to {}, starting with an empty one", aside.display());
            Ok(Some(Box::new(seals)))
        }
        Err(error @ StoreError::Corrupt(_)) => {
            let advice = "move the file away; the node then asks the others what its key has signed, and votes only if they \
                          know of nothing";
            Err(Failure::new(Exit::Io, format!("{error}: {}; {advice}", path.display())))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn start_node(plan: &Plan, setup: Setup, stores: Stores) -> Outcome<Node> {
    let options = NodeOptions {
        listen: plan.listen(),
        resolver: Arc::new(SystemResolver),
        seed: datadir::random_bytes::<32>()?,
        signals: true,
        net: None,
        max_upload: plan.flags().max_upload.map(|limit| limit.0),
        line: plan.flags().line,
    };
    Node::start(setup, stores, options).map_err(|error| match error {
        StartError::Listen { .. } => Failure::usage(error.to_string()),
        StartError::System { .. } => Failure::new(Exit::Internal, error.to_string()),
    })
}
