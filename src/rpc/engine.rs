//! Drives requests to their answers. The server's loop owns it; it never blocks.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use crate::{
    base::time::Time,
    node::{
        command::{LedgerCommand, Reply},
        limit::Meter,
    },
    rpc::{
        api::{self, Route},
        batch::{Batch, Tag},
        call_stats::CallStats,
        completions::CompletionQueue,
        context::{Context, View},
        continuation::{Ask, Awaited, Completion, CompletionResult, Continuation, Outcome, Pending, Query, Wait},
        error::{self, RpcError},
        http::{self, Head, Request, Response, Status},
        integers,
        methods::{self, method::Method},
        query::{QueryQueue, Task},
        rights::Right,
        stream::{Part, Stream},
        wait_slot::WaitSlot,
    },
};

/// Calls with credentials that wait for the status to change, such as `wait`; further ones are answered with "busy".
pub(super) const RPC_WAITS: usize = 64;
/// The same for paths and streams, which need no credentials. They have places of their own, so that they keep nobody else out.
pub(super) const RPC_OPEN_WAITS: usize = 32;
/// How long a database query may take before its call fails.
const RPC_QUERY: Duration = Duration::from_secs(30);

/// Answers requests.
pub(super) struct Engine {
    context: Arc<Context>,
    completions: Arc<CompletionQueue>,
    queries: Arc<QueryQueue>,
    waits: Arc<AtomicUsize>,
    open_waits: Arc<AtomicUsize>,
    stage: u64,
    calls: CallStats,
}

/// A request under way.
pub(super) struct Running {
    connection: usize,
    exchange: Exchange,
    pending: Pending,
    slot: Option<WaitSlot>,
}

/// How far a request has come.
pub(super) enum Progress {
    /// It is answered.
    Done(Response),
    /// A part of its answer is there.
    Part(Part),
    /// It waits.
    Pending(Box<Running>),
}

/// What outcomes are used for.
enum Exchange {
    Calls { batch: Batch, tags: Vec<Tag>, method: Option<&'static Method>, begun: Time, strings: bool },
    Read { finish: api::Finish, kind: &'static str },
    Stream(Stream),
}

impl Exchange {
    /// What queries take turns by.
    fn kind(&self) -> &'static str {
        match self {
            Self::Calls { method, .. } => method.map_or("", |method| method.name),
            Self::Read { kind, .. } => kind,
            Self::Stream(_) => "stream",
        }
    }
}

impl Engine {
    /// An engine whose queries `queries` takes, which closes with it, and that gets results through `completions`.
    pub(super) fn new(context: Arc<Context>, completions: Arc<CompletionQueue>, queries: Arc<QueryQueue>) -> Self {
        Self {
            context,
            completions,
            queries,
            waits: Arc::default(),
            open_waits: Arc::default(),
            stage: 0,
            calls: CallStats::default(),
        }
    }

    /// The node's time.
    pub(super) fn now(&self) -> Time {
        self.context.now()
    }

    /// Records the use of the server's limits.
    pub(super) fn note_http(&self, connections: Meter, bytes: Meter) {
        self.context.note_http(connections, bytes);
    }

    /// What waiting calls look at. First records as events what has changed since the last view.
    pub(super) fn view(&self) -> View {
        let view = self.context.view();
        self.context.events.note(&view.status);
        view
    }

    /// Starts to answer a request of this connection, from somebody with this right.
    pub(super) fn begin(&mut self, connection: usize, request: Request, right: Right) -> Progress {
        if request.head.method == http::Method::Post {
            if let Err(error) = integers::check_alone(&request.head.query) {
                return Progress::Done(Response::error(Status::BadRequest, &error.message));
            }
            return match Batch::parse(&request.body) {
                Ok(batch) => self.next_call(
                    connection,
                    batch.of_caller(right),
                    integers::wants_strings(&request.head.query),
                    None,
                ),
                Err(response) => Progress::Done(response),
            };
        }
        self.read(connection, &request.head)
    }

    /// Takes a completion for a running request.
    pub(super) fn deliver(&mut self, mut running: Box<Running>, completion: Completion) -> Progress {
        if running.pending.stage != completion.stage {
            return Progress::Pending(running);
        }
        match (completion.result, &mut running.pending.what) {
            (CompletionResult::Continuation(step), Awaited::Query) => self.go_on(running, step),
            (CompletionResult::Reply(at, reply), Awaited::Replies { wanted, replies, .. }) => {
                replies.insert(at, reply);
                if replies.len() < *wanted { Progress::Pending(running) } else { self.replied(running) }
            }
            _ => Progress::Pending(running),
        }
    }

