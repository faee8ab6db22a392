//! Why a side closes a link.

use std::fmt;

/// Why a side closes the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum GoodbyeCode {
    /// The node stops.
    Stopping = 1,
    /// Another genesis block.
    WrongNetwork = 2,
    /// A protocol version that the sender does not speak.
    WrongVersion = 3,
    /// The receiver dialled itself.
    SelfConnection = 4,
    /// There is a link between the two already.
    Duplicate = 5,
    /// No slot is free; try again after `retry_after`.
    Full = 6,
    /// The receiver's address is banned.
    Banned = 7,
    /// The receiver broke the protocol.
    Fault = 8,
    /// A deadline passed.
    TimedOut = 9,
    /// An operator asked for it.
    Operator = 10,
    /// A test dial that has served its purpose.
    Feeler = 11,
    /// A slot was needed for a more useful peer.
    Evicted = 12,
}

impl GoodbyeCode {
    /// The code with this number; unknown ones are `None`, and no fault.
    pub fn from_number(number: u8) -> Option<Self> {
        use GoodbyeCode::{
            Banned, Duplicate, Evicted, Fault, Feeler, Full, Operator, SelfConnection, Stopping, TimedOut,
            WrongNetwork, WrongVersion,
        };
        let all = [
            Stopping,
            WrongNetwork,
            WrongVersion,
            SelfConnection,
            Duplicate,
            Full,
            Banned,
            Fault,
            TimedOut,
            Operator,
            Feeler,
            Evicted,
        ];
        all.into_iter().find(|code| *code as u8 == number)
    }
}

/// For logs; reads behind "closed by …".
impl fmt::Display for GoodbyeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopping => "the node stops",
            Self::WrongNetwork => "another network",
            Self::WrongVersion => "another version of the protocol",
            Self::SelfConnection => "a connection to itself",
            Self::Duplicate => "connected already",
            Self::Full => "no slot is free",
            Self::Banned => "the address is banned",
            Self::Fault => "the protocol was broken",
            Self::TimedOut => "a deadline passed",
            Self::Operator => "by the operator",
            Self::Feeler => "the test dial is done",
            Self::Evicted => "the slot is needed for another peer",
        })
    }
}
