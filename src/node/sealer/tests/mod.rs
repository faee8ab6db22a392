//! Sealers on a made-up network, whose ledger takes every block.

mod agreement;
mod behaviour;
mod crowded;
mod lying;
mod restarting;
mod turning;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::{
    base::{codec::List, hash::Hash, time::UnixTime},
    chain::{
        archive::{SealRecord, StoreError, Tip},
        block::Block,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        seal::{Authorities, Certificate, DoubleProposal, Seal, SignedVote, Stage, Statement},
        spec::{ChainSpec, SealRule},
        target::Work,
    },
    node::{
        Action, LinkAction, Template,
        notice::{ToFetch, ToHeaders, ToLedger},
        testing::{self, Actions, Driver},
    },
    wire::message::Message,
};

fn key(number: usize) -> SecretKey {
    SecretKey::well_known(200 + u32::try_from(number).unwrap())
}

/// A chain of this many authorities, 200 ms between blocks.
fn spec(count: usize) -> ChainSpec {
    let mut spec = ChainSpec::dev();
    let keys = List::truncated((0..count).map(|number| key(number).public_key()));
    spec.parameters.seal = SealRule::Authorities { keys, block_time_ms: 200, idle_block_time: 3600 };
    spec.authorities = spec.parameters.seal.authorities();
    spec
}

/// The same, and later sets: the height of the first block, and the numbers of the authorities.
fn spec_with(count: usize, later: &[(u32, &[usize])]) -> ChainSpec {
    let mut spec = spec(count);
    let keys = |numbers: &[usize]| numbers.iter().map(|number| key(*number).public_key()).collect();
    let later = later.iter().map(|(from, numbers)| (*from, keys(numbers), None)).collect();
    spec.authorities = Authorities::new(keys(&(0..count).collect::<Vec<_>>()), later);
    spec
}

/// A disk that outlives its node.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<SealRecord>>);

impl SealStore for Disk {
    fn load(&mut self) -> Result<SealRecord, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn keep_vote(&mut self, vote: &SignedVote) -> Result<(), StoreError> {
        let votes = &mut self.0.lock().unwrap().own_votes;
        votes.retain(|kept| kept.statement.stage != vote.statement.stage);
        votes.push(*vote);
        Ok(())
    }

    fn keep_heard(&mut self, votes: &[SignedVote]) -> Result<(), StoreError> {
        let key = |vote: &SignedVote| (vote.signer, vote.statement.stage);
        let heard = &mut self.0.lock().unwrap().heard;
        heard.retain(|kept| !votes.iter().any(|vote| key(vote) == key(kept)));
        heard.extend(votes);
        Ok(())
    }

    fn keep_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        let certificates = &mut self.0.lock().unwrap().certificates;
        certificates.push(certificate.clone());
        certificates.sort_by_key(|kept| kept.statement.view);
        Ok(())
    }

    fn forget_below(&mut self, view: u64, held: Option<Hash>) -> Result<(), StoreError> {
        let is_held = |said: &Statement| said.stage == Stage::Finalize && Some(said.block) == held;
        self.0.lock().unwrap().certificates.retain(|kept| kept.statement.view >= view || is_held(&kept.statement));
        Ok(())
    }

    fn keep_evidence(&mut self, evidence: &(SignedVote, SignedVote)) -> Result<(), StoreError> {
        self.0.lock().unwrap().evidence.push(*evidence);
        Ok(())
    }

    fn keep_double_proposal(&mut self, _: u8, proof: &DoubleProposal) -> Result<(), StoreError> {
        self.0.lock().unwrap().double_proposals.push(proof.clone());
        Ok(())
    }

    fn keep_proposed(&mut self, epoch: u32, view: u64) -> Result<(), StoreError> {
        self.0.lock().unwrap().proposed = Some((epoch, view));
        Ok(())
    }

    fn own_vote(&self, stage: Stage) -> Result<Option<SignedVote>, StoreError> {
        Ok(self.0.lock().unwrap().own_votes.iter().find(|vote| vote.statement.stage == stage).copied())
    }
}

