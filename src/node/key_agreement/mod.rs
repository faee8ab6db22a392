//! The `key agreement` role: finds out who is at the other end of a link, and agrees with it on the link's keys.
//!
//! Multiplying points takes a tenth of a millisecond, and several on small hosts. The poll loop must not spend that, so
//! each message of a Noise handshake comes here, and its answer goes back as one action.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tussock_noise::{Agreement, Fault, Key, Pattern};

use crate::{
    base::{
        ids::{LinkId, NodeId},
        rng::Rng,
        time::{Now, Time},
    },
    chain::{address::Prefix, node_id},
    node::{
        Action, AgreementLink, AgreementStep, CloseReason, Input, LinkAction, LinkKeys, Members, Nothing, Outbox,
        PeerFault, Role, Setup, node_key::NodeKey,
    },
    wire::message::GoodbyeCode,
};

/// Both sides mix it into their handshake, so that no other protocol's messages fit.
pub const PROLOGUE: &[u8] = b"tussock/2";

/// Time between two warnings about nodes that are no members; the others are logged at `debug`.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// The `key agreement` role.
pub struct KeyAgreement {
    key: NodeKey,
    prefix: Prefix,
    /// When a refusal may be logged as a warning again.
    next_warning: Time,
    /// Agreements under way: at most one for each connection.
    links: BTreeMap<LinkId, Underway>,
    rng: Rng,
}

struct Underway {
    agreement: Agreement,
    /// Who the other side must be.
    expected: Option<NodeId>,
}

impl KeyAgreement {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        let (key, prefix) = (setup.key.clone(), setup.spec.prefix);
        Self { key, prefix, next_warning: Time(0), links: BTreeMap::new(), rng }
    }

    fn on_link(&mut self, now: Now, event: AgreementLink, out: &mut Outbox) {
        match event {
            AgreementLink::Agree { link, step } => {
                let (mut underway, message, members) = self.begin_or_resume(link, step);
                match advance(&mut underway, message.as_deref(), members.as_deref()) {
                    Ok((message, keys)) => {
                        if keys.is_none() {
                            self.links.insert(link, underway);
                        }
                        out.push(Action::Link(LinkAction::Agreed { link, message, keys: keys.map(Box::new) }));
                    }
                    Err(reason) => {
                        if let (CloseReason::Local(_), Some(node)) = (&reason, underway.agreement.remote()) {
                            self.log_stranger(now.mono, NodeId(node));
                        }
                        out.close(link, reason, 0);
                    }
                }
            }
            AgreementLink::Closed(link) => drop(self.links.remove(&link)),
        }
    }

    /// Says who wanted to link. Strangers cannot fill the log.
    fn log_stranger(&mut self, now: Time, node: NodeId) {
        let is_due = now >= self.next_warning;
        let level = if is_due { log::Level::Warn } else { log::Level::Debug };
        log::log!(level, "a node that is no member was refused node={}", node_id::to_text(&node, &self.prefix));
        if is_due {
            self.next_warning = now + WARN_INTERVAL;
        }
    }

    /// The agreement that this step belongs to, the other side's message, and who may link.
    fn begin_or_resume(
        &mut self,
        link: LinkId,
        step: AgreementStep,
    ) -> (Underway, Option<Vec<u8>>, Option<Arc<Members>>) {
        match step {
            AgreementStep::Begin { expected, closed } => {
                let (secret, ephemeral) = (self.key.secret(), Key(self.rng.bytes()));
                let remote = expected.as_ref().filter(|_| closed).map(|node| &node.0);
                let agreement = Agreement::initiator(secret, ephemeral, PROLOGUE, remote);
                (Underway { agreement, expected }, None, None)
            }
            AgreementStep::Message { message, members } => {
                let underway = self.links.remove(&link).unwrap_or_else(|| {
                    let pattern = if members.is_some() { Pattern::Ik } else { Pattern::Xx };
                    let (secret, ephemeral) = (self.key.secret(), Key(self.rng.bytes()));
                    let agreement = Agreement::responder(pattern, secret, ephemeral, PROLOGUE);
                    Underway { agreement, expected: None }
                });
                (underway, Some(message), members)
            }
        }
    }
}

/// Reads the other side's message, if there is one, and writes the next. The other side is judged as soon as it is known:
/// nothing is said to a stranger.
fn advance(
    underway: &mut Underway,
    message: Option<&[u8]>,
    members: Option<&Members>,
) -> Result<(Option<Vec<u8>>, Option<LinkKeys>), CloseReason> {
    let fault = |fault: Fault| CloseReason::Fault(fault.into());
    let Underway { agreement, expected } = underway;
    if let Some(message) = message {
        agreement.read(message).map_err(fault)?;
    }
    if let Some(node) = agreement.remote().map(NodeId) {
        if expected.is_some_and(|expected| expected != node) {
            return Err(CloseReason::Fault(PeerFault::WrongNode(node)));
        }
        if members.is_some_and(|members| !members.contains(&node)) {
            return Err(CloseReason::Local(GoodbyeCode::Operator));
        }
    }
    let message = agreement.write().map_err(fault)?;
    let node = agreement.remote().map(NodeId);
    let keys = agreement.keys().zip(node).map(|((send, receive), node)| LinkKeys { node, send, receive });
    Ok((message, keys))
}

impl Role for KeyAgreement {
    type Input = Input<AgreementLink, Nothing, Nothing>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        match input {
            Input::Link(event) => self.on_link(now, event, out),
            Input::Notice(notice) => match notice {},
            Input::Command(_, command) => match command {},
            Input::Start | Input::Wake | Input::Stop => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }
}