    /// Looks at a waiting request again after a change.
    pub(super) fn changed(&mut self, mut running: Box<Running>, view: &View) -> Progress {
        match &mut running.pending.what {
            Awaited::Change(wait) => match (wait.ready)(view) {
                Some(step) => self.go_on(running, step),
                None => Progress::Pending(running),
            },
            _ => Progress::Pending(running),
        }
    }

    /// Gives up a request whose time has come.
    pub(super) fn expire(&mut self, mut running: Box<Running>, now: Time) -> Progress {
        if now < running.pending.deadline {
            return Progress::Pending(running);
        }
        let waited = std::mem::replace(&mut running.pending.what, Awaited::Query);
        let step = match waited {
            Awaited::Change(wait) => (wait.late)(&self.view()),
            _ => Continuation::fail(RpcError::late()),
        };
        self.go_on(running, step)
    }

    /// Ends a request because the server stops.
    pub(super) fn abort(&mut self, running: Box<Running>) -> Progress {
        self.go_on(running, Continuation::fail(RpcError::stopping()))
    }

    fn replied(&mut self, mut running: Box<Running>) -> Progress {
        match std::mem::replace(&mut running.pending.what, Awaited::Query) {
            Awaited::Replies { replies, then, .. } => {
                let step = then(replies.into_values().collect());
                self.go_on(running, step)
            }
            _ => Progress::Pending(running),
        }
    }

    fn go_on(&mut self, running: Box<Running>, step: Continuation) -> Progress {
        let Running { connection, exchange, slot, .. } = *running;
        self.drive(connection, exchange, slot, step)
    }

    /// Lets the ledger save first what the caller is about to be told or to read.
    fn once_saved(&self, step: Continuation) -> Continuation {
        match step {
            step @ (Continuation::Ask(_) | Continuation::Done(Err(_))) => step,
            Continuation::Saved(step) => *step,
            step if self.context.node.is_unsaved() => {
                Continuation::ask(LedgerCommand::Save, move |_| Ok(Continuation::Saved(Box::new(step))))
            }
            step => step,
        }
    }

    /// Continues as far as possible without waiting.
    fn drive(&mut self, connection: usize, exchange: Exchange, slot: Option<WaitSlot>, step: Continuation) -> Progress {
        let (started, slot) = match self.once_saved(step) {
            Continuation::Done(outcome) => return self.finish(connection, exchange, vec![outcome]),
            Continuation::AllDone(outcomes) => return self.finish(connection, exchange, outcomes),
            Continuation::Ask(ask) if ask.commands.is_empty() => {
                let step = (ask.then)(Vec::new());
                return self.drive(connection, exchange, slot, step);
            }
            Continuation::Saved(step) => return self.drive(connection, exchange, slot, *step),
            Continuation::Ask(ask) => (self.ask(connection, ask), slot),
            Continuation::Query(query) => (self.query(connection, exchange.kind(), query), slot),
            Continuation::Wait(mut wait) => match (wait.ready)(&self.view()) {
                Some(step) => return self.drive(connection, exchange, slot, step),
                None => {
                    let places = match exchange {
                        Exchange::Calls { .. } => (&self.waits, RPC_WAITS),
                        Exchange::Read { .. } | Exchange::Stream(_) => (&self.open_waits, RPC_OPEN_WAITS),
                    };
                    let needs_none = wait.brief || matches!(exchange, Exchange::Stream(_));
                    let slot = if needs_none { slot } else { slot.or_else(|| WaitSlot::take(places)) };
                    match needs_none || slot.is_some() {
                        true => (Ok(self.park(wait)), slot),
                        false => (Err(RpcError::busy("waiting calls")), None),
                    }
                }
            },
        };
        match started {
            Ok(pending) => Progress::Pending(Box::new(Running { connection, exchange, pending, slot })),
            Err(error) => self.finish(connection, exchange, vec![Err(error)]),
        }
    }

