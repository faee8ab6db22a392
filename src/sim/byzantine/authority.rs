//! An authority that lies. Its roles keep the rules; what they say goes out changed, and some of it to nobody. All liars of a
//! run are allies: each view splits the others into two camps, and every liar tells each camp what suits it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{bytes::Bytes, codec::List, hash::Hash, ids::LinkId, rng::Rng},
    chain::{
        block::{HashedBlock, HashedTransaction},
        header::Header,
        key::SecretKey,
        seal::{AuthoritySet, Seal, SignedVote, Stage, Statement, proposal_hash},
    },
    sim::{
        byzantine::trick::{Context, Heard, Trick},
        options::Options,
        sealed,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Views whose proposals are remembered.
const MAX_VIEWS: usize = 32;
/// Of what a liar hides, the share that it shows all the same, parts per million.
const SHOWN_PPM: u64 = 350_000;

/// What the other proposal of a liar's view is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twin {
    /// Valid as well.
    Valid,
    /// Against a rule that only the coins show.
    WrongDigest,
    /// Later than its parent's votes say.
    WrongTime,
    /// For another set of authorities.
    WrongSet,
    /// On a view before that of its parent, as if all since were skipped.
    WrongParentView,
}

/// The trick.
pub(super) struct Authority {
    number: u8,
    key: SecretKey,
    seed: u64,
    set: AuthoritySet,
    /// Numbers of the liars in the set, and of their nodes.
    liars: BTreeSet<usize>,
    nodes: BTreeSet<usize>,
    /// It says nothing at all.
    is_silent: bool,
    /// It proposes two blocks in a view, or votes for two.
    equivocates: bool,
    /// It finalizes what it skipped, and what is not notarised.
    finalizes: bool,
    /// It hides proposals, votes and certificates from some.
    hides: bool,
    twin: Twin,
    /// Its roles have begun to vote: others have told them what the key signed, which was nothing.
    votes: bool,
    /// By view what was proposed, in the order of the hashes. The first is for the first camp.
    proposals: BTreeMap<u64, BTreeMap<Hash, Option<Frame>>>,
}

/// An authority that keeps the rules, as far as its disk tells what it has said. See [`crate::sim::faults`].
pub(super) struct OlderDisk;

impl Trick for OlderDisk {}

impl Authority {
    /// Draws what the node with this number is like. If liars are too many, all do their worst.
    pub(super) fn draw(options: &Options, node: usize, rng: &mut Rng) -> Self {
        let number = sealed::number_of(options, node).unwrap_or(0);
        let worst = options.is_overthrown();
        let twins =
            [Twin::Valid, Twin::Valid, Twin::WrongDigest, Twin::WrongTime, Twin::WrongSet, Twin::WrongParentView];
        let (silent, equivocates, finalizes, hides) =
            (rng.chance(100_000), rng.chance(700_000), rng.chance(700_000), rng.chance(500_000));
        let twin = *rng.pick(&twins).unwrap_or(&Twin::Valid);
        Self {
            number: u8::try_from(number).unwrap_or(u8::MAX),
            key: sealed::key(number),
            seed: options.seed,
            set: sealed::set(options),
            liars: sealed::liars(options).collect(),
            nodes: (options.nodes..options.nodes + options.lying_authorities).collect(),
            is_silent: silent && !worst,
            equivocates: equivocates || worst,
            finalizes: finalizes || worst,
            hides: hides && !worst,
            twin: if worst { Twin::Valid } else { twin },
            votes: false,
            proposals: BTreeMap::new(),
        }
    }

    /// The camp of a node in a view: the same to all liars.
    fn camp(&self, view: u64, node: usize) -> usize {
        let mut rng = Rng::from_number(self.seed ^ view << 20 ^ (node as u64) << 50);
        usize::from(rng.chance(500_000))
    }

    /// Whether it shows something of a view to a node.
    fn shows(&self, kind: Kind, view: u64, node: usize) -> bool {
        let mut rng = Rng::from_number(self.seed ^ view << 20 ^ (node as u64) << 50 ^ (kind as u64) << 12);
        !self.hides || rng.chance(SHOWN_PPM)
    }

