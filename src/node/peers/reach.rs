//! What keeps this node from peers though nothing is broken, as hindrances.

use std::{net::SocketAddr, time::Duration};

use super::{
    cut::{self, Facts},
    dial_errors::some_of,
};
use crate::{
    base::{
        limits::{DIAL_FAILING_AFTER, ISOLATED_AFTER, UNREACHABLE_AFTER},
        time::{Now, Time},
    },
    chain::node_id,
    node::{
        Outbox, Setup,
        hindrance::{Finding, HindranceId},
        hindrance_reporter::HindranceReporter,
    },
};

/// Judges how the node is connected, and reports what is wrong.
pub(super) struct Reach {
    test_chain: bool,
    /// Others may connect to this node.
    listens: bool,
    /// Without peers this node may be the whole network.
    may_be_lone: bool,
    is_bootnode: bool,
    /// What lets this node in where only members may link.
    to_be_member: String,
    had_peers: bool,
    /// Since when there is no peer; `None` before the start, too.
    alone_since: Option<Time>,
    /// Somebody has connected to this node.
    was_reached: bool,
    /// Since when all outbound slots are taken.
    full_since: Option<Time>,
    told: HindranceReporter,
    /// When time alone changes something.
    due: Option<Time>,
}

impl Reach {
    /// A node that has heard nothing yet.
    pub(super) fn new(setup: &Setup) -> Self {
        let knows_others = setup.names_others();
        Self {
            test_chain: setup.spec.test,
            listens: setup.listen_port != 0,
            may_be_lone: setup.spec.test && !setup.is_bootnode && !knows_others,
            is_bootnode: setup.is_bootnode,
            to_be_member: to_be_member(setup),
            had_peers: false,
            alone_since: None,
            was_reached: false,
            full_since: None,
            told: HindranceReporter::default(),
            due: None,
        }
    }

    /// Somebody connected to this node.
    pub(super) fn reached(&mut self) {
        self.was_reached = true;
    }

    /// Judges again.
    pub(super) fn look(&mut self, now: Now, facts: &Facts<'_>, out: &mut Outbox) {
        self.due = None;
        let (inbound, outbound) = facts.links.counts();
        let is_alone = inbound + outbound == 0;
        self.had_peers |= !is_alone;
        self.alone_since = is_alone.then(|| self.alone_since.unwrap_or(now.mono));
        let is_full = outbound > 0 && facts.dialer.is_content(facts.links.outbound());
        self.full_since = is_full.then(|| self.full_since.unwrap_or(now.mono));
        let all_denied = is_alone.then(|| all_denied(facts)).flatten();
        let partly_cut = if all_denied.is_none() { self.partly_cut(now.mono, facts) } else { None };
        let found = [
            (HindranceId::Alone, self.alone(now.mono)),
            (HindranceId::AllDenied, all_denied),
            (HindranceId::PartlyCut, partly_cut),
            (HindranceId::DialFailing, self.dial_failing(now.mono, is_alone, facts)),
            (HindranceId::NameUnresolved, name_unresolved(is_alone, facts)),
            (HindranceId::Unreachable, self.unreachable(now.mono)),
        ];
        self.told.replace(now.unix, found, out);
    }

    /// Why there can be no peer, if that is known: all are denied, and names that cannot be resolved.
    pub(super) fn why_none(&self) -> (Option<&str>, Option<&str>) {
        let text = |id| self.told.found(id).map(|finding| finding.text.as_str());
        (text(HindranceId::AllDenied), text(HindranceId::NameUnresolved))
    }

    /// When [`Reach::look`] is due although nothing happens.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Whether a time has passed; if not, it is looked for again then.
    fn has_lasted(&mut self, now: Time, since: Time, time: Duration) -> bool {
        let at = since + time;
        if now >= at {
            return true;
        }
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
        false
    }

    fn alone(&mut self, now: Time) -> Option<Finding> {
        let since = self.alone_since.filter(|_| !self.may_be_lone || self.had_peers)?;
        if !self.has_lasted(now, since, ISOLATED_AFTER) {
            return None;
        }
        Some(match self.is_bootnode {
            true => Finding::new(
                "no other node is connected to this bootnode",
                "start the others with --bootnode and this node's address, or wait for them",
            ),
            false => Finding::new("no other node is connected", "name one that runs: tussock peers add ADDRESS"),
        })
    }

