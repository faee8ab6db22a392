//! How many headers one `Sync` carries: at most 100, and no more bytes than its frame may have.

use crate::{
    base::{
        codec::List,
        limits::{MAX_HEADER_BYTES, MAX_SYNC_BYTES, MAX_SYNC_HEADERS},
    },
    chain::header::Header,
};

/// The first headers that fit into one `Sync`.
pub fn portion(headers: Vec<Header>) -> List<Header, MAX_SYNC_HEADERS> {
    let mut bytes = COUNT_BYTES;
    List::truncated(headers.into_iter().take_while(|header| {
        bytes += header.size();
        bytes <= MAX_SYNC_BYTES
    }))
}

/// Whether others may follow the headers of a `Sync`, which its sender had no room for.
pub fn is_full(headers: &[Header]) -> bool {
    let bytes = COUNT_BYTES + headers.iter().map(Header::size).sum::<usize>();
    headers.len() == MAX_SYNC_HEADERS || bytes + MAX_HEADER_BYTES > MAX_SYNC_BYTES
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
    fn as_many_headers_as_fit_are_sent_and_the_receiver_asks_on() {
        // Headers given, votes in each, and headers sent.
        for (given, signers, sent) in
            [(40, None, 40), (300, None, 100), (300, Some(0), 100), (300, Some(MAX_AUTHORITIES), 6), (3, Some(43), 3)]
        {
            let portion = portion(headers(given, signers));
            assert_eq!(portion.len(), sent, "{given} with {signers:?}");
            assert_eq!(is_full(&portion), sent < given, "{given} with {signers:?}");
            let frame = Frame::new(&Message::Sync(portion)).to_bytes([0; 4]);
            assert!(frame.len() <= FRAME_HEAD_BYTES + MAX_SYNC_BYTES);
        }
        assert!(!is_full(&[]));
    }
}