/// A sealer with a key, or without one.
fn sealer(spec: &Arc<ChainSpec>, own: Option<usize>, disk: &Disk) -> Driver<Sealer> {
    let mut setup = Setup::bare(spec.clone());
    setup.seal = own.map(key);
    Driver::new(Sealer::new(&setup, Box::new(disk.clone())))
}

/// A node: its sealer, and what its ledger knows.
struct Node {
    driver: Driver<Sealer>,
    disk: Disk,
    own: Option<usize>,
    tip: Header,
    /// Blocks that it was shown.
    blocks: BTreeMap<Hash, Header>,
    last_final: (u32, Hash),
    is_up: bool,
}

/// Some nodes, each linked with each. The link's number is that of the node at the other end.
struct Network {
    nodes: Vec<Node>,
    spec: Arc<ChainSpec>,
    count: usize,
    genesis: Header,
    queue: VecDeque<(usize, usize, Message)>,
    sent: usize,
    /// A node that may stop by itself, and why it has.
    may_halt: Option<usize>,
    halted: Option<Halt>,
}

impl Network {
    fn new(authorities: usize, others: usize) -> Self {
        Self::on(spec(authorities), authorities, others)
    }

    /// Nodes with the keys from 0 on, and others without one.
    fn on(spec: ChainSpec, authorities: usize, others: usize) -> Self {
        let (genesis, spec) = (spec.genesis.header.clone(), Arc::new(spec));
        let numbers = (0..authorities).map(Some).chain((0..others).map(|_| None));
        let node = |own| {
            let disk = Disk::default();
            Node {
                driver: sealer(&spec, own, &disk),
                disk,
                own,
                tip: genesis.clone(),
                blocks: BTreeMap::from([(genesis.hash(), genesis.clone())]),
                last_final: (0, genesis.hash()),
                is_up: false,
            }
        };
        let nodes: Vec<Node> = numbers.map(node).collect();
        let count = authorities;
        let mut network = Self {
            nodes,
            spec,
            count,
            genesis: genesis.clone(),
            queue: VecDeque::new(),
            sent: 0,
            may_halt: None,
            halted: None,
        };
        (0..network.nodes.len()).for_each(|at| network.start(at));
        network
    }

    /// Starts a node on its disk and links it with all that run.
    fn start(&mut self, at: usize) {
        let now = self.nodes[at].driver.now;
        let node = &mut self.nodes[at];
        node.driver = sealer(&self.spec, node.own, &node.disk);
        node.driver.now = now;
        node.is_up = true;
        let did = node.driver.start();
        self.perform(at, did);
        self.move_chain(at, self.nodes[at].tip.clone());
        for other in 0..self.nodes.len() {
            if other != at && self.nodes[other].is_up {
                self.link(at, other);
                self.link(other, at);
            }
        }
        self.deliver();
    }

    fn stop(&mut self, at: usize) {
        self.nodes[at].is_up = false;
        for other in (0..self.nodes.len()).filter(|other| *other != at) {
            let did = self.nodes[other].driver.lost(at as u64);
            self.perform(other, did);
        }
    }

    fn link(&mut self, at: usize, other: usize) {
        let did = self.nodes[at].driver.up(other as u64, testing::inbound_peer(&format!("10.0.0.1:{}", 4130 + other)));
        self.perform(at, did);
    }

    fn perform(&mut self, at: usize, did: Actions) {
        for to in (0..self.nodes.len()).filter(|to| *to != at) {
            let sent = did.sent(to as u64);
            self.sent += sent.len();
            self.queue.extend(sent.into_iter().map(|message| (at, to, message)));
        }
        for action in did.0 {
            match action {
                Action::Tell(notice) => self.hear(at, notice),
                Action::Halt(halt) if self.may_halt == Some(at) => {
                    self.nodes[at].is_up = false;
                    self.halted = Some(halt);
                }
                Action::Halt(halt) => panic!("node {at} halts: {halt}"),
                Action::Link(LinkAction::Close { reason, .. }) => panic!("node {at} closes a link: {reason}"),
                _ => {}
            }
        }
    }