    /// The block of a view that suits a node.
    fn suits(&self, view: u64, node: usize) -> Option<Hash> {
        let blocks = self.proposals.get(&view)?;
        let at = self.camp(view, node).min(blocks.len().saturating_sub(1));
        blocks.keys().nth(at).copied()
    }

    fn note(&mut self, view: u64, block: Hash, frame: Option<Frame>) {
        self.proposals.entry(view).or_default().entry(block).or_insert(frame);
        while self.proposals.len() > MAX_VIEWS {
            self.proposals.pop_first();
        }
    }

    fn signed(&self, statement: Statement, context: &Context<'_>) -> Frame {
        let clock = context.unix * 1_000;
        Frame::new(&Message::Vote(SignedVote::sign(
            statement,
            self.number,
            clock,
            &self.key,
            &context.spec.genesis_hash(),
        )))
    }

    /// The roles propose a block: others get another one.
    fn propose(&mut self, node: usize, frame: Frame, block: &Bytes, context: &mut Context<'_>) -> Vec<Frame> {
        let Some((hash, view)) = place(block) else { return vec![frame] };
        if !self.proposals.get(&view).is_some_and(|blocks| blocks.contains_key(&hash)) {
            self.note(view, hash, Some(frame.clone()));
            if let Some(twin) = self.twin_of(block, context).filter(|_| self.equivocates) {
                let message = Message::Proposal { signature: self.sign_block(&twin.hash, context), block: twin.bytes };
                self.note(view, twin.hash, Some(Frame::new(&message)));
            }
        }
        let blocks = self.proposals.get(&view).into_iter().flatten();
        let meant = if self.nodes.contains(&node) { None } else { self.suits(view, node) };
        let meant = blocks.filter(|(hash, _)| meant.is_none_or(|meant| meant == **hash));
        meant.filter_map(|(_, frame)| frame.clone()).collect()
    }

    fn sign_block(&self, hash: &Hash, context: &Context<'_>) -> [u8; 64] {
        self.key.sign(&proposal_hash(&context.spec.genesis_hash(), hash))
    }

    /// Another block with the same parent: the memo of the coinbase is free.
    fn twin_of(&self, bytes: &Bytes, context: &mut Context<'_>) -> Option<HashedBlock> {
        let block = HashedBlock::decode(bytes.clone()).ok()?;
        let mut transactions = block.transactions.clone();
        let mut coinbase = transactions[0].transaction.clone();
        // The memo begins with the height.
        let mut memo = coinbase.memo.clone().into_vec();
        memo.extend_from_slice(b"twin");
        coinbase.memo = List::truncated(memo);
        transactions[0] = HashedTransaction::new(coinbase);
        let mut header = block.header.clone();
        header.merkle_root = HashedBlock::new(header.clone(), transactions.clone()).merkle_root();
        let Seal::Authorities(seal) = &mut header.seal else { return None };
        match self.twin {
            Twin::Valid => {}
            Twin::WrongDigest => header.state_digest = Hash(context.rng.bytes()),
            Twin::WrongTime => header.time += 1,
            Twin::WrongSet => seal.next_authorities = Hash(context.rng.bytes()),
            Twin::WrongParentView => seal.parent_view = seal.parent_view.saturating_sub(1),
        }
        Some(HashedBlock::new(header, transactions))
    }

    /// What goes out in place of a vote of the roles.
    fn vote(&mut self, node: usize, vote: &SignedVote, context: &Context<'_>) -> Vec<Frame> {
        self.votes = true;
        let Statement { epoch, stage, view, block } = vote.statement;
        let block = if self.equivocates { self.suits(view, node).unwrap_or(block) } else { block };
        let mut says = vec![match stage {
            Stage::Notarise => Statement::notarise(epoch, view, block),
            Stage::Finalize => Statement::finalize(epoch, view, block),
            Stage::Skip => vote.statement,
        }];
        if self.finalizes && block != Hash::ZERO {
            says.push(Statement::finalize(epoch, view, block));
        }
        says.dedup();
        says.into_iter().map(|statement| self.signed(statement, context)).collect()
    }

