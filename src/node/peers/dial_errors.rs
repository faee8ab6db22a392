//! Why dials led to no peer, by address: for the log, the status and the operator's lists.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    base::{
        limits::MAX_BACKOFFS,
        time::{Now, Time, UnixTime},
    },
    node::{CloseReason, Outbox, command::DialError, notice::ToHeaders},
    wire::message::GoodbyeCode,
};

/// Addresses or names that a text lists. `tussock peers book` has all.
const NAMED: usize = 3;

/// The last error of each dialled address. At most [`MAX_BACKOFFS`] are remembered; beyond that the oldest makes room.
#[derive(Debug, Default)]
pub(super) struct DialErrors {
    errors: BTreeMap<SocketAddr, Entry>,
    /// What `headers` heard last.
    told: Option<String>,
}

#[derive(Debug)]
struct Entry {
    reason: String,
    at: Time,
    unix: UnixTime,
    /// When the first of the failures happened.
    since: Time,
    /// The node there keeps this one out.
    is_refusal: bool,
    /// Something there took the connection and closed it without a word.
    is_unanswered: bool,
    /// Errors since the last success; after a success the last error is only history.
    failures: u32,
}

impl DialErrors {
    /// A link that we opened ended with an error: as [`DialErrors::note`], and remembers whether the node there keeps this
    /// one out.
    pub(super) fn note_end(&mut self, now: Now, address: SocketAddr, reason: &CloseReason, given: bool) {
        self.note(now, address, &reason.to_string(), given);
        if let Some(entry) = self.errors.get_mut(&address) {
            entry.is_refusal = is_refusal(reason);
            entry.is_unanswered = *reason == CloseReason::Unanswered;
        }
    }

    /// A dial ended with an error. Logs each new reason, at `info` for addresses that the operator gave.
    pub(super) fn note(&mut self, now: Now, address: SocketAddr, reason: &str, given: bool) {
        let last = self.errors.get(&address);
        let failures = last.map_or(0, |last| last.failures);
        let since = last.filter(|_| failures > 0).map_or(now.mono, |last| last.since);
        if !last.is_some_and(|last| last.failures > 0 && last.reason == reason) {
            let level = if given { log::Level::Info } else { log::Level::Debug };
            log::log!(level, "dial led to no peer address={address} reason=\"{reason}\"");
        }
        if self.errors.len() >= MAX_BACKOFFS && last.is_none() {
            let oldest = self.errors.iter().min_by_key(|(_, error)| error.at).map(|(address, _)| *address);
            oldest.map(|address| self.errors.remove(&address));
        }
        let failures = failures.saturating_add(1);
        let (reason, at) = (reason.to_owned(), now.mono);
        let entry = Entry { reason, at, unix: now.unix, since, is_refusal: false, is_unanswered: false, failures };
        self.errors.insert(address, entry);
    }

    /// The address led to a peer.
    pub(super) fn succeeded(&mut self, address: SocketAddr) {
        if let Some(error) = self.errors.get_mut(&address) {
            error.failures = 0;
        }
    }

    /// The last error of an address, also after a success.
    pub(super) fn last(&self, address: SocketAddr) -> Option<String> {
        self.errors.get(&address).map(|error| error.reason.clone())
    }

    /// Addresses that have led to no peer since their last success: the last reason, and since when.
    pub(super) fn failing(&self) -> impl Iterator<Item = (SocketAddr, &str, Time)> {
        let failing = self.errors.iter().filter(|(_, error)| error.failures > 0);
        failing.map(|(address, error)| (*address, error.reason.as_str(), error.since))
    }

    /// Whether the last dial to an address was taken and closed without a word.
    pub(super) fn is_unanswered(&self, address: SocketAddr) -> bool {
        self.errors.get(&address).is_some_and(|error| error.failures > 0 && error.is_unanswered)
    }