    fn dial_failing(&mut self, now: Time, is_alone: bool, facts: &Facts<'_>) -> Option<Finding> {
        facts.errors.failing().next()?;
        // Two that dial each other keep one of the links; and it may come from another address than the dialled one.
        let is_linked = facts.is_linked();
        let is_wanted = |address| (is_alone || facts.dialer.is_configured(address)) && !is_linked(address);
        let counts = |address: SocketAddr| is_wanted(address) && !facts.barred.contains(address);
        let mut failing: Vec<(SocketAddr, &str)> = Vec::new();
        for (address, reason, since) in facts.errors.failing().filter(|(address, ..)| counts(*address)) {
            if self.has_lasted(now, since, DIAL_FAILING_AFTER) {
                failing.push((address, reason));
            }
        }
        failing.sort_unstable_by_key(|(address, _)| (!facts.dialer.is_trusted(*address), *address));
        let all: Vec<String> = failing.iter().map(|(address, reason)| format!("{address}: {reason}")).collect();
        let text = match &all[..] {
            [] => return None,
            [one] => format!("a dial leads to no peer: {one}"),
            some => format!("dials to {} addresses lead to no peer: {}", some.len(), some_of(some, "; ")),
        };
        let is_unanswered = failing.iter().any(|(address, _)| facts.errors.is_unanswered(*address));
        let advice = if is_unanswered {
            self.to_be_member.as_str()
        } else {
            "look whether a node runs there and lets this one in"
        };
        Some(Finding::new(text, advice))
    }

    fn partly_cut(&mut self, now: Time, facts: &Facts<'_>) -> Option<Finding> {
        let refusing = cut::refusing(facts, |since, time| self.has_lasted(now, since, time));
        cut::partly(facts, &refusing)
    }

    fn unreachable(&mut self, now: Time) -> Option<Finding> {
        let since = self.full_since.filter(|_| self.listens && !self.test_chain && !self.was_reached)?;
        if !self.has_lasted(now, since, UNREACHABLE_AFTER) {
            return None;
        }
        let text = format!("nobody has connected to this node in {} min", UNREACHABLE_AFTER.as_secs() / 60);
        Some(Finding::new(text, "open its port in the firewall or router; without that it works, and helps nobody"))
    }
}

/// A node with members says no byte to others, not even that it has members, nor to who takes it for another node.
fn to_be_member(setup: &Setup) -> String {
    let id = node_id::to_text(&setup.key.id(), &setup.spec.prefix);
    let own = if setup.members.is_some() { "" } else { ", and start this node with --members and their list" };
    format!(
        "if only members may link there, ask an operator there for: tussock members add {id}{own}; or the id before the @ is \
         another machine's: compare it with what tussock members id prints there"
    )
}

/// Each address that could be dialled is kept out.
fn all_denied(facts: &Facts<'_>) -> Option<Finding> {
    let known = facts.book.entries().map(|entry| entry.address).chain(facts.dialer.named());
    let mut known: Vec<SocketAddr> = known.filter(|address| !facts.dialer.is_own(*address)).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() || !known.iter().all(|address| facts.barred.contains(*address)) {
        return None;
    }
    let text = match known.len() {
        1 => format!("the only known address is banned or denied: {}", known[0]),
        count => format!("all {count} known addresses are banned or denied"),
    };
    Some(Finding::new(text, "tussock peers book shows the bans; tussock peers unban IP, on test chains net allow"))
}

/// Names that are wanted and have no address.
fn name_unresolved(is_alone: bool, facts: &Facts<'_>) -> Option<Finding> {
    let names = facts.dialer.unresolved(is_alone).map(|(name, problem)| format!("{name}: {problem}"));
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return None;
    }
    let text = format!("names of peers cannot be resolved: {}", some_of(&names, "; "));
    Some(Finding::new(text, "look at the names and at this host's name server; the node tries again"))
}
