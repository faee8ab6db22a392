//! How a link that we opened ended, to decide when its address is dialled again.

use std::time::Duration;

use super::links::Link;
use crate::{
    base::{limits::REDIAL_MAX_CONFIGURED, time::Time},
    node::{CloseReason, PeerFault},
    wire::message::GoodbyeCode,
};

/// How a link that we opened ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The dial reached this node itself.
    Ourselves,
    /// Another link leads to the node, or it was only a test: no failure.
    StandsElsewhere,
    /// A node of another network or version.
    Stranger,
    /// Something that does not speak the protocol answered.
    Garbage,
    /// No peer was reached, and nobody said why.
    Unreached,
    /// A node answered, or a peer was there.
    Reached {
        /// The link lasted so long that the next dial is no repetition.
        lasted: bool,
        /// What the peer asked us to wait.
        advice: Duration,
    },
}

impl Ending {
    /// Judges a link's end.
    pub(super) fn of(now: Time, link: &Link, reason: &CloseReason) -> Self {
        let lasted = link.peer().is_some_and(|peer| now.since(peer.since()) >= REDIAL_MAX_CONFIGURED);
        let code = match reason {
            CloseReason::Local(code) => Some(*code),
            CloseReason::Remote { code, .. } => GoodbyeCode::from_number(*code),
            CloseReason::Fault(_) | CloseReason::Unanswered | CloseReason::Lost(_) => None,
        };
        match (code, reason) {
            (Some(GoodbyeCode::SelfConnection), CloseReason::Local(_)) => Self::Ourselves,
            (Some(GoodbyeCode::Duplicate | GoodbyeCode::Feeler), CloseReason::Local(_)) => Self::StandsElsewhere,
            (Some(GoodbyeCode::Feeler), _) => Self::StandsElsewhere,
            (Some(GoodbyeCode::WrongNetwork | GoodbyeCode::WrongVersion), _) => Self::Stranger,
            // A node that refuses us in the handshake is alive, so that its address is no failure of the book.
            (_, CloseReason::Remote { retry_after, .. }) => {
                Self::Reached { lasted, advice: Duration::from_secs(u64::from(*retry_after)) }
            }
            (
                _,
                CloseReason::Fault(
                    PeerFault::Frame(_) | PeerFault::Unexpected(_) | PeerFault::KeyAgreement(_) | PeerFault::Forged,
                ),
            ) if link.peer().is_none() => Self::Garbage,
            _ if link.peer().is_none() => Self::Unreached,
            _ => Self::Reached { lasted, advice: Duration::ZERO },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        base::ids::{DialId, LinkId},
        node::{
            Direction,
            testing::{address, outbound_peer},
        },
    };

    use super::super::{dialer::Purpose, links::Links};

    /// A link that came up at time 0, or never.
    fn link(up: bool) -> Link {
        let (mut links, remote) = (Links::default(), address("9.1.1.1:4130"));
        links.opened(LinkId(1), Direction::Outbound(DialId(1)), remote, Purpose::Peer);
        if up {
            links.up(Time(0), LinkId(1), Arc::new(outbound_peer(DialId(1), remote)));
        }
        links.closed(LinkId(1)).expect("it was opened")
    }

    fn ending(up: bool, reason: &CloseReason) -> Ending {
        Ending::of(Time(1), &link(up), reason)
    }

    #[test]
    fn only_our_own_word_makes_an_address_ours() {
        let code = GoodbyeCode::SelfConnection;
        assert_eq!(ending(false, &CloseReason::Local(code)), Ending::Ourselves);
        let claimed = CloseReason::Remote { code: code as u8, retry_after: 0 };
        assert_eq!(ending(false, &claimed), Ending::Reached { lasted: false, advice: Duration::ZERO });
    }

    #[test]
    fn goodbyes_decide_and_without_one_it_is_the_handshake() {
        let said = |code: GoodbyeCode| CloseReason::Remote { code: code as u8, retry_after: 7 };
        assert_eq!(ending(false, &CloseReason::Local(GoodbyeCode::Duplicate)), Ending::StandsElsewhere);
        assert_eq!(ending(false, &said(GoodbyeCode::WrongNetwork)), Ending::Stranger);
        let advised = Ending::Reached { lasted: false, advice: Duration::from_secs(7) };
        assert_eq!(ending(false, &said(GoodbyeCode::Full)), advised);
        assert_eq!(ending(false, &said(GoodbyeCode::Duplicate)), advised, "we know of no such link");
        let lost = CloseReason::Lost("reset".to_owned());
        assert_eq!(ending(false, &lost), Ending::Unreached);
        let garbage = CloseReason::Fault(PeerFault::Unexpected(crate::wire::message::Kind::Pong));
        assert_eq!(ending(false, &garbage), Ending::Garbage);
        let reached = Ending::Reached { lasted: false, advice: Duration::ZERO };
        assert_eq!(ending(true, &garbage), reached);
        assert_eq!(ending(true, &lost), reached);
        assert_eq!(ending(true, &CloseReason::Fault(PeerFault::PingTimeout)), reached);
    }

    #[test]
    fn a_link_that_lasted_is_no_failure() {
        let late = Time(0) + REDIAL_MAX_CONFIGURED;
        let lost = CloseReason::Lost("reset".to_owned());
        let ending = Ending::of(late, &link(true), &lost);
        assert_eq!(ending, Ending::Reached { lasted: true, advice: Duration::ZERO });
    }
}
