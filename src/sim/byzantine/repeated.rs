//! A snapshot with a coin that never was, 65,536 times: its leaf counts modulo that, so it adds up as without it. Fewer will not
//! do: the sum has 1,024 numbers of 16 bits, and that of any coin has an odd one among them.

use std::fmt;

use crate::{
    base::{bytes::Bytes, codec, hash::Hash, rng::Rng},
    chain::{
        address::Address,
        coin::Coin,
        coin_key::CoinKey,
        digest,
        snapshot::{BUCKETS, Manifest, PIECE_BYTES, put_coin, take_coin},
        transaction::OutPoint,
    },
    sim::byzantine::trick::Context,
};

/// How often the coin is there.
const TIMES: usize = 65_536;

/// The snapshot, once it was asked for.
#[derive(Default)]
pub(super) struct Repeated {
    manifest: Option<Bytes>,
    pieces: Vec<Bytes>,
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pieces", self.pieces.len())
    }
}

impl Repeated {
    /// The manifest to give in place of an honest one: the first one stays.
    pub(super) fn manifest(&mut self, honest: &Bytes, context: &mut Context<'_>) -> Bytes {
        if self.manifest.is_none() {
            let made = codec::decode::<Manifest>(honest).ok().and_then(|honest| self.make(&honest, context));
            self.manifest = made.map(|manifest| codec::encode(&manifest).into());
        }
        self.manifest.clone().unwrap_or_else(|| honest.clone())
    }

    pub(super) fn piece(&self, number: u32) -> Option<Bytes> {
        self.pieces.get(number as usize).cloned()
    }

    fn make(&mut self, honest: &Manifest, context: &mut Context<'_>) -> Option<Manifest> {
        let (forged, coin) = forged(context.rng);
        let chosen = digest::leaf_of(&CoinKey::of(&forged));
        let mut lengths = [const { Vec::new() }; BUCKETS];
        let mut pieces = Vec::new();
        for (bucket, lengths) in lengths.iter_mut().enumerate() {
            let mut own = Vec::new();
            for number in honest.pieces_of(bucket) {
                own.push(context.disk.piece(&honest.block(), number)?);
            }
            if bucket == chosen {
                own = with_repeated(&own, &forged, &coin);
            }
            lengths.extend(own.iter().map(|piece| u32::try_from(piece.len()).unwrap_or(u32::MAX)));
            pieces.append(&mut own);
        }
        self.pieces = pieces;
        Manifest::new(honest.height(), honest.block(), *honest.leaves(), &lengths).ok()
    }
}

/// A coin that no transaction has made.
fn forged(rng: &mut Rng) -> (OutPoint, Coin) {
    let outpoint = OutPoint { txid: Hash(rng.bytes()), index: 0 };
    (outpoint, Coin { amount: 1, address: Address([7; 20]), height: 1, coinbase: false })
}

/// A bucket's coins with the forged one in its place, cut anew.
fn with_repeated(pieces: &[Bytes], forged: &OutPoint, coin: &Coin) -> Vec<Bytes> {
    let mut all: Vec<(OutPoint, Coin)> = Vec::new();
    for piece in pieces {
        let mut rest = &piece[..];
        while let Some(taken) = take_coin(&mut rest) {
            all.push(taken);
        }
    }
    let at = all.partition_point(|(outpoint, _)| CoinKey::of(outpoint) < CoinKey::of(forged));
    let copies = std::iter::repeat_n((forged, coin), TIMES);
    let (below, above) = all.split_at(at);
    let below = below.iter().map(|(outpoint, coin)| (outpoint, coin));
    let above = above.iter().map(|(outpoint, coin)| (outpoint, coin));
    let (mut cut, mut piece) = (Vec::new(), Vec::new());
    for (outpoint, coin) in below.chain(copies).chain(above) {
        let before = piece.len();
        put_coin(&mut piece, outpoint, coin);
        if piece.len() > PIECE_BYTES {
            let next = piece.split_off(before);
            cut.push(std::mem::replace(&mut piece, next).into());
        }
    }
    cut.push(piece.into());
    cut
}
