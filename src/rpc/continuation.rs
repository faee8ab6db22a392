//! Continuations: how a call goes on that cannot be answered at once, without a thread of its own.
//!
//! A method returns its first [`Continuation`]. One that needs a role, the database or time names what it waits for and
//! holds a closure for what follows. The server's loop drives continuations and never blocks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;

use crate::{
    base::{limits, time::Time},
    node::command::{Command, Reply},
    rpc::{context::View, databases::Databases, error::RpcError},
};

/// How long a query of the index waits for blocks that were just applied.
const RPC_INDEX_WAIT: Duration = Duration::from_millis(500);

/// A call's result as JSON text, or its error.
pub type Outcome = Result<String, RpcError>;

/// A call's next step.
pub enum Continuation {
    /// The call is done.
    Done(Outcome),
    /// Several calls that were joined are done, in their order.
    AllDone(Vec<Outcome>),
    /// Ask the node's roles.
    Ask(Ask),
    /// Run this on the query thread, which has the databases.
    Query(Query),
    /// Wait for a change.
    Wait(Wait),
    /// A step before which the ledger was asked to save.
    Saved(Box<Self>),
}

/// Looks at the state; `Some` ends the wait.
pub type Look = Box<dyn FnMut(&View) -> Option<Continuation> + Send>;

/// Continues with the replies to commands.
pub type Then = Box<dyn FnOnce(Vec<Reply>) -> Continuation + Send>;

/// Work for the query thread.
pub type Query = Box<dyn FnOnce(&mut Databases) -> Continuation + Send>;

/// Commands that are sent all at once.
pub struct Ask {
    /// The commands.
    pub commands: Vec<Command>,
    /// How long the roles may take.
    pub within: Duration,
    /// Continues with the replies, in the commands' order.
    pub then: Then,
    /// Whether the following calls of a batch may begin at the same time if they call the same method. Requires that
    /// `then` ends the call, and that the role answers the commands as if each came after the reply to the one before.
    pub joined: bool,
}

/// A wait for a change of the status.
pub struct Wait {
    /// When the wait ends in any case.
    pub until: Time,
    /// Too short to count against the limit of waiting calls.
    pub brief: bool,
    /// Called once at the start and after each change.
    pub ready: Look,
    /// What follows when the time is up.
    pub late: Box<dyn FnOnce(&View) -> Continuation + Send>,
}

impl Continuation {
    /// A result.
    pub fn value(value: &impl Serialize) -> Self {
        Self::Done(to_json(value))
    }

    /// A failure.
    pub fn fail(error: RpcError) -> Self {
        Self::Done(Err(error))
    }

    /// One command.
    pub fn ask(
        command: impl Into<Command>,
        then: impl FnOnce(Reply) -> Result<Continuation, RpcError> + Send + 'static,
    ) -> Self {
        Self::ask_all(vec![command.into()], move |mut replies| match replies.pop() {
            Some(reply) => then(reply),
            None => Err(RpcError::internal("a command was not answered")),
        })
    }

    /// Several commands at once.
    pub fn ask_all(
        commands: Vec<Command>,
        then: impl FnOnce(Vec<Reply>) -> Result<Continuation, RpcError> + Send + 'static,
    ) -> Self {
        let then = Box::new(|replies| then(replies).unwrap_or_else(Continuation::fail));
        Self::Ask(Ask { commands, within: limits::COMMAND_TIMEOUT, then, joined: false })
    }

    /// Joins several calls: their commands are sent at once.
    pub fn all(steps: Vec<Self>) -> Self {
        enum End {
            Done(Outcome),
            Replies(usize, Then),
        }
        let broken = || Err(RpcError::internal("a joined call did not end with its replies"));
        let (mut commands, mut ends, mut within) = (Vec::new(), Vec::new(), Duration::ZERO);
        for step in steps {
            ends.push(match step {
                Self::Done(outcome) => End::Done(outcome),
                Self::Ask(ask) => {
                    let end = End::Replies(ask.commands.len(), ask.then);
                    within = within.max(ask.within);
                    commands.extend(ask.commands);
                    end
                }
                _ => End::Done(broken()),
            });
        }
        let then = move |replies: Vec<Reply>| {
            let mut replies = replies.into_iter();
            let end = |end| match end {
                End::Done(outcome) => outcome,
                End::Replies(count, then) => match then(replies.by_ref().take(count).collect()) {
                    Self::Done(outcome) => outcome,
                    _ => broken(),
                },
            };
            Self::AllDone(ends.into_iter().map(end).collect())
        };
        Self::Ask(Ask { commands, within, then: Box::new(then), joined: false })
    }

