//! Blocks of a test chain that give way to others. It takes several orders to the node, and is done as a whole or not at all, also if
//! the node is killed meanwhile: before the first order it is noted where to come back to.

use serde_json::json;

use crate::{
    base::hash::Hash,
    chain::{address::Address, archive::BlockStatus},
    node::command::{MinerCommand, Reply, TestCommand},
    rpc::{
        answers,
        continuation::{Continuation, Shared, unexpected},
        error::{self, REJECTED, RpcError},
        methods::{
            method::Method,
            mining::refuse_if_held,
            test_chain::{RPC_BLOCKS, done, once_reindexed, refuse_elsewhere, test},
        },
        params::Args,
        schema::{Schema, optional, required},
    },
};

pub(super) const METHODS: &[Method] = &[Method {
    name: "devreorg",
    params: &[
        required("blocks", Schema::Integer, "how many of the last blocks give way, 1 to 1000"),
        optional("drop", Schema::Boolean, "leave their payments out, instead of having them wait again"),
        optional("address", Schema::Address, "whom the new blocks pay; the configured address if left out"),
    ],
    summary: "test chains: replaces the last blocks by one more others, without their payments",
    returns: "an object: the blocks",
    result: answers::test_chain::REORGANISED,
    errors: &[error::REJECTED, error::BAD_PARAMETER],
    handler: reorganise,
}];

/// Blocks that give way at most.
const MAX_REORGANISED: u64 = 1_000;

/// What is to be done.
struct Order {
    /// The blocks that give way, the last first.
    removed: Vec<Hash>,
    /// The height below them.
    fork: u32,
    /// Whom the new blocks pay.
    address: Option<Address>,
    /// Whether their payments wait again.
    give_back: bool,
}

fn reorganise(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    refuse_if_held(context)?;
    context.test_chain.refuse_if_reorganising()?;
    let count = args.integer_in("blocks", 1..=MAX_REORGANISED, 1)?;
    let count = u32::try_from(count).unwrap_or(1);
    let address = args.text("address").map(|text| context.address(text)).transpose()?;
    let (give_back, context) = (!args.boolean("drop", false), context.clone());
    Ok(Continuation::query_then(move |databases| {
        let tip = databases.tip()?;
        let Some(fork) = tip.height.checked_sub(count) else {
            let text = format!("the chain has {} blocks above its first, and {count} were to give way", tip.height);
            return Err(RpcError::bad_parameter(text));
        };
        let at = |height: u32| Ok::<_, RpcError>(databases.at_height(height.into())?.hash);
        let removed: Vec<Hash> = (fork + 1..=tip.height).rev().map(at).collect::<Result<_, _>>()?;
        let order = Order { removed, fork, address, give_back };
        Ok(Continuation::ask(test(TestCommand::Snapshot), move |reply| begin(context, order, reply)))
    }))
}

/// Notes where to come back to, and sets the blocks aside.
fn begin(context: Shared, order: Order, reply: Reply) -> Result<Continuation, RpcError> {
    let Reply::TestSnapshot(tip, mempool) = reply else { return Err(unexpected(reply)) };
    if order.removed.first() != Some(&tip.hash) {
        return Err(RpcError::new(REJECTED, "the chain moved meanwhile; try again"));
    }
    context.test_chain.begin_reorganisation(&tip, &mempool)?;
    let way_back = WayBack(Some(context));
    let block = order.removed.last().copied().unwrap_or_default();
    let ask = Continuation::ask(test(TestCommand::SetAside { block, hold: true }), move |reply| {
        let Reply::SetAside(marked) = reply else { return Err(unexpected(reply)) };
        way_back.context()?.test_chain.note_set_aside(&marked)?;
        Ok(replace(way_back, order, block, marked))
    });
    Ok(ask.within(RPC_BLOCKS))
}

/// Makes the other blocks, and lets the old ones count again: as a branch with less work.
fn replace(way_back: WayBack, order: Order, block: Hash, marked: Vec<Hash>) -> Continuation {
    let blocks = u32::try_from(order.removed.len()).unwrap_or(u32::MAX).saturating_add(1);
    let make = Continuation::ask(MinerCommand::Mine { blocks, address: order.address }, move |mined| {
        // In any case: if no other blocks were made, the old ones count again.
        let back = TestCommand::TakeBack { block, only: Some(marked), give_back: order.give_back };
        let back = Continuation::ask(test(back), move |reply| {
            done(reply)?;
            let context = way_back.done()?;
            context.test_chain.note_left(&order.removed)?;
            let Reply::Mined(added) = mined else { return Err(unexpected(mined)) };
            let (removed, height) = (order.removed, order.fork.saturating_add(blocks));
            let old_tip = removed.first().copied().unwrap_or_default();
            Ok(once_reindexed(&context, old_tip, move || reorganised(removed, added, height)))
        });
        Ok(back.within(RPC_BLOCKS))
    });
    make.within(RPC_BLOCKS)
}

/// The answer, if the new blocks are on the chain.
fn reorganised(removed: Vec<Hash>, added: Vec<Hash>, height: u32) -> Continuation {
    Continuation::query_then(move |databases| {
        let last = added.last().copied().unwrap_or_default();
        let is_there = databases.header(&last)?.is_some_and(|row| row.status == BlockStatus::Applied);
        if !is_there {
            let text = format!("the chain moved to another branch meanwhile, and block {last} is not on it");
            return Err(RpcError::new(REJECTED, text));
        }
        Ok(Continuation::value(&json!({ "removed": removed, "added": added, "height": height, "tip": last })))
    })
}

/// Brings the node back to where it was if a reorganisation ends in the middle: since the caller is gone, or an order fails.
struct WayBack(Option<Shared>);

impl WayBack {
    fn context(&self) -> Result<&Shared, RpcError> {
        self.0.as_ref().ok_or_else(|| RpcError::internal("a reorganisation went on twice"))
    }

    /// The reorganisation is done, and nothing leads back any more.
    fn done(mut self) -> Result<Shared, RpcError> {
        let context = self.context()?.clone();
        context.test_chain.end_reorganisation()?;
        self.0 = None;
        Ok(context)
    }
}

impl Drop for WayBack {
    fn drop(&mut self) {
        let Some(context) = self.0.take() else { return };
        log::warn!("test chain: a reorganisation is broken off, and undone");
        let node = context.node.clone();
        // No block is made any more of those that it has ordered.
        node.submit(MinerCommand::DropOrders, Box::new(move |_| go_back(context, 0)));
    }
}

/// Gives the orders that lead back, one after the other. What fails is done at the next start.
fn go_back(context: Shared, step: usize) {
    let node = context.node.clone();
    match context.test_chain.way_back().into_iter().nth(step) {
        Some(command) => node.submit(
            test(command),
            Box::new(move |reply| match done(reply) {
                Ok(()) => go_back(context, step + 1),
                Err(error) => log::warn!("test chain: cannot undo a reorganisation error=\"{}\"", error.message),
            }),
        ),
        None => {
            if let Err(error) = context.test_chain.end_reorganisation() {
                log::warn!("test chain: cannot end a reorganisation error=\"{}\"", error.message);
            }
        }
    }
}
