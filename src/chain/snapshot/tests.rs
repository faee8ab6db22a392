use super::*;
use crate::{
    base::{codec, hash::Hash, limits::MAX_MONEY},
    chain::{
        address::Address,
        coin::Coin,
        coin_key::CoinKey,
        digest::{self, LeafSum, StateSum},
        transaction::OutPoint,
    },
};

const HEIGHT: u32 = 1000;

type Entry = (CoinKey, Coin);

fn entry(number: u32) -> Entry {
    let mut txid = [3; 32];
    txid[..4].copy_from_slice(&(number / 3).to_be_bytes());
    let key = CoinKey::of(&OutPoint { txid: Hash(txid), index: number % 3 * 100 });
    let coin = Coin {
        amount: u64::from(number) * 77 + 1,
        address: Address([number as u8; 20]),
        height: number % (HEIGHT + 1),
        coinbase: number.is_multiple_of(9),
    };
    (key, coin)
}

/// Coins in the order of their keys.
fn sorted(mut coins: Vec<Entry>) -> Vec<Entry> {
    coins.sort_unstable_by_key(|(key, _)| *key);
    coins
}

/// As many coins of one bucket.
fn of_bucket(bucket: usize, count: usize) -> Vec<Entry> {
    sorted((0..).map(entry).filter(|(key, _)| digest::leaf_of(key) == bucket).take(count).collect())
}

/// The manifest and all pieces of these coins.
fn cut(coins: &[Entry]) -> (Manifest, Vec<Vec<u8>>) {
    let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
    let mut out = |piece: &[u8]| {
        pieces.push(piece.to_vec());
        Ok::<(), ()>(())
    };
    coins.iter().for_each(|(key, coin)| cutter.push(key, coin, &mut out).unwrap());
    let manifest = cutter.finish(HEIGHT, Hash([1; 32]), &mut out).unwrap().unwrap();
    (manifest, pieces)
}

fn bytes_of(coins: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    coins.iter().for_each(|(key, coin)| encoding::put(&mut bytes, &key.outpoint, coin));
    bytes
}

fn check(manifest: &Manifest, bucket: usize, pieces: &[Vec<u8>]) -> Result<CheckedBucket, SnapshotFault> {
    let mut check = BucketCheck::new(manifest, bucket);
    pieces.iter().try_for_each(|piece| check.piece(piece))?;
    check.finish()
}

/// What a check says of pieces of bucket 0, with a manifest that has their lengths and the leaf of these coins.
fn says(pieces: &[Vec<u8>], leaf: Hash) -> Result<CheckedBucket, SnapshotFault> {
    let mut leaves = [LeafSum::default().leaf(); BUCKETS];
    leaves[0] = leaf;
    let mut lengths = [const { Vec::new() }; BUCKETS];
    lengths[0] = pieces.iter().map(|piece| piece.len() as u32).collect();
    check(&Manifest::new(HEIGHT, Hash::ZERO, leaves, &lengths).unwrap(), 0, pieces)
}

fn leaf_of(coins: &[Entry]) -> Hash {
    let mut sum = LeafSum::default();
    coins.iter().for_each(|(key, coin)| sum.add(key, coin));
    sum.leaf()
}

