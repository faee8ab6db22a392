//! What a peer was asked for and has not sent. Its answer goes before what nobody asked for.

use crate::{
    base::{limits::GET_BLOCK_TIMEOUT, time::Time},
    wire::message::Kind,
};

/// Questions whose answers may be large.
const QUESTIONS: [Kind; 6] =
    [Kind::GetBlock, Kind::GetBlockTransactions, Kind::GetSync, Kind::GetSkeleton, Kind::GetSnapshot, Kind::GetPiece];

/// Questions of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    count: usize,
    /// When the last one was asked.
    last: Time,
}

/// The open questions of one link.
#[derive(Debug, Default)]
pub(super) struct Asked([Open; QUESTIONS.len()]);

impl Asked {
    fn of(&mut self, question: Kind) -> Option<&mut Open> {
        let at = QUESTIONS.iter().position(|kind| *kind == question)?;
        self.0.get_mut(at)
    }

    /// The node sends this.
    pub(super) fn ask(&mut self, now: Time, kind: Kind) {
        if let Some(open) = self.of(kind) {
            (open.count, open.last) = (open.count.saturating_add(1), now);
        }
    }

    /// The peer has sent this.
    pub(super) fn answered(&mut self, kind: Kind) {
        if let Some(open) = question_of(kind).and_then(|question| self.of(question)) {
            open.count = open.count.saturating_sub(1);
        }
    }

    /// Whether a message of this kind is an answer. One that did not come in time is no longer waited for.
    pub(super) fn awaits(&mut self, now: Time, kind: Kind) -> bool {
        let open = question_of(kind).and_then(|question| self.of(question));
        open.is_some_and(|open| open.count > 0 && now.since(open.last) < GET_BLOCK_TIMEOUT)
    }
}

/// The question that a message of this kind answers.
fn question_of(answer: Kind) -> Option<Kind> {
    match answer {
        Kind::Block | Kind::Absent => Some(Kind::GetBlock),
        Kind::CompactBlock | Kind::BlockTransactions => Some(Kind::GetBlockTransactions),
        Kind::Sync => Some(Kind::GetSync),
        Kind::Skeleton => Some(Kind::GetSkeleton),
        Kind::Snapshot => Some(Kind::GetSnapshot),
        Kind::Piece => Some(Kind::GetPiece),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_answers_as_questions_are_awaited_and_for_a_time() {
        let (mut asked, start) = (Asked::default(), Time(7));
        assert!(!asked.awaits(start, Kind::Block));
        [Kind::GetBlock, Kind::GetBlock, Kind::GetPeers, Kind::GetPiece]
            .into_iter()
            .for_each(|kind| asked.ask(start, kind));
        asked.answered(Kind::Absent);
        let awaits = |asked: &mut Asked, now: Time| {
            [Kind::Block, Kind::Piece, Kind::Peers, Kind::Sync].map(|kind| asked.awaits(now, kind))
        };
        assert_eq!(awaits(&mut asked, start), [true, true, false, false]);
        asked.answered(Kind::Block);
        asked.answered(Kind::Block);
        assert_eq!(awaits(&mut asked, start), [false, true, false, false]);
        assert_eq!(awaits(&mut asked, start + GET_BLOCK_TIMEOUT), [false; 4]);
        asked.ask(start, Kind::GetBlock);
        assert!(asked.awaits(start, Kind::Block), "no answer was owed from before");
    }
}
