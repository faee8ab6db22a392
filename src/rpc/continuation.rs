//! How a call that cannot be answered at once goes on: steps instead of threads.
//!
//! A method returns its first [`Continuation`]. Steps that need a role, the database or the passing of time name what they wait
//! for and how to go on; the server's loop drives them and never blocks. Everything is plain closures, so that a method
//! reads top-down.

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

/// How long a question to the index waits for the blocks that came just now.
const RPC_INDEX_WAIT: Duration = Duration::from_millis(500);

/// What a call comes to: JSON text, or an error.
pub type Outcome = Result<String, RpcError>;

/// A call's next step.
pub enum Continuation {
    /// It is done.
    Done(Outcome),
    /// So are several calls that went together, in their order.
    AllDone(Vec<Outcome>),
    /// It needs answers of the node's roles.
    Ask(Ask),
    /// It needs the database. Runs on the query thread.
    Query(Query),
    /// It waits for something to happen.
    Wait(Wait),
}

/// Looks at the state: `Some` ends the waiting.
pub type Look = Box<dyn FnMut(&View) -> Option<Continuation> + Send>;

/// Goes on with the answers to commands.
pub type Then = Box<dyn FnOnce(Vec<Reply>) -> Continuation + Send>;

/// Work for the query thread.
pub type Query = Box<dyn FnOnce(&mut Databases) -> Continuation + Send>;

/// Commands, asked all at once.
pub struct Ask {
    /// The commands.
    pub commands: Vec<Command>,
    /// How long the roles may take.
    pub within: Duration,
    /// Goes on with the answers, in the commands' order.
    pub then: Then,
    /// Whether the next calls of a batch are begun at once if they are of the same method: it is then done, and its
    /// role answers commands as if each had come after the answer to the one before.
    pub joined: bool,
}

/// Waiting for the status to change.
pub struct Wait {
    /// When it is over anyway.
    pub until: Time,
    /// Over so soon that it does not count among the calls that may wait.
    pub brief: bool,
    /// Called once at the start and after each change.
    pub ready: Look,
    /// What follows if the time is up.
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
    pub fn ask(command: Command, then: impl FnOnce(Reply) -> Result<Continuation, RpcError> + Send + 'static) -> Self {
        Self::ask_all(vec![command], move |mut replies| match replies.pop() {
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

    /// Several calls as one step: what they ask is asked at once.
    pub fn all(steps: Vec<Self>) -> Self {
        enum End {
            Done(Outcome),
            Replies(usize, Then),
        }
        let broken = || Err(RpcError::internal("a call that is joined to others has another step"));
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

    /// Work on the query thread that may go on with another step.
    pub fn query_then(query: impl FnOnce(&mut Databases) -> Result<Continuation, RpcError> + Send + 'static) -> Self {
        Self::Query(Box::new(|databases| query(databases).unwrap_or_else(Continuation::fail)))
    }

    /// As it is, but after the index has taken in the blocks that came just now, so that whoever mines and then asks sees
    /// what was mined. If it is far behind, nobody waits for it.
    pub fn once_indexed(self, context: &Shared) -> Self {
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

    /// As it is, but the next calls of the same method in a batch are begun at once.
    pub fn joined(mut self) -> Self {
        if let Self::Ask(ask) = &mut self {
            ask.joined = true;
        }
        self
    }

    /// As it is, but with another time allowed for commands.
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

/// The text of a result.
pub fn to_json(value: &impl Serialize) -> Outcome {
    serde_json::to_string(value).map_err(|error| RpcError::internal(format!("a result cannot be written: {error}")))
}

/// A call's step under way.
pub(super) struct Pending {
    /// Answers that come for another stage are late and ignored.
    pub(super) stage: u64,
    /// When it is given up.
    pub(super) deadline: Time,
    /// What is awaited.
    pub(super) what: Awaited,
}

/// What a pending step waits for.
pub(super) enum Awaited {
    /// Answers; the positions that are still open are missing.
    Replies { wanted: usize, replies: BTreeMap<usize, Reply>, then: Then },
    /// The query thread.
    Query,
    /// A change.
    Change(Wait),
}

/// CompletionResult for a pending step.
pub(super) enum CompletionResult {
    /// A role's answer to the command at this position.
    Reply(usize, Reply),
    /// What the query came to.
    Continuation(Continuation),
}

/// CompletionResult and whom they are for.
pub(super) struct Completion {
    /// The connection.
    pub(super) connection: usize,
    /// The stage of its call.
    pub(super) stage: u64,
    /// The news.
    pub(super) result: CompletionResult,
}

/// Shared text of a reply that a method did not expect: a bug, told as one.
pub fn unexpected(reply: Reply) -> RpcError {
    match reply {
        Reply::Refused(reason) => RpcError::new(super::error::REJECTED, reason),
        Reply::NotFound(what) => RpcError::not_found(what),
        other => RpcError::internal(format!("unexpected answer of a role: {}", name_of(&other))),
    }
}

fn name_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Done => "done",
        Reply::NotFound(_) => "not found",
        Reply::Refused(_) => "refused",
        Reply::Accepted(_) => "accepted",
        Reply::Peers(_) => "peers",
        Reply::Deliveries(_) => "deliveries",
        Reply::Book { .. } => "book",
        Reply::Template(_) => "template",
        Reply::Mempool(_) => "mempool",
        Reply::PoolEntry(_) => "mempool entry",
        Reply::Mined(_) => "mined",
    }
}

/// The context that all methods share.
pub type Shared = Arc<super::context::Context>;