    /// Work on the query thread that ends the call.
    pub fn query<T: Serialize>(query: impl FnOnce(&mut Databases) -> Result<T, RpcError> + Send + 'static) -> Self {
        Self::query_then(move |databases| Ok(Continuation::value(&query(databases)?)))
    }

    /// Work on the query thread that may continue.
    pub fn query_then(query: impl FnOnce(&mut Databases) -> Result<Continuation, RpcError> + Send + 'static) -> Self {
        Self::Query(Box::new(|databases| query(databases).unwrap_or_else(Continuation::fail)))
    }

    /// The same, but after the index has taken in the blocks that were just applied, so that a client that mines and
    /// then asks sees what it mined. Does not wait for an index that is far behind.
    pub fn once_indexed(self, context: &Shared) -> Self {
        context.indexed.ask();
        let step = Arc::new(Mutex::new(Some(self)));
        let go_on = move || step.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (late, with_index) = (go_on.clone(), context.index_path.is_some());
        Self::Wait(Wait {
            until: context.now() + RPC_INDEX_WAIT,
            brief: true,
            ready: Box::new(move |view| if with_index && view.index_follows() { None } else { go_on() }),
            late: Box::new(move |_| {
                late().unwrap_or_else(|| Self::fail(RpcError::internal("a call went on twice after the index")))
            }),
        })
    }

    /// The same, with [`Ask::joined`] set.
    pub fn joined(mut self) -> Self {
        if let Self::Ask(ask) = &mut self {
            ask.joined = true;
        }
        self
    }

    /// The same, with another time limit for commands.
    pub fn within(mut self, within: Duration) -> Self {
        if let Self::Ask(ask) = &mut self {
            ask.within = within;
        }
        self
    }
}

impl From<Result<Continuation, RpcError>> for Continuation {
    fn from(result: Result<Continuation, RpcError>) -> Self {
        result.unwrap_or_else(Continuation::fail)
    }
}

/// The JSON text of a result.
pub fn to_json(value: &impl Serialize) -> Outcome {
    serde_json::to_string(value).map_err(|error| RpcError::internal(format!("a result cannot be written: {error}")))
}

/// What a running call waits for.
pub(super) struct Pending {
    /// Completions of another stage are late and ignored.
    pub(super) stage: u64,
    /// When the call is given up.
    pub(super) deadline: Time,
    /// What the call waits for.
    pub(super) what: Awaited,
}

/// What a call can wait for.
pub(super) enum Awaited {
    /// Replies, by position.
    Replies { wanted: usize, replies: BTreeMap<usize, Reply>, then: Then },
    /// The query thread.
    Query,
    /// A change.
    Change(Wait),
}

/// What was completed.
pub(super) enum CompletionResult {
    /// A role's reply to the command at this position.
    Reply(usize, Reply),
    /// The query's continuation.
    Continuation(Continuation),
}

/// A reply or query result on its way to its call.
pub(super) struct Completion {
    /// The connection.
    pub(super) connection: usize,
    /// The stage of its call.
    pub(super) stage: u64,
    /// What was completed.
    pub(super) result: CompletionResult,
}

/// The error for a reply that a method did not expect.
pub fn unexpected(reply: Reply) -> RpcError {
    match reply {
        Reply::Refused(reason) => RpcError::new(super::error::REJECTED, reason),
        Reply::NotTaken(refusal) => refusal.into(),
        Reply::NotFound(what) => RpcError::not_found(what),
        Reply::Busy => RpcError::busy("commands"),
        Reply::Stopping => RpcError::stopping(),
        other => RpcError::internal(format!("unexpected answer of a role: {}", name_of(&other))),
    }
}

fn name_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Done => "done",
        Reply::NotFound(_) => "not found",
        Reply::Refused(_) => "refused",
        Reply::NotTaken(_) => "transaction refused",
        Reply::Busy => "busy",
        Reply::Stopping => "stopping",
        Reply::Accepted(_) => "accepted",
        Reply::Peers(_) => "peers",
        Reply::Deliveries(_) => "deliveries",
        Reply::Book { .. } => "book",
        Reply::Members(_) => "members",
        Reply::Template(_) => "template",
        Reply::Mempool(_) => "mempool",
        Reply::PoolEntry(_) => "mempool entry",
        Reply::Displaced(..) => "displaced transaction",
        Reply::Mined(_) => "mined",
        Reply::Reorganised(_) => "reorganised",
        Reply::Reverted { .. } => "reverted",
        Reply::TestSnapshot(..) => "snapshot",
    }
}

/// The context that all methods share.
pub type Shared = Arc<super::context::Context>;
