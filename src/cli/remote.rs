//! The running node, found by its data directory. Turns its answers into exit codes.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::{
    datadir::{self, Endpoints},
    exit::{Exit, Failure, Outcome},
};
use crate::{
    config::Settings,
    rpc::{
        client::{Client, ClientError, Deadline, RPC_CALL},
        error::{LATE, PRUNED},
    },
};

/// The longest single question of a wait; a longer wait asks again, so that a node that went away is noticed.
pub(super) const RPC_WAIT_SLICE: Duration = Duration::from_secs(25);
/// Said of a node that holds its data directory, and does not answer yet or any more.
const BETWEEN: &str = "is starting or stopping";
/// The node's code while it is starting.
const STARTING: i64 = -28;
/// The node's code when it cannot read its ledger.
const DATABASE: i64 = -20;
/// The node's code while it takes no more of these calls.
const BUSY: i64 = -32000;
/// The node's code while it stops.
const STOPPING: i64 = -32001;
/// The first pause before a call to a busy node is repeated.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// A running node.
pub struct Remote {
    client: Client,
    /// Its addresses.
    pub endpoints: Endpoints,
    place: String,
    flags: String,
    /// Until when calls are repeated while the node is busy.
    deadline: Option<Deadline>,
}

impl Remote {
    /// Finds the node that runs on this data directory.
    pub fn find(settings: &Settings) -> Outcome<Self> {
        let folder = settings.chain_dir();
        let (place, flags) = (folder.display().to_string(), settings.flags());
        // A node that was killed leaves its endpoints behind, but not the lock. The next one holds that before it removes them.
        let Some(holder) = datadir::holder(&folder)? else { return Err(not_running(&place, &flags)) };
        let endpoints = datadir::read_endpoints(&folder).filter(|endpoints| endpoints.pid == holder.pid);
        let Some(endpoints) = endpoints else {
            let reason = format!("pid {} {BETWEEN}: {place}; wait with: tussock wait ready{flags}", holder.pid);
            return Err(Failure::new(Exit::Unreachable, reason));
        };
        let Some(http) = &endpoints.http else {
            let reason = format!("the node runs without HTTP (--no-http): {place}; restart it with HTTP");
            return Err(Failure::new(Exit::Unreachable, reason));
        };
        let address: SocketAddr = http.parse().map_err(|_| {
            Failure::new(Exit::Unreachable, format!("endpoints.json holds no address: {place}; restart the node"))
        })?;
        let cookie = datadir::read_cookie(&folder)?;
        Ok(Self { client: Client::new(address, &cookie), endpoints, place, flags, deadline: None })
    }

    /// The same, but waits for one that is only just starting.
    pub fn find_by(settings: &Settings, deadline: Deadline) -> Outcome<Self> {
        loop {
            match Self::find(settings) {
                Err(failure) if failure.message.contains(BETWEEN) && deadline.pause(FIRST_PAUSE) => {}
                result => return result,
            }
        }
    }

    /// Calls a method.
    pub fn call(&self, method: &str, params: Value) -> Outcome<Value> {
        self.call_within(method, params, RPC_CALL)
    }

    /// Repeats calls to a busy node until this deadline, instead of for [`RPC_CALL`].
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Calls a method that may take as long as `limit`. Repeats the call while the node is starting or busy.
    pub fn call_within(&self, method: &str, params: Value, limit: Duration) -> Outcome<Value> {
        let deadline = self.deadline.unwrap_or_else(|| Deadline::after(RPC_CALL));
        let mut pause = FIRST_PAUSE;
        loop {
            match self.client.call_within(method, params.clone(), limit) {
                Err(error) if is_busy(&error) && deadline.pause(pause) => {}
                result => return result.map_err(|error| self.failure(method, error)),
            }
            // The process id spreads the calls of commands that were started together.
            let spread = Duration::from_millis(u64::from(std::process::id() % 20));
            pause = (pause * 2).min(LONGEST_PAUSE) + spread;
        }
    }

    /// Calls several methods at once; the results in the same order, errors as objects with `error`.
    pub fn batch(&self, calls: Vec<(&str, Value)>) -> Outcome<Vec<Value>> {
        self.client.batch(calls).map_err(|error| self.failure("batch", error))
    }