    /// Addresses whose nodes keep this one out: since when the dials fail, and when it was last said.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (SocketAddr, Time, Time)> {
        let refusing = self.errors.iter().filter(|(_, error)| error.failures > 0 && error.is_refusal);
        refusing.map(|(address, error)| (*address, error.since, error.at))
    }

    /// All errors, for the operator.
    pub(super) fn list(&self) -> Vec<DialError> {
        let error = |(address, error): (&SocketAddr, &Entry)| DialError {
            address: *address,
            reason: error.reason.clone(),
            at: error.unix,
            failures: error.failures,
        };
        self.errors.iter().map(error).collect()
    }

    /// Tells `headers` why there is no peer, for the reason of a state without peers: what `denied` says, or else all of
    /// what `unresolved` says and the errors that still hold. `given` says whether the operator gave an address; `None`: the
    /// address is kept out, and nothing is expected of it.
    pub(super) fn tell(
        &mut self,
        (denied, unresolved): (Option<&str>, Option<&str>),
        given: impl Fn(SocketAddr) -> Option<bool>,
        out: &mut Outbox,
    ) {
        let text = denied.map(str::to_owned).or_else(|| {
            let all: Vec<String> = unresolved.map(str::to_owned).into_iter().chain(self.standing(given)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        });
        if text != self.told {
            self.told.clone_from(&text);
            out.tell(ToHeaders::DialsFail(text));
        }
    }

    /// The errors of the addresses that the operator gave, in a line; if they have none, the latest one.
    fn standing(&self, given: impl Fn(SocketAddr) -> Option<bool>) -> Option<String> {
        let failing = self.errors.iter().filter(|(_, error)| error.failures > 0);
        let (of_operator, others): (Vec<_>, Vec<_>) = failing
            .filter_map(|(address, error)| Some((given(*address)?, address, error)))
            .partition(|(given, ..)| *given);
        let line = |(_, address, error): &(bool, &SocketAddr, &Entry)| format!("{address}: {}", error.reason);
        if of_operator.is_empty() {
            return others.iter().max_by_key(|(.., error)| error.at).map(line);
        }
        Some(some_of(&of_operator.iter().map(line).collect::<Vec<_>>(), "; "))
    }
}

/// The first few of these, and how many more there are.
pub(super) fn some_of(all: &[String], between: &str) -> String {
    let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(between);
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}{between}and {more} more"),
    }
}

/// Whether the node at the other end keeps this one out.
fn is_refusal(reason: &CloseReason) -> bool {
    let CloseReason::Remote { code, .. } = reason else { return false };
    matches!(GoodbyeCode::from_number(*code), Some(GoodbyeCode::Operator | GoodbyeCode::Banned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::testing::{address, logged};

    #[test]
    fn each_new_reason_of_a_given_address_is_logged_once_until_a_success() {
        let (mut errors, now, to) = (DialErrors::default(), Now::default(), address("9.1.1.1:4130"));
        let lines = |errors: &mut DialErrors, reason: &str, given| {
            let ((), lines) = logged(|| errors.note(now, to, reason, given));
            lines.len()
        };
        assert_eq!(lines(&mut errors, "refused", true), 1);
        assert_eq!(lines(&mut errors, "refused", true), 0);
        assert_eq!(lines(&mut errors, "closed by the peer: no slot is free", true), 1);
        errors.succeeded(to);
        assert_eq!(lines(&mut errors, "closed by the peer: no slot is free", true), 1);
        assert_eq!(errors.list()[0].failures, 1);
        assert_eq!(errors.last(to).as_deref(), Some("closed by the peer: no slot is free"));
    }

    #[test]
    fn all_errors_that_stand_are_told_until_they_are_over() {
        let (mut errors, mut out) = (DialErrors::default(), Outbox::default());
        let given = |address: SocketAddr| Some(address.port() < 8);
        let none = (None, None);
        let at = |n| Now { mono: Time(n), unix: UnixTime(n) };
        errors.note(at(1), address("9.1.1.1:1"), "a", true);
        errors.note(at(2), address("9.1.1.1:8"), "b", false);
        for _ in 0..2 {
            errors.tell(none, given, &mut out);
        }
        errors.note(at(3), address("9.1.1.1:2"), "c", true);
        errors.tell(none, given, &mut out);
        errors.tell((None, Some("a name")), given, &mut out);
        errors.tell((Some("all are denied"), Some("a name")), given, &mut out);
        errors.tell(none, |address| given(address).filter(|_| address.port() != 1), &mut out);
        errors.succeeded(address("9.1.1.1:1"));
        errors.succeeded(address("9.1.1.1:2"));
        errors.tell(none, given, &mut out);
        errors.succeeded(address("9.1.1.1:8"));
        errors.tell(none, given, &mut out);
        (3..8).for_each(|port| errors.note(at(4), address(&format!("9.1.1.1:{port}")), "d", true));
        errors.tell(none, given, &mut out);
        let told = crate::node::testing::Actions(out.drain().collect()).told::<ToHeaders>();
        let texts = [
            Some("9.1.1.1:1: a"),
            Some("9.1.1.1:1: a; 9.1.1.1:2: c"),
            Some("a name; 9.1.1.1:1: a; 9.1.1.1:2: c"),
            Some("all are denied"),
            Some("9.1.1.1:2: c"),
            Some("9.1.1.1:8: b"),
            None,
            Some("9.1.1.1:3: d; 9.1.1.1:4: d; 9.1.1.1:5: d; and 2 more"),
        ];
        assert_eq!(told, texts.map(|text| ToHeaders::DialsFail(text.map(str::to_owned))));
    }
}
