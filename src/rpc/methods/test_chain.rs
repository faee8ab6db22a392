//! Test chains: what programs try there that others wait for. A state is kept and brought back, the clock is set, blocks give way to others.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    base::hash::Hash,
    node::command::{LedgerCommand, MinerCommand, Reply, TestCommand},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, Wait, unexpected},
        error::{self, REJECTED, RpcError},
        host,
        methods::method::Method,
        params::Args,
        schema::{ID, Schema, optional, required},
        test_chain::{MAX_SHIFT, TestSnapshot},
    },
    runtime::clock,
};

/// How long blocks may take that are undone, done again or made.
pub(super) const RPC_BLOCKS: Duration = Duration::from_secs(600);
/// How long an answer waits for an index that follows.
const RPC_INDEX: Duration = Duration::from_secs(5);

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "devsnapshot",
        params: &[],
        summary: "test chains: keeps chain, mempool and clock as they are, to come back to",
        returns: "an object: the snapshot's number for devrevert, and where the chain is",
        result: answers::test_chain::SNAPSHOT,
        errors: &[error::REJECTED],
        handler: |context, _| {
            let shared = context.clone();
            snapshot(context, move |snapshot| Ok(Continuation::value(&show(&snapshot, &shared))))
        },
    },
    Method {
        name: "devsnapshots",
        params: &[],
        summary: "test chains: lists the snapshots that can be brought back",
        returns: "a list, the oldest first",
        result: Schema::Array(&answers::test_chain::SNAPSHOT),
        errors: &[error::REJECTED],
        handler: |context, _| {
            refuse_elsewhere(context)?;
            let all = context.test_chain.all();
            Ok(Continuation::value(&all.iter().map(|one| show(one, context)).collect::<Vec<_>>()))
        },
    },
    Method {
        name: "devrevert",
        params: &[required("id", Schema::Integer, "the snapshot's number")],
        summary: "test chains: brings chain, mempool and clock back to a snapshot, and forgets later ones",
        returns: "an object: where the chain is now",
        result: answers::test_chain::REVERTED,
        errors: &[error::REJECTED, error::NOT_FOUND],
        handler: |context, args| {
            refuse_elsewhere(context)?;
            let id = args.integer("id").unwrap_or_default();
            let snapshot = context.test_chain.find(id).ok_or_else(|| no_snapshot(context, id))?;
            revert(context, snapshot, |done| Ok(Continuation::value(&done)))
        },
    },
    Method {
        name: "devtime",
        params: &[
            optional("seconds", Schema::Signed, "by how much to set the node's clock on; back if it is negative"),
            optional("at", Schema::Integer, "unix seconds to set it to"),
        ],
        summary: "test chains: sets the node's clock, which goes on from there; without parameters, tells it",
        returns: "an object: the time now",
        result: answers::test_chain::TIME,
        errors: &[error::REJECTED, error::BAD_PARAMETER],
        handler: time,
    },
    Method {
        name: "evm_snapshot",
        params: &[],
        summary: "test chains: as devsnapshot, as Ethereum's test nodes name it",
        returns: "a text: the snapshot's number as 0x and hex digits",
        result: Schema::Text,
        errors: &[error::REJECTED],
        handler: |context, _| snapshot(context, |snapshot| Ok(Continuation::value(&format!("{:#x}", snapshot.id)))),
    },
    Method {
        name: "evm_revert",
        params: &[required("id", ID, "the snapshot's number")],
        summary: "test chains: as devrevert, as Ethereum's test nodes name it",
        returns: "true; false if there is no such snapshot",
        result: Schema::Boolean,
        errors: &[error::REJECTED],
        handler: |context, args| {
            let text = args.id("id", "");
            let id = text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
            match id.and_then(|id| context.test_chain.find(id)) {
                Some(snapshot) => revert(context, snapshot, |_| Ok(Continuation::value(&true))),
                None => refuse_elsewhere(context).map(|()| Continuation::value(&false)),
            }
        },
    },
    Method {
        name: "evm_increaseTime",
        params: &[required("seconds", Schema::Integer, "by how much to set the node's clock on")],
        summary: "test chains: as devtime, as Ethereum's test nodes name it",
        returns: "a number: the seconds by which the node's clock is ahead of the host's",
        result: Schema::Signed,
        errors: &[error::REJECTED, error::BAD_PARAMETER],
        handler: |context, args| {
            let target = host::unix_now().saturating_add(args.integer("seconds").unwrap_or_default());
            set_clock(context, target, || json!(clock::shift()))
        },
    },
    Method {
        name: "setmocktime",
        params: &[required("timestamp", Schema::Integer, "unix seconds; 0: the host's time")],
        summary: "test chains: sets the node's clock, which goes on from there",
        returns: "null",
        result: Schema::Null,
        errors: &[error::REJECTED, error::BAD_PARAMETER],
        handler: |context, args| {
            let target = args.integer("timestamp").filter(|time| *time > 0);
            set_clock(context, target.unwrap_or_else(host_now), || Value::Null)
        },
    },
    Method {
        name: "invalidateblock",
        params: &[required("blockhash", Schema::Hash, "the block")],
        summary: "test chains: neither a block nor what builds on it counts from now on",
        returns: "null",
        result: Schema::Null,
        errors: &[error::REJECTED, error::NOT_FOUND],
        handler: |context, args| {
            let block = args.parsed("blockhash", "a block's hash")?;
            let kept = context.clone();
            mark(context, TestCommand::SetAside { block }, move || kept.test_chain.note_aside(&[block]))
        },
    },
    Method {
        name: "reconsiderblock",
        params: &[required("blockhash", Schema::Hash, "the block")],
        summary: "test chains: a block counts again that invalidateblock named, with those below and above it",
        returns: "null",
        result: Schema::Null,
        errors: &[error::REJECTED, error::NOT_FOUND],
        handler: |context, args| {
            let block = args.parsed("blockhash", "a block's hash")?;
            mark(context, TestCommand::TakeBack { block }, || Ok(()))
        },
    },
];