    /// Votes for all that is proposed, before anybody has checked it.
    fn vote_for_all(&self, view: u64, links: &[LinkId], context: &Context<'_>) -> Vec<(LinkId, Frame)> {
        let count = self.proposals.get(&view).map_or(0, BTreeMap::len);
        let waits = self.liars.contains(&self.set.leader(view)) && count < 2;
        if !self.votes || !self.equivocates || waits {
            return Vec::new();
        }
        let mut said = Vec::new();
        for link in links {
            let Some(node) = (context.peer)(*link).filter(|node| self.shows(Kind::Vote, view, *node)) else { continue };
            let Some(block) = self.suits(view, node) else { continue };
            let epoch = self.set.epoch();
            said.push((*link, self.signed(Statement::notarise(epoch, view, block), context)));
            if self.finalizes {
                said.push((*link, self.signed(Statement::finalize(epoch, view, block), context)));
            }
        }
        said
    }
}

impl Trick for Authority {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let node = (context.peer)(link).unwrap_or(0);
        let (view, message) = match (frame.kind, frame.open()) {
            (Kind::Proposal | Kind::Vote | Kind::Certificate, Ok(message)) => (view_of(&message), message),
            _ => return vec![frame],
        };
        if self.is_silent || !(self.nodes.contains(&node) || self.shows(frame.kind, view, node)) {
            return Vec::new();
        }
        match message {
            Message::Proposal { block, .. } if self.set.leader(view) == usize::from(self.number) => {
                self.propose(node, frame, &block, context)
            }
            Message::Vote(vote) if vote.signer == self.number => self.vote(node, &vote, context),
            _ => vec![frame],
        }
    }

    fn hear(&mut self, frame: &Frame, links: &[LinkId], context: &mut Context<'_>) -> Heard {
        let message = match frame.kind {
            Kind::Proposal | Kind::Vote => frame.open(),
            _ => return Heard::default(),
        };
        match message {
            // Its roles do not know what it says.
            Ok(Message::Vote(vote)) if vote.signer == self.number => Heard { is_kept: true, says: Vec::new() },
            Ok(Message::Proposal { block, .. }) if !self.is_silent => {
                let Some((hash, view)) = place(&block) else { return Heard::default() };
                if self.proposals.get(&view).is_some_and(|blocks| blocks.contains_key(&hash)) {
                    return Heard::default();
                }
                self.note(view, hash, None);
                Heard { is_kept: false, says: self.vote_for_all(view, links, context) }
            }
            _ => Heard::default(),
        }
    }

    /// Skips and finalizes of views that are about to end, whatever it has said of them.
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some((view, _)) = self.proposals.last_key_value() else { return Vec::new() };
        let view = view.saturating_sub(context.rng.below(3)).max(1);
        if self.is_silent || !self.votes || !self.finalizes {
            return Vec::new();
        }
        let mut said = Vec::new();
        for link in links {
            let Some(node) = (context.peer)(*link) else { continue };
            let epoch = self.set.epoch();
            if self.camp(view ^ 0xff, node) == 0 {
                said.push((*link, self.signed(Statement::skip(epoch, view), context)));
            }
            if let Some(block) = self.suits(view, node) {
                said.push((*link, self.signed(Statement::finalize(epoch, view, block), context)));
            }
        }
        said
    }
}

/// Hash and view of a block.
fn place(block: &Bytes) -> Option<(Hash, u64)> {
    let header = Header::peek(block)?;
    Some((header.hash(), header.authority_seal()?.view))
}

fn view_of(message: &Message) -> u64 {
    match message {
        Message::Proposal { block, .. } => place(block).map_or(0, |(_, view)| view),
        Message::Vote(vote) => vote.statement.view,
        Message::Certificate(certificate) => certificate.statement.view,
        _ => 0,
    }
}