    /// Waits until the node says that a condition holds. Returns the node's answer, or as an error the facts of the
    /// node when the time ran out, or when the condition can no longer come true.
    pub fn wait(&self, condition: &Value, deadline: Deadline) -> Outcome<Result<Value, Value>> {
        loop {
            let slice = deadline.left().min(RPC_WAIT_SLICE);
            let mut question = condition.clone();
            question["timeout"] = json!(slice.as_secs_f64());
            let answer = match self.call_within("wait", json!([question]), slice + Duration::from_secs(10)) {
                // What came true is saved before it is told, and the disk is slow: asking again does nothing twice.
                Err(failure) if failure.data["reason"] == LATE && !deadline.left().is_zero() => continue,
                answer => answer?,
            };
            if answer.get("ok").and_then(Value::as_bool) == Some(true) {
                return Ok(Ok(answer));
            }
            let is_undone = answer.get("conflicts_with").is_some();
            if is_undone || deadline.left().is_zero() {
                return Ok(Err(answer));
            }
        }
    }

    fn failure(&self, method: &str, error: ClientError) -> Failure {
        match error {
            ClientError::Refused { code: DATABASE, message, .. } => {
                let check = format!("once the node has stopped: tussock verify{}", self.flags);
                Failure::new(Exit::Io, format!("{message}: {}; {check}", self.place))
            }
            ClientError::Refused { code: STOPPING, message, .. } => {
                let start = format!("start it again with: tussock run{}", self.flags);
                Failure::new(Exit::Unreachable, format!("{message}: {}; {start}", self.place))
            }
            ClientError::Refused { code, message, data } => {
                let exit = exit_of(code, &data);
                Failure { data, ..Failure::new(exit, message) }
            }
            ClientError::Unauthorised => {
                let advice = "the node may have been restarted, try again";
                Failure::new(
                    Exit::Unauthorised,
                    format!("the node does not accept the cookie: {}; {advice}", self.place),
                )
            }
            ClientError::TimedOut => {
                Failure::new(Exit::TimedOut, format!("the node did not answer {method} in time: {}", self.place))
            }
            ClientError::Busy(reason) => Failure::new(
                Exit::TimedOut,
                format!("the node was busy all the time: {}: {reason}; try again", self.place),
            ),
            ClientError::Unreachable(reason) => {
                let http = self.endpoints.http.as_deref().unwrap_or_default();
                let start = format!("start it with: tussock run{}", self.flags);
                Failure::new(Exit::Unreachable, format!("the node does not answer: {http}: {reason}; {start}"))
            }
            ClientError::Foreign(what) => {
                let http = self.endpoints.http.as_deref().unwrap_or_default();
                Failure::new(Exit::Unreachable, format!("the answer is not this node's: {http}: {what}"))
            }
        }
    }
}

/// Whether the same call may succeed a moment later.
fn is_busy(error: &ClientError) -> bool {
    matches!(error, ClientError::Busy(_) | ClientError::Refused { code: STARTING | BUSY, .. })
}

/// The exit code for an error of the node.
fn exit_of(code: i64, data: &Value) -> Exit {
    // The code of both is that of a node that failed.
    match data["reason"].as_str() {
        Some(PRUNED) => return Exit::NotFound,
        Some(LATE) => return Exit::TimedOut,
        _ => {}
    }
    match code {
        -5 => Exit::NotFound,
        -26 | -22 | -6 | -4 => Exit::Rejected,
        -8 | -32602 => Exit::Usage,
        -32003 | -13 | -14 => Exit::Unauthorised,
        STARTING | BUSY => Exit::TimedOut,
        DATABASE => Exit::Io,
        STOPPING => Exit::Unreachable,
        _ => Exit::Internal,
    }
}

fn not_running(place: &str, flags: &str) -> Failure {
    Failure::new(Exit::Unreachable, format!("no node runs on {place}; start one with: tussock run{flags}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chain::archive::StoreError, rpc::error::RpcError};

    #[test]
    fn the_node_s_codes_become_exit_codes() {
        let exits =
            [-5, -26, -22, -8, -32602, -28, -32000, -20, -32001, -32601].map(|code| exit_of(code, &Value::Null) as u8);
        assert_eq!(exits, [4, 5, 5, 2, 2, 6, 6, 10, 3, 1]);
        let exits = [RpcError::late(), StoreError::Pruned { height: 3, kept_from: 5 }.into()];
        let exits = exits.map(|error| exit_of(error.code.into(), &error.data.unwrap()) as u8);
        assert_eq!(exits, [6, 4], "the node is late, not broken");
    }
}
