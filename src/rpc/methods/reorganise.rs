//! Blocks of a test chain that give way to others. The node does it as a whole or not at all, also if it is killed meanwhile.

use serde_json::json;

use crate::{
    base::hash::Hash,
    node::command::{Reorganise, Reorganised, Reply, TestCommand},
    rpc::{
        answers,
        continuation::{Continuation, Shared, unexpected},
        error::{self, RpcError},
        methods::{
            method::Method,
            mining::refuse_if_held,
            test_chain::{RPC_BLOCKS, once_reindexed, refuse_elsewhere, test},
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
    summary: "test chains: replaces the last blocks by at least one more others, without their payments, in one step",
    returns: "an object: the blocks",
    result: answers::test_chain::REORGANISED,
    errors: &[error::REJECTED, error::BAD_PARAMETER],
    handler: reorganise,
}];

/// Blocks that give way at most.
const MAX_REORGANISED: u64 = 1_000;

fn reorganise(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    refuse_if_held(context)?;
    let blocks = u32::try_from(args.integer_in("blocks", 1..=MAX_REORGANISED, 1)?).unwrap_or(1);
    let address = args.text("address").map(|text| context.address(text)).transpose()?;
    let order = Reorganise { blocks, address, give_back: !args.boolean("drop", false) };
    let context = context.clone();
    Ok(Continuation::query_then(move |databases| {
        let tip = databases.tip()?;
        let Some(fork) = tip.height.checked_sub(blocks) else {
            let text = format!("the chain has {} blocks above its first, and {blocks} were to give way", tip.height);
            return Err(RpcError::bad_parameter(text));
        };
        let at = |height: u32| Ok::<_, RpcError>(databases.at_height(height.into())?.hash);
        // Before they have given way: a kill would come in between.
        let removed: Vec<Hash> = (fork + 1..=tip.height).rev().map(at).collect::<Result<_, _>>()?;
        context.test_chain.note_left(&removed)?;
        let ask = Continuation::ask(test(TestCommand::Reorganise(order)), move |reply| match reply {
            Reply::Reorganised(done) => Ok(reorganised(&context, fork, *done)),
            other => Err(unexpected(other)),
        });
        Ok(ask.within(RPC_BLOCKS))
    }))
}

/// The answer, once the index has followed.
fn reorganised(context: &Shared, fork: u32, done: Reorganised) -> Continuation {
    let Reorganised { removed, added } = done;
    let height = fork.saturating_add(u32::try_from(added.len()).unwrap_or(u32::MAX));
    let (old_tip, tip) = (removed.first().copied().unwrap_or_default(), added.last().copied());
    let answer = json!({ "removed": removed, "added": added, "height": height, "tip": tip });
    once_reindexed(context, old_tip, move || Continuation::value(&answer))
}