/// Refuses what is for test chains only.
pub(super) fn refuse_elsewhere(context: &Context) -> Result<(), RpcError> {
    if context.chain.seal_rules().needs_certificate() {
        return Err(RpcError::new(
            REJECTED,
            "the blocks of this chain are sealed by its authorities, and what is final stays",
        ));
    }
    context.need_coins()?;
    match context.chain.test {
        true => Ok(()),
        false => {
            let name = &context.chain.name;
            Err(RpcError::new(
                REJECTED,
                format!("this works on test chains only, such as local and dev: this is {name}"),
            ))
        }
    }
}

pub(super) fn test(command: TestCommand) -> LedgerCommand {
    LedgerCommand::Test(command)
}

fn show(snapshot: &TestSnapshot, _: &Context) -> Value {
    json!({
        "id": snapshot.id,
        "height": snapshot.height,
        "tip": snapshot.tip,
        "mempool": snapshot.mempool().len(),
        "clock_offset_s": snapshot.clock_shift_s,
    })
}

fn no_snapshot(context: &Context, id: u64) -> RpcError {
    let all = context.test_chain.all();
    let last: Vec<String> = all.iter().rev().take(5).map(|one| one.id.to_string()).collect();
    let known = match (last.len(), all.len()) {
        (0, _) => "none is kept".to_owned(),
        (1, _) => format!("there is {}", last[0]),
        (some, all) => format!("{} {}", if some < all { "the last are" } else { "there are" }, last.join(", ")),
    };
    RpcError::not_found(format!("no snapshot {id}: {known}"))
}

fn snapshot(
    context: &Shared,
    then: impl FnOnce(TestSnapshot) -> Result<Continuation, RpcError> + Send + 'static,
) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    let context = context.clone();
    Ok(Continuation::ask(test(TestCommand::Snapshot), move |reply| match reply {
        Reply::TestSnapshot(tip, mempool) => then(context.test_chain.take(&tip, &mempool)?),
        other => Err(unexpected(other)),
    }))
}

fn revert(
    context: &Shared,
    snapshot: TestSnapshot,
    then: impl FnOnce(Value) -> Result<Continuation, RpcError> + Send + 'static,
) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    let (tip, context) = (snapshot.tip, context.clone());
    Ok(Continuation::query_then(move |databases| {
        let from = databases.tip()?;
        databases.header(&tip)?.ok_or_else(|| gone(&snapshot))?;
        let status = context.node.status();
        let alone = status.inbound + status.outbound == 0;
        let left = context.test_chain.left();
        let command = test(TestCommand::Revert { tip, mempool: snapshot.mempool(), alone, left });
        let before = clock::shift();
        context.test_chain.begin_revert(snapshot.id)?;
        let ask = Continuation::ask(command, move |reply| {
            let Reply::Reverted { undone, aside } = reply else {
                // Nothing has changed: forgets no snapshot.
                context.test_chain.end_revert(u64::MAX, before)?;
                return Err(unexpected(reply));
            };
            context.test_chain.end_revert(snapshot.id, snapshot.clock_shift_s)?;
            context.test_chain.note_aside(&aside)?;
            let answer = json!({ "id": snapshot.id, "height": snapshot.height, "tip": tip, "undone": undone });
            let next = once_reindexed(&context, from.hash, move || then(answer).unwrap_or_else(Continuation::fail));
            if snapshot.clock_shift_s == before {
                return Ok(next);
            }
            Ok(Continuation::ask(MinerCommand::ClockSet, |reply| done(reply).map(|()| next)))
        });
        Ok(ask.within(RPC_BLOCKS))
    }))
}