#[test]
fn what_is_cut_passes_and_has_the_digest_of_the_coins() {
    let mut coins: Vec<Entry> = (0..700).map(entry).collect();
    coins.extend(of_bucket(5, 4_600));
    coins.sort_unstable_by_key(|(key, _)| *key);
    coins.dedup();
    let (manifest, pieces) = cut(&coins);
    let mut sum = StateSum::default();
    coins.iter().for_each(|(key, coin)| sum.add(key, coin));
    assert_eq!(manifest.digest(), sum.digest());
    assert_eq!((manifest.pieces_of(5).len(), manifest.pieces() as usize), (2, pieces.len()));
    assert_eq!(manifest.bytes(), bytes_of(&coins).len() as u64);
    assert_eq!(pieces.concat(), bytes_of(&coins));
    let (mut together, mut count, mut amount) = (StateSum::default(), 0, 0);
    for bucket in 0..BUCKETS {
        let numbers = manifest.pieces_of(bucket);
        let found = check(&manifest, bucket, &pieces[numbers.start as usize..numbers.end as usize]).unwrap();
        together.set_leaf(bucket, &found.sum);
        (count, amount) = (count + found.coins, amount + found.amount);
        for number in numbers {
            assert_eq!(manifest.bucket_of(number), Some(bucket));
            assert_eq!(manifest.length_of(number), Some(pieces[number as usize].len()));
            assert_eq!(manifest.offset_of(number) as usize, pieces[..number as usize].concat().len());
        }
    }
    let all: u128 = coins.iter().map(|(_, coin)| u128::from(coin.amount)).sum();
    assert_eq!((&together, count, amount), (&sum, coins.len() as u64, all));
    assert_eq!((manifest.bucket_of(manifest.pieces()), manifest.length_of(manifest.pieces())), (None, None));
    let decoded: Manifest = codec::decode(&codec::encode(&manifest)).unwrap();
    assert_eq!((&decoded, decoded.id()), (&manifest, manifest.id()));
}

#[test]
fn buckets_without_coins_are_proven_too() {
    let (manifest, pieces) = cut(&[]);
    assert_eq!((manifest.digest(), pieces.len()), (StateSum::default().digest(), 0));
    assert_eq!(check(&manifest, 63, &[]).unwrap().coins, 0);
}

#[test]
fn a_coin_repeated_until_it_adds_up_to_nothing_is_refused() {
    let one = &of_bucket(0, 1)[..];
    let each = bytes_of(one);
    let mut sum = LeafSum::default();
    (0..1 << 16).for_each(|_| sum.add(&one[0].0, &one[0].1));
    assert_eq!(sum, LeafSum::default(), "the sum alone does not notice");
    let in_piece = PIECE_BYTES / each.len();
    let pieces: Vec<Vec<u8>> =
        (0..1 << 16).collect::<Vec<_>>().chunks(in_piece).map(|part| each.repeat(part.len())).collect();
    assert_eq!(says(&pieces, sum.leaf()), Err(SnapshotFault::Order));
}

#[test]
fn each_fault_of_coins_is_refused_by_name() {
    let coins = of_bucket(0, 3);
    let leaf = leaf_of(&coins);
    assert!(says(&[bytes_of(&coins)], leaf).is_ok());
    let mut swapped = coins.clone();
    swapped.swap(0, 1);
    assert_eq!(says(&[bytes_of(&swapped)], leaf), Err(SnapshotFault::Order));
    let other = of_bucket(1, 1);
    let strange = [&coins[..], &other].concat();
    assert_eq!(says(&[bytes_of(&strange)], leaf_of(&strange)), Err(SnapshotFault::Bucket));
    let with = |change: &dyn Fn(&mut Coin)| {
        let mut coins = coins.clone();
        change(&mut coins[1].1);
        says(&[bytes_of(&coins)], leaf_of(&coins))
    };
    assert!(with(&|coin| coin.height = HEIGHT).is_ok());
    assert_eq!(with(&|coin| coin.height = HEIGHT + 1), Err(SnapshotFault::Height(HEIGHT + 1)));
    assert_eq!(with(&|coin| coin.amount = 0), Err(SnapshotFault::Amount(0)));
    assert_eq!(with(&|coin| coin.amount = MAX_MONEY + 1), Err(SnapshotFault::Amount(MAX_MONEY + 1)));
    assert_eq!(says(&[bytes_of(&coins[..2])], leaf), Err(SnapshotFault::Leaf(0)));
    assert_eq!(says(&[], leaf), Err(SnapshotFault::Leaf(0)));
    let mut longer = bytes_of(&coins[..1]);
    longer[32] |= 0x80;
    longer.insert(33, 0);
    assert_eq!(says(&[longer], leaf_of(&coins[..1])), Err(SnapshotFault::Coin), "a number with a byte too many");
    let mut cut_short = bytes_of(&coins);
    cut_short.pop();
    assert_eq!(says(&[cut_short], leaf), Err(SnapshotFault::Coin));
}

