//! The `sealer` role of sealed chains: views, votes and certificates after Simplex (Chan and Pass, "Simplex Consensus: A
//! Simple and Fast Consensus Protocol", 2023). In the miner's place; every node has it, whether or not it has a key.
//!
//! [`core`] has the rules. The role around it moves frames, asks the other roles, and keeps on the disk what must not be
//! forgotten.
#![doc = include_str!("MODEL.md")]

mod catching_up;
mod charging;
pub mod core;
mod disputes;
mod effects;
mod finality;
mod frames;
mod heard;
mod keys;
mod leading;
mod lying;
mod offers;
mod peer;
mod questions;
mod recalling;
mod reporting;
#[cfg(test)]
mod tests;
mod turning;
mod ways;
mod worth;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        time::{Now, Time},
    },
    chain::{
        archive::{SealRecord, SealStore},
        key::SecretKey,
        seal::{AuthoritySet, Certificate, Epoch, Sealing},
        spec::ChainSpec,
    },
    node::{
        ChainMove, Drained, Halt, Input, Nothing, Outbox, PeerFault, PeerLink, Role, Setup,
        notice::{ProposalFault, ToSealer},
    },
};

use self::{
    core::{Clock, Core, Place},
    finality::Finality,
    keys::Keys,
    offers::{Leading, Offers},
    peer::Peer,
    questions::Questions,
    recalling::Recalling,
    reporting::{Facts, Reporter},
    ways::Ways,
};

/// The `sealer` role.
pub struct Sealer {
    spec: Arc<ChainSpec>,
    sealing: Sealing,
    /// This node's own key.
    key: Option<SecretKey>,
    /// Those of the set that seals now.
    keys: Keys,
    seals: Box<dyn SealStore>,
    core: Core,
    peers: BTreeMap<LinkId, Peer>,
    ways: Ways,
    offers: Offers,
    leading: Option<Leading>,
    recalling: Recalling,
    questions: Questions,
    finality: Finality,
    reporter: Reporter,
    /// Up to which block the ledger is applied, and its height.
    ledger: Option<(Hash, u32)>,
    /// The newest block of each later set that it holds final. That set seals only if the block stands behind a handover.
    ahead: BTreeMap<Epoch, Certificate>,
    /// Transactions in the mempool.
    waiting: usize,
    /// The last template had none of them.
    fits_nothing: bool,
    /// By when the newest votes of others are written.
    heard_due: Option<Time>,
    /// Authorities of the set that are proven to have proposed twice in one view.
    double: BTreeSet<u8>,
    /// Bytes of messages that this node has passed on or sent.
    news: u64,
}