    /// Ends a call, or several that were joined. A single outcome holds for all of them: they did not begin, or failed.
    fn finish(&mut self, connection: usize, exchange: Exchange, mut outcomes: Vec<Outcome>) -> Progress {
        for outcome in &mut outcomes {
            // A node whose ledger failed says that, not that it stops.
            if let Err(error) = outcome
                && error.code == error::STOPPING
                && let Some(failure) = self.context.node.store_failure()
            {
                *error = failure.into();
            }
        }
        match exchange {
            Exchange::Read { finish, .. } => Progress::Done(match outcomes.pop() {
                Some(outcome) => finish(outcome),
                None => finish(Err(RpcError::internal("a continuation without an outcome"))),
            }),
            Exchange::Stream(stream) => {
                let outcome =
                    outcomes.pop().unwrap_or_else(|| Err(RpcError::internal("a continuation without an outcome")));
                stream.part(outcome).map_or_else(Progress::Done, Progress::Part)
            }
            Exchange::Calls { mut batch, tags, method, begun, strings } => {
                if outcomes.len() < tags.len()
                    && let Some(outcome) = outcomes.first().cloned()
                {
                    outcomes.resize(tags.len(), outcome);
                }
                let took = self.now().since(begun);
                for (tag, outcome) in tags.iter().zip(outcomes) {
                    let code = outcome.as_ref().err().map_or(0, |error| error.code);
                    self.calls.note(method.map_or("unknown", |method| method.name), code, took);
                    let outcome = match (method, outcome) {
                        (Some(method), Ok(text)) if strings => Ok(integers::as_strings(&text, &method.result)),
                        (_, outcome) => outcome,
                    };
                    batch.finish(tag, outcome);
                }
                self.next_call(connection, batch, strings, None)
            }
        }
    }

    fn next_call(&mut self, connection: usize, mut batch: Batch, strings: bool, slot: Option<WaitSlot>) -> Progress {
        let Some(call) = batch.next_call() else { return Progress::Done(batch.response()) };
        let begun = self.now();
        let method = methods::find(&call.method);
        let mut tags = vec![call.tag];
        let step = match method {
            Some(method) => match method.start(&self.context, call.params) {
                Continuation::Ask(ask) if ask.joined => {
                    let others = batch.take_alike(method.name, self.completions.room_for_commands().saturating_sub(1));
                    let mut steps = vec![Continuation::Ask(ask)];
                    for other in others {
                        tags.push(other.tag);
                        steps.push(method.start(&self.context, other.params));
                    }
                    Continuation::all(steps)
                }
                step => step,
            },
            None => {
                let text = format!("no method \"{}\"; rpc.discover lists all", clipped(&call.method));
                Continuation::fail(RpcError::new(error::METHOD_NOT_FOUND, text))
            }
        };
        self.drive(connection, Exchange::Calls { batch, tags, method, begun, strings }, slot, step)
    }

    /// Goes on with a stream whose last part the client has taken.
    pub(super) fn resume(&mut self, connection: usize, stream: Stream) -> Progress {
        let step = stream.step(&self.context);
        self.drive(connection, Exchange::Stream(stream), None, step)
    }

    fn read(&mut self, connection: usize, head: &Head) -> Progress {
        match Stream::open(head, || WaitSlot::take((&self.open_waits, RPC_OPEN_WAITS))) {
            Some(Ok(stream)) => return self.resume(connection, stream),
            Some(Err(refusal)) => return Progress::Done(refusal),
            None => {}
        }
        match api::route(&self.context, &self.calls, head) {
            Route::Ready(response) => Progress::Done(response),
            Route::Continuation(step, finish, kind) => {
                self.drive(connection, Exchange::Read { finish, kind }, None, step)
            }
        }
    }

    fn ask(&mut self, connection: usize, ask: Ask) -> Result<Pending, RpcError> {
        let stage = self.next_stage();
        let wanted = ask.commands.len();
        for (at, command) in ask.commands.into_iter().enumerate() {
            if !self.completions.begin_command() {
                return Err(RpcError::busy("commands"));
            }
            let completions = Arc::clone(&self.completions);
            let done = move |reply: Reply| {
                completions.end_command();
                completions.post(Completion { connection, stage, result: CompletionResult::Reply(at, reply) });
            };
            self.context.node.submit(command, Box::new(done));
        }
        let what = Awaited::Replies { wanted, replies: BTreeMap::new(), then: ask.then };
        Ok(Pending { stage, deadline: self.now() + ask.within, what })
    }

    fn query(&mut self, connection: usize, kind: &'static str, query: Query) -> Result<Pending, RpcError> {
        let stage = self.next_stage();
        self.queries.push(Task { connection, stage, kind, query })?;
        Ok(Pending { stage, deadline: self.now() + RPC_QUERY, what: Awaited::Query })
    }

    fn park(&mut self, wait: Wait) -> Pending {
        Pending { stage: self.next_stage(), deadline: wait.until, what: Awaited::Change(wait) }
    }

    fn next_stage(&mut self) -> u64 {
        self.stage += 1;
        self.stage
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queries.close();
    }
}

impl Running {
    /// When [`Engine::expire`] wants to be called.
    pub(super) fn deadline(&self) -> Time {
        self.pending.deadline
    }

    /// Whether it waits for a change. Such a request may be dropped when its client has gone.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.pending.what, Awaited::Change(_))
    }
}

/// The start of a text from outside, for messages.
fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
