//! How many headers one `Sync` carries: at most 100, and no more than always fit into its frame. So all rounds of a chain have
//! the same length, and it can be told where they begin.

use crate::{
    base::{
        codec::List,
        limits::{MAX_HEADER_BYTES, MAX_SYNC_BYTES, MAX_SYNC_HEADERS},
    },
    chain::header::Header,
};

/// The most headers of one `Sync` on a chain whose headers have up to `header_bytes`.
pub fn round(header_bytes: usize) -> usize {
    MAX_SYNC_BYTES.saturating_sub(COUNT_BYTES).checked_div(header_bytes).unwrap_or(0).clamp(1, MAX_SYNC_HEADERS)
}

/// The first headers that go into one `Sync` of at most `round` of them. Headers that are larger than all were to be, since
/// the set of authorities has grown, may be fewer.
pub fn portion(headers: Vec<Header>, round: usize) -> List<Header, MAX_SYNC_HEADERS> {
    let mut bytes = COUNT_BYTES;
    List::truncated(headers.into_iter().take(round).take_while(|header| {
        bytes += header.size();
        bytes <= MAX_SYNC_BYTES
    }))
}

/// Whether others may follow the headers of a `Sync`, which its sender had no room for.
pub fn is_full(headers: &[Header], round: usize) -> bool {
    let bytes = COUNT_BYTES + headers.iter().map(Header::size).sum::<usize>();
    headers.len() >= round || bytes + MAX_HEADER_BYTES > MAX_SYNC_BYTES
}

/// Bytes of the number of headers.
const COUNT_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::limits::{FRAME_HEAD_BYTES, MAX_AUTHORITIES},
        chain::{spec::ChainSpec, testkit},
        wire::{frame::Frame, message::Message},
    };

    fn headers(count: usize, signers: Option<usize>) -> Vec<Header> {
        let genesis = ChainSpec::local().genesis.header;
        let seal = signers.map_or(genesis.seal.clone(), |signers| testkit::authority_seal(0..signers));
        vec![Header { seal, ..genesis }; count]
    }

    #[test]
    fn rounds_are_as_long_as_the_longest_headers_allow() {
        let of = |authorities| {
            round(testkit::sealed_spec(authorities).seal_rules().header_bytes(&testkit::sealed_spec(authorities)))
        };
        assert_eq!([1, 2, 4, 7, 64].map(of), [100, 100, 71, 48, 6]);
        let local = ChainSpec::local();
        assert_eq!(round(local.seal_rules().header_bytes(&local)), 100);
        assert_eq!([0, 1, usize::MAX].map(round), [1, 100, 1]);
    }

    #[test]
    fn as_many_headers_as_fit_are_sent_and_the_receiver_asks_on() {
        // Headers given, votes in each, the chain's round, and headers sent.
        for (given, signers, round, sent) in [
            (40, None, 100, 40),
            (300, None, 100, 100),
            (300, Some(3), 71, 71),
            (70, Some(3), 71, 70),
            (300, Some(MAX_AUTHORITIES), 6, 6),
            (300, Some(MAX_AUTHORITIES), 71, 6),
            (3, Some(43), 71, 3),
        ] {
            let portion = portion(headers(given, signers), round);
            assert_eq!(portion.len(), sent, "{given} with {signers:?}");
            assert_eq!(is_full(&portion, round), sent < given, "{given} with {signers:?}");
            let frame = Frame::new(&Message::Sync(portion)).to_bytes([0; 4]);
            assert!(frame.len() <= FRAME_HEAD_BYTES + MAX_SYNC_BYTES);
        }
        assert!(!is_full(&[], 100));
    }
}