#[test]
fn there_is_one_way_to_cut_a_bucket() {
    let coins = of_bucket(0, 4_600);
    let (manifest, pieces) = cut(&coins);
    assert!(says(&pieces, leaf_of(&coins)).is_ok());
    let all = pieces.concat();
    // Within a coin.
    let within = pieces[0].len() - 1;
    let others = [all[..within].to_vec(), all[within..within + 9].to_vec()];
    assert_eq!(says(&others, leaf_of(&coins)), Err(SnapshotFault::Coin));
    let numbers = manifest.pieces_of(0);
    let mut check = BucketCheck::new(&manifest, 0);
    assert_eq!(
        check.piece(&pieces[1]),
        Err(SnapshotFault::Length { found: pieces[1].len(), expected: pieces[0].len() })
    );
    check = BucketCheck::new(&manifest, 0);
    numbers.for_each(|number| check.piece(&pieces[number as usize]).unwrap());
    assert_eq!(check.next(), None);
    assert_eq!(check.piece(&[]), Err(SnapshotFault::Count));
    let mut few = BucketCheck::new(&manifest, 0);
    few.piece(&pieces[0]).unwrap();
    assert_eq!(few.finish(), Err(SnapshotFault::Count));
}

#[test]
fn the_first_coin_of_a_piece_must_not_fit_into_the_one_before() {
    let coins = of_bucket(0, 4_600);
    let mut ends = vec![0];
    for coin in &coins {
        ends.push(ends[ends.len() - 1] + bytes_of(std::slice::from_ref(coin)).len());
    }
    let full = ends.iter().position(|end| *end > PIECE_BYTES).unwrap() - 1;
    let cut_at = |first: usize| [bytes_of(&coins[..first]), bytes_of(&coins[first..first + 10])];
    assert!(says(&cut_at(full), leaf_of(&coins[..full + 10])).is_ok());
    let sum = leaf_of(&coins[..full + 9]);
    let early = cut_at(full - 1);
    // The manifest alone refuses what is shorter than any cut.
    if early[0].len() > PIECE_BYTES - MOST_COIN_BYTES {
        assert_eq!(says(&early, sum), Err(SnapshotFault::Cut));
    } else {
        let mut lengths = [const { Vec::new() }; BUCKETS];
        lengths[0] = early.iter().map(|piece| piece.len() as u32).collect();
        let manifest = Manifest::new(HEIGHT, Hash::ZERO, [Hash::ZERO; BUCKETS], &lengths);
        assert_eq!(manifest, Err(SnapshotFault::Pieces));
    }
}

#[test]
fn a_manifest_is_bounded_before_it_is_built() {
    let head = [&7u32.to_le_bytes()[..], &[1; 32], &[2; 32 * BUCKETS]].concat();
    let decode = |counts: &[u32]| {
        let tail: Vec<u8> = counts.iter().flat_map(|count| count.to_le_bytes()).collect();
        codec::decode::<Manifest>(&[&head[..], &tail].concat())
    };
    let none = [0; BUCKETS];
    assert_eq!(decode(&none).unwrap().pieces(), 0);
    let first = |numbers: &[u32]| [numbers, &none[1..]].concat();
    assert!(decode(&first(&[1, 60])).is_ok());
    let most = PIECE_BYTES as u32;
    assert!(decode(&first(&[2, most - 70, 60])).is_ok());
    for wrong in [
        vec![1, 0],
        vec![1, most + 1],
        vec![2, 100, 60],
        vec![2, most - MOST_COIN_BYTES as u32, 60],
        vec![MOST_PIECES as u32 + 1, most],
        vec![u32::MAX, most],
    ] {
        assert!(decode(&first(&wrong)).is_err(), "{wrong:?}");
    }
    let full = [&[MOST_PIECES as u32][..], &vec![most; MOST_PIECES], &none[1..]].concat();
    assert_eq!(decode(&full).unwrap().pieces() as usize, MOST_PIECES);
    let too_many = [&full[..full.len() - BUCKETS + 1], &[1, 60], &none[2..]].concat();
    assert!(decode(&too_many).is_err());
    assert!(codec::decode::<Manifest>(&head).is_err());
}