impl Sealer {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, seals: Box<dyn SealStore>) -> Self {
        let spec = &setup.spec;
        let sealing = spec.sealing().unwrap_or_else(never);
        let set = spec.authorities.at(1).cloned().unwrap_or_else(|| AuthoritySet::new(0, vec![[0; 32]]));
        let keys = Keys::new(spec.genesis_hash(), set, setup.seal.as_ref());
        let recalling = Recalling::new(keys.own_number(), keys.set.quorum());
        let genesis = Place { view: 0, block: keys.genesis };
        let core = new_core(&sealing, &keys, (genesis, None), SealRecord::default(), Clock::default());
        Self {
            reporter: Reporter::new(&keys, spec),
            finality: Finality::new(spec.clone()),
            key: setup.seal.clone(),
            ledger: None,
            ahead: BTreeMap::new(),
            spec: spec.clone(),
            sealing,
            keys,
            seals,
            core,
            peers: BTreeMap::new(),
            ways: Ways::default(),
            offers: Offers::default(),
            leading: None,
            recalling,
            questions: Questions::default(),
            waiting: 0,
            fits_nothing: false,
            heard_due: None,
            double: BTreeSet::new(),
            news: 0,
        }
    }

    fn start(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        // Which set is in office the ledger will tell: what is on the disk may be the word of one that is not.
        self.take_set(now, self.keys.set.clone(), self.genesis(), None)?;
        let record = self.seals.load()?;
        self.note_ahead(&record);
        self.finality.start(now);
        let last = self.core.certified().last_final();
        if last.view > 0 {
            self.reached(now, last, out);
        }
        self.tell_notarised(out);
        Ok(())
    }

    fn on_link(&mut self, now: Now, event: PeerLink<Drained>, out: &mut Outbox) -> Result<(), Halt> {
        match event {
            PeerLink::Up { link, peer } => {
                self.ways.linked(link, peer.node);
                return self.greet(now, link, out);
            }
            PeerLink::Frame { link, frame } => match self.peers.get(&link) {
                Some(peer) if peer.is_faulty => {}
                _ => return self.on_frame(now, link, &frame, out),
            },
            PeerLink::Closed { link, .. } => {
                self.peers.remove(&link);
                self.ways.lost(link);
            }
            PeerLink::Own(Drained(link)) => self.on_drained(link),
        }
        Ok(())
    }

    fn on_notice(&mut self, now: Now, notice: ToSealer, out: &mut Outbox) -> Result<(), Halt> {
        match notice {
            ToSealer::State(_) => self.finality.look(out),
            ToSealer::PlaceFound { block, height, view, is_applied } => {
                self.finality.note_place(block, height, is_applied);
                return self.on_place(now, block, (height, view), out);
            }
            ToSealer::ChainMoved(moved) => return self.chain_moved(now, &moved, out),
            ToSealer::PoolChanged { added, removed } => {
                self.waiting = self.waiting.saturating_add(added).saturating_sub(removed);
                self.fits_nothing &= added == 0;
                self.note_work(now);
            }
            ToSealer::Template(template) => return self.on_template(now, template, out),
            ToSealer::ProposalChecked { hash, result } => {
                if let Err(ProposalFault::Invalid(fault)) = &result {
                    log::warn!("a proposed block is invalid: block={hash} fault=\"{fault}\"");
                    self.note_dispute(now, &hash);
                }
                let verdict = match result {
                    Ok(()) => Some(true),
                    Err(ProposalFault::Invalid(_)) => Some(false),
                    Err(ProposalFault::Unready) => None,
                };
                self.core.checked(&hash, verdict, clock(now));
            }
        }
        Ok(())
    }

    fn chain_moved(&mut self, now: Now, moved: &ChainMove, out: &mut Outbox) -> Result<(), Halt> {
        self.finality.note_move(moved);
        self.finality.tell(out);
        if self.ledger.is_none() {
            self.finality.look(out);
        }
        self.turn_with_ledger(now, moved.tip.height, out)?;
        self.look_for_turn(out);
        self.note_ledger(now, moved.tip.hash, moved.tip.height);
        if std::mem::take(&mut self.fits_nothing) {
            self.note_work(now);
        }
        Ok(())
    }

    fn on_wake(&mut self, now: Now, out: &mut Outbox) {
        if let Some(recall) = self.recalling.ask(now, &self.keys) {
            self.ask(now, &recall, out);
        }
        self.core.wake(clock(now));
    }

    /// A peer's fault ends its link.
    fn fault(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.is_faulty = true;
        }
        out.fault(link, fault);
    }

    /// An authority is heard.
    fn note_way(&mut self, signer: u8, link: LinkId) {
        if let Some(key) = self.keys.of(signer) {
            self.ways.heard(*key, link);
        }
    }

    fn facts(&self) -> Facts {
        let recalled = (!self.recalling.is_done()).then(|| self.recalling.answered());
        let liars: BTreeSet<u8> = self.core.tally().liars().chain(self.double.iter().copied()).collect();
        let (last_final, finality) = (self.finality.last(), self.finality.shown());
        let cut = self.keys.set.keys().iter().enumerate().filter(|(_, key)| self.ways.is_cut(key));
        let cut = cut.map(|(number, _)| number).collect();
        Facts { last_final, finality, recalled, cut, liars: liars.len() }
    }

    fn input(&mut self, now: Now, input: <Self as Role>::Input, out: &mut Outbox) -> Result<(), Halt> {
        let mut shown_by = None;
        match input {
            Input::Start => self.start(now, out)?,
            Input::Wake => self.on_wake(now, out),
            Input::Link(event) => {
                shown_by = event_link(&event);
                self.on_link(now, event, out)?;
            }
            Input::Notice(notice) => self.on_notice(now, notice, out)?,
            Input::Command(_, nothing) => match nothing {},
            Input::Stop => return self.keep_heard(),
        }
        self.perform(now, shown_by, out)?;
        self.send_owed(now, out);
        self.keep_heard_in_time(now)?;
        self.offers.keep(self.core.proposals());
        let facts = self.facts();
        self.reporter.report(now, &self.core, &facts, out);
        Ok(())
    }
}

/// `build` makes this role only on chains with authorities.
fn never() -> Sealing {
    let never = Duration::from_secs(u64::from(u32::MAX));
    Sealing { block_time: never, idle_block_time: never }
}

fn new_core(
    sealing: &Sealing,
    keys: &Keys,
    (base, handover): (Place, Option<Certificate>),
    record: SealRecord,
    now: Clock,
) -> Core {
    let Sealing { block_time, idle_block_time } = *sealing;
    let (set, own) = (keys.set.clone(), keys.own_number());
    let setup = core::Setup { set, own, base, handover, block_time, idle_block_time, record };
    Core::new(setup, Box::new(keys.clone()), now)
}

/// The clock of votes has whole seconds: what comes of it, the time of a block, has no finer ones.
fn clock(now: Now) -> Clock {
    Clock { mono: now.mono, unix_ms: now.unix.0.saturating_mul(1000) }
}

fn event_link(event: &PeerLink<Drained>) -> Option<LinkId> {
    match event {
        PeerLink::Up { link, .. } | PeerLink::Frame { link, .. } => Some(*link),
        PeerLink::Closed { .. } | PeerLink::Own(_) => None,
    }
}

impl Role for Sealer {
    type Input = Input<PeerLink<Drained>, ToSealer, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        if let Err(halt) = self.input(now, input, out) {
            out.halt(halt);
        }
    }

    fn deadline(&self) -> Option<Time> {
        let own = [self.core.deadline(), self.recalling.deadline(), self.reporter.deadline(), self.heard_due];
        own.into_iter().flatten().chain(self.owed_at()).min()
    }
}
