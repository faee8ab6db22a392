//! Why dials led to no peer, by address: for the log, the status and the operator's lists.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    base::{
        limits::MAX_BACKOFFS,
        time::{Now, Time, UnixTime},
    },
    node::{Outbox, command::DialError, notice::ToHeaders},
};

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
    /// Errors since the last success; after a success the last error is only history.
    failures: u32,
}

impl DialErrors {
    /// A dial or a link that we opened ended with an error. Logs each new reason, at `info` for addresses that the
    /// operator gave.
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
        let entry = Entry { reason: reason.to_owned(), at: now.mono, unix: now.unix, since, failures };
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

    /// Tells `headers` why there is no peer, for the reason of a state without peers: `first`, or the latest error that
    /// still holds. Errors of addresses that the operator gave come first.
    pub(super) fn tell(&mut self, first: Option<&str>, given: impl Fn(SocketAddr) -> bool, out: &mut Outbox) {
        let failing = self.errors.iter().filter(|(_, error)| error.failures > 0);
        let latest = failing.max_by_key(|(address, error)| (given(**address), error.at));
        let latest = || latest.map(|(address, error)| format!("{address}: {}", error.reason));
        let text = first.map(str::to_owned).or_else(latest);
        if text != self.told {
            self.told.clone_from(&text);
            out.tell(ToHeaders::DialsFail(text));
        }
    }
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
    fn the_latest_error_is_told_until_it_is_over() {
        let (mut errors, mut out) = (DialErrors::default(), Outbox::default());
        let given = |address: SocketAddr| address.port() == 1;
        let at = |n| Now { mono: Time(n), unix: UnixTime(n) };
        errors.note(at(1), address("9.1.1.1:1"), "a", true);
        errors.note(at(2), address("9.1.1.1:2"), "b", false);
        for _ in 0..2 {
            errors.tell(None, given, &mut out);
        }
        errors.succeeded(address("9.1.1.1:1"));
        errors.tell(None, given, &mut out);
        errors.succeeded(address("9.1.1.1:2"));
        errors.tell(None, given, &mut out);
        errors.tell(Some("all are denied"), given, &mut out);
        let told = crate::node::testing::Actions(out.drain().collect()).told::<ToHeaders>();
        let text = |text: &str| ToHeaders::DialsFail(Some(text.to_owned()));
        assert_eq!(
            told,
            [text("9.1.1.1:1: a"), text("9.1.1.1:2: b"), ToHeaders::DialsFail(None), text("all are denied")]
        );
    }
}