    fn hear(&mut self, at: usize, notice: crate::node::Notice) {
        let node = &mut self.nodes[at];
        if let Ok(ToFetch::Proposed { hash, block }) = notice.clone().try_into() {
            let block: Block = crate::base::codec::decode(&block).unwrap();
            assert_eq!(block.header.hash(), hash);
            node.blocks.insert(hash, block.header);
            let did = node.driver.notice(ToSealer::ProposalChecked { hash, result: Ok(()) });
            self.perform(at, did);
        } else if let Ok(ToLedger::WantProposal { parent, .. }) = notice.clone().try_into() {
            let template = (node.tip.hash() == parent).then(|| Arc::new(template(&node.tip)));
            let did = node.driver.notice(ToSealer::Template(template));
            self.perform(at, did);
        } else if let Ok(ToLedger::WantPlace { block }) = notice.clone().try_into() {
            if let Some(header) = node.blocks.get(&block) {
                let view = header.authority_seal().map_or(0, |seal| seal.view);
                let found = ToSealer::PlaceFound { block, height: header.height, view, is_applied: false };
                let did = node.driver.notice(found);
                self.perform(at, did);
            }
        } else if let Ok(ToLedger::Final { height, hash }) = notice.clone().try_into() {
            assert!(height >= node.last_final.0);
            node.last_final = (height, hash);
        } else if let Ok(ToHeaders::Notarised { hash, epoch, header, .. }) = notice.try_into() {
            let Some(header) = header.map(|header| *header).or_else(|| self.find(&hash)) else { return };
            if self.spec.authorities.at(header.height).map(AuthoritySet::epoch) != Some(epoch) {
                return;
            }
            self.nodes[at].blocks.insert(hash, header.clone());
            self.move_chain(at, header);
        }
    }

    fn find(&self, hash: &Hash) -> Option<Header> {
        self.nodes.iter().find_map(|node| node.blocks.get(hash)).cloned()
    }

    fn move_chain(&mut self, at: usize, header: Header) {
        let node = &mut self.nodes[at];
        node.tip = header.clone();
        let tip =
            Tip { hash: header.hash(), height: header.height, time: header.time, work: Work::ZERO, digest: Hash::ZERO };
        let (removed, added) = (Vec::new(), vec![(tip.hash, tip.height)]);
        let did = node.driver.notice(ToSealer::ChainMoved(Arc::new(ChainMove { tip, removed, added, news: None })));
        self.perform(at, did);
    }

    fn deliver(&mut self) {
        while let Some((from, to, message)) = self.queue.pop_front() {
            if self.nodes[to].is_up && self.nodes[from].is_up {
                let did = self.nodes[to].driver.receive(from as u64, &message);
                self.perform(to, did);
            }
        }
    }

    fn pool(&mut self, added: usize, removed: usize) {
        for at in (0..self.nodes.len()).filter(|at| self.nodes[*at].is_up).collect::<Vec<_>>() {
            let did = self.nodes[at].driver.notice(ToSealer::PoolChanged { added, removed });
            self.perform(at, did);
        }
        self.deliver();
    }

    /// Lets time pass in steps of 10 ms.
    fn pass(&mut self, time: Duration) {
        let step = Duration::from_millis(10);
        let mut passed = Duration::ZERO;
        while passed < time {
            passed += step;
            for at in 0..self.nodes.len() {
                let Node { driver, is_up, .. } = &mut self.nodes[at];
                driver.now.mono = driver.now.mono + step;
                driver.now.unix = UnixTime(testing::epoch() + driver.now.mono.0 / 1_000_000);
                if *is_up && driver.role.deadline().is_some_and(|at| at <= driver.now.mono) {
                    let did = driver.wake();
                    self.perform(at, did);
                }
            }
            self.deliver();
        }
    }

    fn finals(&self) -> Vec<u32> {
        self.nodes.iter().filter(|node| node.is_up).map(|node| node.last_final.0).collect()
    }
}

fn template(tip: &Header) -> Template {
    let header = Header {
        version: HEADER_VERSION,
        height: tip.height + 1,
        previous: tip.hash(),
        // That of no transactions.
        merkle_root: Hash::ZERO,
        state_digest: Hash::ZERO,
        time: tip.time,
        seal: tip.seal.clone(),
    };
    Template { header, body: 0u32.to_le_bytes().to_vec().into(), min_time: tip.time, transactions: 1 }
}
