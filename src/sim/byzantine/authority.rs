//! An authority that lies. Its roles keep the rules; what they say goes out changed, and some of it to nobody. All liars of a
//! run are allies: each view splits the others into two camps, and every liar tells each camp what suits it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{bytes::Bytes, codec::List, hash::Hash, ids::LinkId, rng::Rng},
    chain::{
        block::{HashedBlock, HashedTransaction},
        header::Header,
        key::SecretKey,
        seal::{AuthoritySet, Epoch, Seal, SignedVote, Stage, Statement, proposal_hash},
        spec::ChainSpec,
    },
    sim::{
        byzantine::{
            late_votes::LateVotes,
            trick::{Context, Heard, Trick},
        },
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
    key: SecretKey,
    seed: u64,
    /// Keys of the liars, and their nodes.
    liars: BTreeSet<[u8; 32]>,
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
    /// What it holds back in every other view, if it is one that does.
    late: Option<LateVotes>,
    /// Its roles have begun to vote: others have told them what the key signed, which was nothing.
    votes: bool,
    /// By epoch and view what was proposed, in the order of the hashes. The first is for the first camp.
    proposals: BTreeMap<At, BTreeMap<Hash, Option<Frame>>>,
}

/// A view of a set.
type At = (Epoch, u64);

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
        let late = LateVotes::draw(options.seed, node).filter(|_| !worst);
        Self {
            key: sealed::key(number),
            seed: options.seed,
            liars: sealed::liars(options).map(|number| sealed::key(number).public_key()).collect(),
            nodes: (options.nodes..options.nodes + options.lying_authorities).collect(),
            is_silent: silent && !worst,
            // Else its votes would be out before it could hold them back.
            equivocates: equivocates && late.is_none() || worst,
            finalizes: finalizes || worst,
            hides: hides && !worst,
            twin: if worst { Twin::Valid } else { twin },
            late,
            votes: false,
            proposals: BTreeMap::new(),
        }
    }

    /// Its number in a set.
    fn number(&self, epoch: Epoch, spec: &ChainSpec) -> Option<u8> {
        let number = spec.authorities.of(epoch)?.number_of(&self.key.public_key())?;
        u8::try_from(number).ok()
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
    fn suits(&self, place: At, node: usize) -> Option<Hash> {
        let blocks = self.proposals.get(&place)?;
        let at = self.camp(place.1, node).min(blocks.len().saturating_sub(1));
        blocks.keys().nth(at).copied()
    }

    fn note(&mut self, place: At, block: Hash, frame: Option<Frame>) {
        self.proposals.entry(place).or_default().entry(block).or_insert(frame);
        while self.proposals.len() > MAX_VIEWS {
            self.proposals.pop_first();
        }
    }

    /// Nothing if the set is not one of its own.
    fn signed(&self, statement: Statement, context: &Context<'_>) -> Option<Frame> {
        let number = self.number(statement.epoch, context.spec)?;
        let (clock, genesis) = (context.unix * 1_000, context.spec.genesis_hash());
        Some(Frame::new(&Message::Vote(SignedVote::sign(statement, number, clock, &self.key, &genesis))))
    }

    /// The roles propose a block: others get another one.
    fn propose(&mut self, node: usize, frame: Frame, block: &Bytes, context: &mut Context<'_>) -> Vec<Frame> {
        let Some((hash, place)) = place(block, context.spec) else { return vec![frame] };
        if !self.proposals.get(&place).is_some_and(|blocks| blocks.contains_key(&hash)) {
            self.note(place, hash, Some(frame.clone()));
            if let Some(twin) = self.twin_of(block, context).filter(|_| self.equivocates) {
                let message = Message::Proposal { signature: self.sign_block(&twin.hash, context), block: twin.bytes };
                self.note(place, twin.hash, Some(Frame::new(&message)));
            }
        }
        let blocks = self.proposals.get(&place).into_iter().flatten();
        let meant = if self.nodes.contains(&node) { None } else { self.suits(place, node) };
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
        let block = if self.equivocates { self.suits((epoch, view), node).unwrap_or(block) } else { block };
        let mut says = vec![match stage {
            Stage::Notarise => Statement::notarise(epoch, view, block),
            Stage::Finalize => Statement::finalize(epoch, view, block),
            Stage::Skip => vote.statement,
        }];
        if self.finalizes && block != Hash::ZERO {
            says.push(Statement::finalize(epoch, view, block));
        }
        says.dedup();
        says.into_iter().filter_map(|statement| self.signed(statement, context)).collect()
    }

    /// Whether it leads in the view of a block.
    fn leads(&self, block: &Bytes, spec: &ChainSpec) -> bool {
        let Some((_, (epoch, view))) = place(block, spec) else { return false };
        spec.authorities.of(epoch).and_then(|set| leader(set, view)) == Some(self.key.public_key())
    }

    /// Votes for all that is proposed, before anybody has checked it.
    fn vote_for_all(&self, place: At, links: &[LinkId], context: &Context<'_>) -> Vec<(LinkId, Frame)> {
        let (epoch, view) = place;
        let count = self.proposals.get(&place).map_or(0, BTreeMap::len);
        let leader = context.spec.authorities.of(epoch).and_then(|set| leader(set, view));
        let waits = leader.is_some_and(|leader| self.liars.contains(&leader)) && count < 2;
        if !self.votes || !self.equivocates || waits {
            return Vec::new();
        }
        let mut said = Vec::new();
        for link in links {
            let Some(node) = (context.peer)(*link).filter(|node| self.shows(Kind::Vote, view, *node)) else { continue };
            let Some(block) = self.suits(place, node) else { continue };
            let notarise = self.signed(Statement::notarise(epoch, view, block), context);
            let finalize = self.signed(Statement::finalize(epoch, view, block), context);
            said.extend(notarise.map(|vote| (*link, vote)));
            said.extend(finalize.filter(|_| self.finalizes).map(|vote| (*link, vote)));
        }
        said
    }

    /// What it has held back, now that it may come too late.
    fn release(&mut self, message: &Message, context: &Context<'_>) -> Vec<Frame> {
        let Some(late) = &mut self.late else { return Vec::new() };
        match message {
            Message::Vote(vote) if vote.statement.stage == Stage::Skip => {
                let Statement { epoch, view, .. } = vote.statement;
                let skips = late.skips(epoch, view).then_some(Statement::skip(epoch, view));
                skips.and_then(|skip| self.signed(skip, context)).into_iter().collect()
            }
            Message::Proposal { block, .. } => {
                place(block, context.spec).map(|(_, place)| late.release(place)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// What it makes of a proposal or a vote.
    fn heard(&mut self, message: Option<Message>, links: &[LinkId], context: &Context<'_>) -> Heard {
        match message {
            // Its roles do not know what it says.
            Some(Message::Vote(vote)) if self.number(vote.statement.epoch, context.spec) == Some(vote.signer) => {
                Heard { is_kept: true, says: Vec::new() }
            }
            Some(Message::Proposal { block, .. }) if !self.is_silent => {
                let Some((hash, place)) = place(&block, context.spec) else { return Heard::default() };
                if self.proposals.get(&place).is_some_and(|blocks| blocks.contains_key(&hash)) {
                    return Heard::default();
                }
                self.note(place, hash, None);
                Heard { is_kept: false, says: self.vote_for_all(place, links, context) }
            }
            _ => Heard::default(),
        }
    }
}

impl Trick for Authority {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let node = (context.peer)(link).unwrap_or(0);
        let (view, message) = match (frame.kind, frame.open()) {
            (Kind::Proposal | Kind::Vote | Kind::Certificate, Ok(message)) => {
                (view_of(&message, context.spec), message)
            }
            _ => return vec![frame],
        };
        if self.is_silent || !(self.nodes.contains(&node) || self.shows(frame.kind, view, node)) {
            return Vec::new();
        }
        if let Some(late) = &mut self.late
            && late.holds_back(&message, &frame)
        {
            return Vec::new();
        }
        match message {
            Message::Proposal { block, .. } if self.leads(&block, context.spec) => {
                self.propose(node, frame, &block, context)
            }
            Message::Vote(vote) if self.number(vote.statement.epoch, context.spec) == Some(vote.signer) => {
                self.vote(node, &vote, context)
            }
            _ => vec![frame],
        }
    }

    fn hear(&mut self, frame: &Frame, links: &[LinkId], context: &mut Context<'_>) -> Heard {
        let message = match frame.kind {
            Kind::Proposal | Kind::Vote => frame.open(),
            _ => return Heard::default(),
        };
        let released = message.as_ref().map(|message| self.release(message, context)).unwrap_or_default();
        let mut heard = self.heard(message.ok(), links, context);
        heard.says.extend(links.iter().flat_map(|link| released.iter().map(|frame| (*link, frame.clone()))));
        heard
    }

    fn signs(&self) -> bool {
        true
    }

    /// Skips and finalizes of views that are about to end, whatever it has said of them.
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some(((epoch, view), _)) = self.proposals.last_key_value() else { return Vec::new() };
        let epoch = *epoch;
        let view = view.saturating_sub(context.rng.below(3)).max(1);
        if self.is_silent || !self.votes || !self.finalizes {
            return Vec::new();
        }
        let mut said = Vec::new();
        for link in links {
            let Some(node) = (context.peer)(*link) else { continue };
            let skip = Some(Statement::skip(epoch, view)).filter(|_| self.camp(view ^ 0xff, node) == 0);
            let finalize = self.suits((epoch, view), node).map(|block| Statement::finalize(epoch, view, block));
            let says = skip.into_iter().chain(finalize);
            said.extend(says.filter_map(|statement| Some((*link, self.signed(statement, context)?))));
        }
        said
    }
}

/// Hash, epoch and view of a block.
fn place(block: &Bytes, spec: &ChainSpec) -> Option<(Hash, At)> {
    let header = Header::peek(block)?;
    let epoch = spec.authorities.at(header.height)?.epoch();
    Some((header.hash(), (epoch, header.authority_seal()?.view)))
}

/// The key of the authority that leads in a view.
fn leader(set: &AuthoritySet, view: u64) -> Option<[u8; 32]> {
    set.keys().get(set.leader(view)).copied()
}

fn view_of(message: &Message, spec: &ChainSpec) -> u64 {
    match message {
        Message::Proposal { block, .. } => place(block, spec).map_or(0, |(_, (_, view))| view),
        Message::Vote(vote) => vote.statement.view,
        Message::Certificate(certificate) => certificate.statement.view,
        _ => 0,
    }
}
