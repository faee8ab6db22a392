//! How many turns of roles a block takes from its arrival to being passed on. Each is a wait for a thread, and they add up along
//! a block's way through the network.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    base::{
        codec::List,
        ids::LinkId,
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        key::SecretKey,
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    node::{
        Action, AnyRole, Event, LinkAction, LinkEvent, Notice, Origin, Outbox, PeerInfo, RoleId,
        fetch::Fetch,
        gossip::Gossip,
        headers::Headers,
        ledger::{
            Ledger,
            fake::{FakeStore, setup},
        },
        notice::{ToGossip, ToLedger},
        sync_state::SyncState,
        testing,
        verify::Verify,
    },
    wire::{
        compact::{CompactBlock, ShortIds},
        frame::Frame,
        message::{Kind, Message, SERVICES},
    },
};

const SENDER: LinkId = LinkId(1);
const OTHER: LinkId = LinkId(2);
/// Turns after which nothing more is expected.
const MANY: usize = 1000;

/// The roles on a block's way. In each turn all of them hear what the others told in the one before.
struct Node {
    roles: BTreeMap<RoleId, Box<dyn AnyRole>>,
    waiting: Vec<(RoleId, Event)>,
    now: Now,
    maker: BlockMaker,
    is_synced: bool,
}

impl Node {
    /// A synced node with two peers.
    fn new() -> Self {
        let spec = Arc::new(ChainSpec::local());
        let (setup, store) = (setup(&spec), FakeStore::new(&spec));
        let rng = || Rng::from_number(1);
        let roles: [(RoleId, Box<dyn AnyRole>); 5] = [
            (RoleId::Ledger, Box::new(Ledger::new(&setup, Box::new(store.clone())))),
            (RoleId::Verify, Box::new(Verify::new(&setup, rng()))),
            (RoleId::Headers, Box::new(Headers::new(&setup, Box::new(store), rng()))),
            (RoleId::Fetch, Box::new(Fetch::new(&setup, rng()))),
            (RoleId::Gossip, Box::new(Gossip::new(&setup, rng()))),
        ];
        let now = Now { mono: Time(1_000_000), unix: UnixTime(spec.parameters.genesis_time + 100) };
        let roles = BTreeMap::from(roles);
        let waiting = roles.keys().map(|role| (*role, Event::Start)).collect();
        let mut node = Self { roles, waiting, now, maker: BlockMaker::new(spec), is_synced: false };
        node.settle();
        for link in [SENDER, OTHER] {
            let address = format!("10.0.0.{}:4130", link.0);
            let peer = Arc::new(PeerInfo { services: SERVICES, ..testing::inbound_peer(&address) });
            for role in [RoleId::Headers, RoleId::Fetch, RoleId::Ledger, RoleId::Gossip] {
                node.waiting.push((role, Event::Link(LinkEvent::Up { link, peer: peer.clone() })));
            }
        }
        node.settle();
        assert!(node.is_synced);
        node
    }

    /// One turn; what the roles asked of links.
    fn turn(&mut self) -> Vec<LinkAction> {
        self.now.mono = self.now.mono + Duration::from_micros(10);
        let mut heard = std::mem::take(&mut self.waiting);
        let is_due = |role: &dyn AnyRole| role.wake_at().is_some_and(|at| at <= self.now.mono);
        let due = self.roles.iter().filter(|(_, role)| is_due(role.as_ref()));
        heard.extend(due.map(|(id, _)| (*id, Event::Wake)));
        let mut out = Outbox::default();
        for (id, event) in heard {
            self.roles.get_mut(&id).expect("only these hear of anything").hear(self.now, event, &mut out);
        }
        let mut asked = Vec::new();
        for action in out.drain() {
            match action {
                Action::Tell(notice) => {
                    self.is_synced |= notice == Notice::Gossip(ToGossip::State(SyncState::Synced));
                    let role = notice.role();
                    if self.roles.contains_key(&role) {
                        self.waiting.push((role, Event::Notice(notice)));
                    }
                }
                Action::Link(action) => asked.push(action),
                Action::Halt(halt) => panic!("{halt}"),
                _ => {}
            }
        }
        asked
    }

    /// Turns until nothing waits. The peers have no headers.
    fn settle(&mut self) {
        for _ in 0..MANY {
            for action in self.turn() {
                if let LinkAction::Send { link, frame } = action
                    && frame.kind == Kind::GetSync
                {
                    self.arrives(RoleId::Headers, link, &Message::Sync(List::EMPTY));
                }
            }
            if self.waiting.is_empty() {
                return;
            }
        }
        panic!("the roles do not come to rest");
    }

    fn arrives(&mut self, role: RoleId, link: LinkId, message: &Message) {
        self.waiting.push((role, Event::Link(LinkEvent::Frame { link, frame: Frame::new(message) })));
    }

    /// The next block, of payments that are in the mempool.
    fn next_block(&mut self) -> HashedBlock {
        let to = SecretKey::well_known(9).address();
        let payments: Vec<_> = (0..9).map(|from| self.maker.transfer(&SecretKey::well_known(from), to, 5, 1)).collect();
        for payment in &payments {
            let transaction = Arc::new(HashedTransaction::new(payment.clone()));
            let admit = ToLedger::Admit { origin: Origin::Link(OTHER), transaction, replace: false };
            self.waiting.push((RoleId::Ledger, Event::Notice(admit.into())));
        }
        self.settle();
        self.maker.next_block(payments, to)
    }

    /// The turns from here to the one in which the other peer is sent the block in its compact form.
    fn turns_to_relay(&mut self) -> usize {
        let is_relayed = |action: &LinkAction| {
            let LinkAction::Relay { link, frame } = action else { return false };
            *link == OTHER && frame.kind == Kind::CompactBlock
        };
        let turns = (1..MANY).find(|_| self.turn().iter().any(is_relayed)).expect("the block is passed on");
        self.settle();
        turns
    }
}

#[test]
fn a_block_is_passed_on_in_six_turns_whichever_form_it_came_in() {
    let mut node = Node::new();
    for is_whole in [true, false, true, false] {
        let block = node.next_block();
        let message = if is_whole { Message::Block(block.bytes.clone()) } else { compact(&block) };
        node.arrives(RoleId::Fetch, SENDER, &message);
        // To `fetch`, `headers`, `fetch`, `verify`, `ledger`, `gossip`.
        assert_eq!(node.turns_to_relay(), 6, "whole: {is_whole}");
    }
}

/// The compact form of a block, with its coinbase.
fn compact(block: &HashedBlock) -> Message {
    let ids = ShortIds::new(&block.hash, 7);
    let listed = block.transactions.iter().skip(1).map(|one| ids.of(&one.leaf));
    let whole = [(0, block.transactions[0].transaction.clone())];
    let (header, ids, whole) = (block.header.clone(), List::truncated(listed), List::truncated(whole));
    Message::CompactBlock(Box::new(CompactBlock { header, nonce: 7, ids, whole }))
}