fn gone(snapshot: &TestSnapshot) -> RpcError {
    let (id, height) = (snapshot.id, snapshot.height);
    RpcError::not_found(format!("the ledger no longer has block {height} of snapshot {id}"))
}

fn done(reply: Reply) -> Result<(), RpcError> {
    match reply {
        Reply::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn mark(
    context: &Shared,
    command: TestCommand,
    then: impl FnOnce() -> Result<(), RpcError> + Send + 'static,
) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    let (before, context) = (context.tip()?.hash, context.clone());
    let ask = Continuation::ask(test(command), move |reply| {
        done(reply)?;
        then()?;
        Ok(once_reindexed(&context, before, || Continuation::value(&Value::Null)))
    });
    Ok(ask.within(RPC_BLOCKS))
}

/// Goes on once the index has left the blocks that were undone, so that who asks next is not told of them. `old_tip`: where the
/// chain was.
pub(super) fn once_reindexed(
    context: &Shared,
    old_tip: Hash,
    then: impl FnOnce() -> Continuation + Send + 'static,
) -> Continuation {
    context.indexed.ask();
    let before = context.indexed.get();
    let has_index = context.index_path.is_some();
    let then = std::sync::Arc::new(std::sync::Mutex::new(Some(then)));
    let go_on = move || {
        let then = then.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        then.map_or_else(|| Continuation::fail(RpcError::internal("a call went on twice")), |then| then())
    };
    let late = go_on.clone();
    Continuation::Wait(Wait {
        until: context.now() + RPC_INDEX,
        brief: true,
        ready: Box::new(move |view| {
            let Some(tip) = &view.status.tip else { return None };
            let follows = view.indexed.revision != before.revision && view.indexed.height == Some(tip.height);
            (!has_index || follows || before.height.is_none() || tip.hash == old_tip).then(&go_on)
        }),
        late: Box::new(move |_| late()),
    })
}

/// Unix seconds by the host's clock.
fn host_now() -> u64 {
    crate::runtime::unix_now().0
}

fn time(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let show = || json!({ "time": host::unix_now(), "clock_offset_s": clock::shift() });
    let target = match (args.signed("seconds"), args.integer("at")) {
        (None, None) => return refuse_elsewhere(context).map(|()| Continuation::value(&show())),
        (Some(seconds), None) => host::unix_now().saturating_add_signed(seconds),
        (None, Some(at)) => at,
        (Some(_), Some(_)) => return Err(RpcError::bad_parameter("give \"seconds\" or \"at\", not both")),
    };
    set_clock(context, target, show)
}

/// Sets the node's clock to a time, from which it goes on.
fn set_clock(context: &Shared, target: u64, show: fn() -> Value) -> Result<Continuation, RpcError> {
    refuse_elsewhere(context)?;
    let (tip, host) = (context.tip()?, host_now());
    if tip.time > target.saturating_add(context.chain.parameters.future_limit.into()) {
        let hours = tip.time.saturating_sub(target) / 3600;
        let text = format!(
            "the chain's last block is {hours} hours after that time; go back to an earlier snapshot, or set the block aside with \
             invalidateblock (RPC): {}",
            tip.hash
        );
        return Err(RpcError::new(REJECTED, text));
    }
    if target.abs_diff(host) > MAX_SHIFT {
        return Err(RpcError::bad_parameter("the clock can be set off by at most a hundred years"));
    }
    let shift = target.cast_signed().saturating_sub(host.cast_signed());
    context.test_chain.set_clock(shift)?;
    log::info!("test chain: the clock is set offset_s={shift}");
    Ok(Continuation::ask(MinerCommand::ClockSet, move |reply| done(reply).map(|()| Continuation::value(&show()))))
}
