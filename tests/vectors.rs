//! Golden vectors: this program computes what `tests/vectors/*.json` state. Clients in other languages can be checked against
//! the same files, and no dependency can change a byte unnoticed.
//!
//! `TUSSOCK_WRITE_VECTORS=1 cargo test --release --test all vectors::` rewrites the files of our own formats. A change
//! in them is a change of the protocol. The vectors of public standards are never written.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tussock::{
    base::{
        bytes::Bytes,
        codec::{self, List},
        hash::{Domain, Hash, hex, unhex},
        ids::NodeId,
        rng::Rng,
    },
    chain::{
        address::{Address, Prefix},
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, coins_created},
        coin_key::CoinKey,
        difficulty::Asert,
        digest::StateSum,
        header::{HEADER_VERSION, Header},
        key::{self, Claim, SecretKey},
        merkle, rules,
        seal::{
            AuthoritySeal, AuthoritySet, Certificate, ProofOfWork, Recall, Recalled, Seal, SignedVote, Statement,
            Votes, proposal_hash,
        },
        spec::ChainSpec,
        target::CompactTarget,
        testkit,
        transaction::{Input, OutPoint, Output, Transaction},
    },
    wire::{
        compact::{CompactBlock, ShortIds},
        frame::{Frame, FrameFault, FrameReader},
        message::{GoodbyeCode, Kind, Message, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, PeerAddress, Version},
        short_id::{Salt, ShortId},
    },
};

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", name].iter().collect()
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(file(name)).unwrap()).unwrap()
}

/// Compares with the committed file, or writes it if asked to.
fn golden(name: &str, computed: &Value) {
    if std::env::var_os("TUSSOCK_WRITE_VECTORS").is_some() {
        fs::write(file(name), serde_json::to_string_pretty(computed).unwrap() + "\n").unwrap();
    }
    let committed = read(name);
    for (key, value) in computed.as_object().unwrap() {
        assert_eq!(&committed[key], value, "{name}: {key}");
    }
    assert_eq!(&committed, computed, "{name} has more than this program computes");
}

fn hash(n: u8) -> Hash {
    Hash([n; 32])
}

/// With the votes of authorities 0 and 1.
fn sample_header_of_authorities() -> Header {
    Header { seal: testkit::authority_seal(0..2), ..sample_header() }
}

fn sample_header() -> Header {
    Header {
        version: HEADER_VERSION,
        height: 7,
        previous: hash(1),
        merkle_root: hash(2),
        state_digest: hash(3),
        time: 1_767_225_635,
        seal: Seal::Work(ProofOfWork { target: CompactTarget(0x1f3f_ffff), nonce: 0x0102_0304_0506_0708 }),
    }
}

fn sample_transaction(genesis: &Hash) -> Transaction {
    let key = SecretKey::well_known(0);
    let outpoint = OutPoint { txid: hash(9), index: 1 };
    let input = Input { outpoint, amount: 3_500, public_key: key.public_key(), signature: [0; 64] };
    let outputs = [
        Output { amount: 1_000, address: SecretKey::well_known(1).address() },
        Output { amount: 2_000, address: key.address() },
    ];
    let mut transaction = Transaction {
        version: 2,
        inputs: List::truncated([input]),
        outputs: List::truncated(outputs),
        memo: List::truncated(*b"a memo"),
    };
    key.sign_transaction(&mut transaction, genesis);
    transaction
}

/// By the salt of the sample messages.
fn short_id(transaction: &Transaction) -> ShortId {
    Salt([6; 16]).short_id(&merkle::leaf(&transaction.to_bytes()))
}

fn sample_messages(spec: &ChainSpec) -> Vec<Message> {
    let transaction = sample_transaction(&spec.genesis_hash());
    let ids = ShortIds::new(&sample_header().hash(), 0x0102_0304_0506_0708);
    vec![
        Message::Version(Version {
            protocol: PROTOCOL_VERSION,
            services: 1,
            genesis: spec.genesis_hash(),
            height: 7,
            tip: hash(4),
            work: [5; 32],
            timestamp: 1_767_225_640,
            nonce: 6,
            listen_port: 4130,
            agent: List::truncated(*b"tussock:0.1.0"),
        }),
        Message::Verack(6),
        Message::Ping { nonce: 8, height: 7, tip: hash(4) },
        Message::Pong(8),
        Message::GetPeers,
        Message::Peers(List::truncated([
            PeerAddress::new("192.0.2.1:4130".parse().unwrap(), tussock::base::time::UnixTime(1_767_225_000))
                .with_node(Some(NodeId([7; 32]))),
            PeerAddress::new("[2001:db8::1]:4131".parse().unwrap(), tussock::base::time::UnixTime(1_767_225_001)),
        ])),
        Message::GetSync(List::truncated([hash(4), spec.genesis_hash()])),
        Message::Sync(List::truncated([sample_header(), sample_header_of_authorities()])),
        Message::GetBlock(hash(4)),
        Message::Block(spec.genesis.bytes.clone()),
        Message::Absent(hash(4)),
        Message::Transaction(transaction.to_bytes().into()),
        Message::GetMemoryPool(List::EMPTY),
        Message::MemoryPool(List::truncated([transaction.txid()])),
        Message::Goodbye { code: GoodbyeCode::Full as u8, retry_after: 60 },
        Message::GetSkeleton(hash(4)),
        Message::Skeleton(List::truncated([hash(4), hash(5)])),
        Message::RelaySalt { number: 3, salt: Salt([6; 16]) },
        Message::Announce { salt: 3, ids: List::truncated([short_id(&transaction), ShortId(8)]) },
        Message::GetTransactions(List::truncated([short_id(&transaction)])),
        Message::AbsentTransactions(List::truncated([ShortId(8)])),
        Message::CompactBlock(Box::new(CompactBlock {
            header: sample_header(),
            nonce: 0x0102_0304_0506_0708,
            ids: List::truncated([ids.of(&merkle::leaf(b"one")), ids.of(&merkle::leaf(b"two"))]),
            whole: List::truncated([(0, transaction.clone())]),
        })),
        Message::GetBlockTransactions(hash(4), List::truncated([1, 2])),
        Message::BlockTransactions(hash(4), List::truncated([transaction.clone()])),
        Message::BlockHeader(Box::new(sample_header_of_authorities())),
    ]
    .into_iter()
    .chain(messages_of_authorities(spec))
    .chain([
        Message::GetSnapshot { block: Hash::ZERO, most: 6_000 },
        Message::Snapshot(Bytes::default()),
        Message::GetPiece(hash(4), 9),
        Message::Piece { block: hash(4), number: 9, bytes: vec![1, 2, 3].into() },
    ])
    .collect()
}

/// What authorities 0 to 2, who are accounts 0 to 2, say of the sample header's block in view 9.
fn messages_of_authorities(spec: &ChainSpec) -> Vec<Message> {
    let (genesis, block) = (spec.genesis_hash(), sample_header_of_authorities().hash());
    let sign = |statement, signer: u8| {
        let clock = 1_767_225_640_000 + u64::from(signer);
        SignedVote::sign(statement, signer, clock, &SecretKey::well_known(signer.into()), &genesis)
    };
    let notarise = |signer| sign(Statement::notarise(0, 9, block), signer);
    let votes = Votes::collect((0..3).map(|signer| (usize::from(signer), notarise(signer).vote)));
    let recall = Recall::sign(0, 1, 0x0102_0304_0506_0708, &SecretKey::well_known(1), &genesis);
    let votes_of_1 = List::truncated([notarise(1), sign(Statement::skip(0, 10), 1)]);
    vec![
        Message::Proposal {
            signature: SecretKey::well_known(0).sign(&proposal_hash(&genesis, &block)),
            block: [sample_header_of_authorities().to_bytes(), vec![0; 4]].concat().into(),
        },
        Message::Vote(notarise(1)),
        Message::Certificate(Box::new(Certificate { statement: Statement::notarise(0, 9, block), votes })),
        Message::Recall(recall),
        Message::Recalled(Box::new(Recalled::sign(&recall, 2, votes_of_1, &SecretKey::well_known(2), &genesis))),
    ]
}

#[test]
fn every_message_has_the_golden_frame_and_reads_back() {
    let spec = ChainSpec::local();
    let messages = sample_messages(&spec);
    let kinds: Vec<Kind> = messages.iter().map(Message::kind).collect();
    assert_eq!(kinds, Kind::ALL, "a vector for each kind");
    let frames: serde_json::Map<String, Value> = messages
        .iter()
        .map(|message| {
            let frame = Frame::new(message);
            assert_eq!(frame.open().as_ref(), Ok(message));
            (format!("{:?}", message.kind()), json!(hex(&frame.to_bytes(spec.magic()))))
        })
        .collect();
    golden("frames-2.json", &json!({ "magic": hex(&spec.magic()), "frames": frames }));
}

/// What authorities 0 to 3, accounts 0 to 3, sign on the chain `local`, as if it were a sealed one.
#[test]
fn statements_sets_and_leaders_are_golden() {
    let genesis = ChainSpec::local().genesis_hash();
    let keys: Vec<SecretKey> = (0..4).map(SecretKey::well_known).collect();
    let set = AuthoritySet::new(0, keys.iter().map(SecretKey::public_key).collect());
    let statements = [Statement::notarise(0, 9, hash(4)), Statement::skip(0, 10), Statement::finalize(0, 9, hash(4))];
    let votes: Vec<Value> = (0u8..)
        .zip(statements)
        .map(|(signer, statement)| {
            let vote = SignedVote::sign(statement, signer, 1_767_225_640_123, &keys[usize::from(signer)], &genesis);
            assert!(set.holds(&genesis, &vote));
            let signed = statement.signing_hash(&genesis, vote.vote.clock);
            json!({ "statement": hex(&codec::encode(&statement)), "signed": signed, "vote": hex(&codec::encode(&vote)) })
        })
        .collect();
    let sign = |signer: usize| {
        let number = u8::try_from(signer).unwrap();
        (
            signer,
            SignedVote::sign(statements[0], number, 1_767_225_640_000 + u64::from(number), &keys[signer], &genesis)
                .vote,
        )
    };
    let certificate = Certificate { statement: statements[0], votes: Votes::collect([0, 2, 3].map(sign)) };
    assert!(set.certifies(&genesis, &certificate));
    // The second set, without the first authority: it begins behind block 4, which the first set made final in view 11.
    let later = AuthoritySet::new(1, set.keys()[1..].to_vec());
    let signed = |signer: u8| {
        let clock = 1_767_225_640_000 + u64::from(signer);
        let statement = Statement::finalize(0, 11, hash(4));
        (usize::from(signer), SignedVote::sign(statement, signer, clock, &keys[usize::from(signer)], &genesis).vote)
    };
    let votes_of_handover = Votes::collect([1u8, 2, 3].map(signed));
    let seal =
        AuthoritySeal { view: 10, next_authorities: later.hash(), parent_view: 11, parent_votes: votes_of_handover };
    golden(
        "authorities.json",
        &json!({
            "genesis": genesis,
            "public_keys": set.keys().iter().map(|key| hex(key)).collect::<Vec<_>>(),
            "set_hash": set.hash(),
            "leaders_of_views_1_to_8": (1..9).map(|view| set.leader(view)).collect::<Vec<_>>(),
            "votes": votes,
            "certificate": hex(&codec::encode(&certificate)),
            "median_clock_of_certificate": certificate.median_clock(),
            "proposal_hash_of_block_4": proposal_hash(&genesis, &hash(4)),
            "set_hash_of_epoch_1": later.hash(),
            "seal_of_first_block_of_epoch_1": hex(&codec::encode(&Seal::Authorities(Box::new(seal)))),
        }),
    );
}

#[test]
fn short_ids_are_the_golden_ones() {
    let transaction = sample_transaction(&ChainSpec::local().genesis_hash());
    let leaf = merkle::leaf(&transaction.to_bytes());
    let salt = Salt(std::array::from_fn(|at| at as u8));
    let id = salt.short_id(&leaf);
    golden(
        "short-ids.json",
        &json!({
            "salt": hex(&salt.0),
            "transaction": hex(&transaction.to_bytes()),
            "leaf": leaf.to_string(),
            "short_id": hex(&codec::encode(&id)),
        }),
    );
}

/// Version 1 had other networks; and under the magic of one of them, messages that version 2 does not take.
#[test]
fn frames_of_version_1_are_refused() {
    let (one, two) = (read("frames.json"), read("frames-2.json"));
    let magic = |file: &Value| -> [u8; 4] { unhex(file["magic"].as_str().unwrap()).unwrap().try_into().unwrap() };
    assert_ne!(magic(&one), magic(&two));
    // The kinds after these came later.
    for kind in Kind::ALL.into_iter().filter(|kind| *kind <= Kind::Goodbye) {
        let name = format!("{kind:?}");
        let bytes = unhex(one["frames"][&name].as_str().unwrap()).unwrap();
        // A first frame may be another network's `Version`, so that both sides learn which networks met.
        let read = FrameReader::new(magic(&two)).read(&mut &bytes[..]);
        assert!(read == Err(FrameFault::Magic) || kind == Kind::Version, "{name}: {read:?}");
        let frame = FrameReader::new(magic(&one)).read(&mut &bytes[..]).unwrap().unwrap();
        match frame.open() {
            Ok(Message::Version(version)) => assert!(version.protocol < OLDEST_PROTOCOL_VERSION),
            Ok(Message::Block(bytes)) => assert!(refuses_block(bytes)),
            Ok(Message::Transaction(bytes)) => assert!(refuses_transaction(&bytes)),
            opened => assert_eq!(opened.is_err(), matches!(kind, Kind::Peers | Kind::Sync), "{name}: {opened:?}"),
        }
    }
}

#[test]
fn transactions_and_blocks_of_version_1_are_refused() {
    let (one, two) = (read("chain.json"), read("chain-2.json"));
    let bytes = |file: &Value, path: &str| unhex(file.pointer(path).unwrap().as_str().unwrap()).unwrap();
    for (file, is_old) in [(&one, true), (&two, false)] {
        assert_eq!(refuses_transaction(&bytes(file, "/transaction/bytes")), is_old);
        assert_eq!(refuses_block(bytes(file, "/genesis/local/block").into()), is_old);
    }
    for chain in ["local", "dev"] {
        assert_ne!(one["genesis"][chain]["hash"], two["genesis"][chain]["hash"]);
    }
}

fn refuses_transaction(bytes: &[u8]) -> bool {
    HashedTransaction::decode(bytes).map_or(true, |hashed| rules::check_transaction(&hashed, false).is_err())
}

fn refuses_block(bytes: Bytes) -> bool {
    HashedBlock::decode(bytes).map_or(true, |block| rules::check_block(&block).is_err())
}

#[test]
fn headers_transactions_merkle_roots_and_digests_are_golden() {
    let spec = ChainSpec::local();
    let genesis = spec.genesis_hash();
    let (header, sealed) = (sample_header(), sample_header_of_authorities());
    let transaction = sample_transaction(&genesis);
    let txid = transaction.txid();
    let leaves: Vec<Hash> = (0u8..7).map(|n| merkle::leaf(&[n])).collect();
    let roots: Vec<String> = (1..=7).map(|count| merkle::root(leaves[..count].to_vec()).to_string()).collect();

    // The coin that the transaction spends, then the coins that it creates.
    let key = SecretKey::well_known(0);
    let spent = Coin { amount: 3_500, address: key.address(), height: 3, coinbase: true };
    let mut sum = StateSum::default();
    let empty = sum.digest();
    let spent_key = CoinKey::of(&transaction.inputs[0].outpoint);
    sum.add(&spent_key, &spent);
    let before = sum.digest();
    sum.remove(&spent_key, &spent);
    let mut leaves_of_coins = vec![spent_key.order >> 58];
    for (outpoint, coin) in coins_created(&HashedTransaction::new(transaction.clone()), 8) {
        let key = CoinKey::of(&outpoint);
        leaves_of_coins.push(key.order >> 58);
        sum.add(&key, &coin);
    }
    let prefix = Prefix::new("ltus").unwrap();
    golden(
        "chain-2.json",
        &json!({
            "header": { "bytes": hex(&header.to_bytes()), "hash": header.hash() },
            "header_of_authorities": { "bytes": hex(&sealed.to_bytes()), "hash": sealed.hash() },
            "transaction": {
                "secret_key": hex(&key.seed()),
                "public_key": hex(&key.public_key()),
                "genesis": genesis,
                "bytes": hex(&transaction.to_bytes()),
                "txid": txid,
                "fee": rules::fee(&transaction).unwrap(),
                "signing_hash": Transaction::signing_hash(&txid, &genesis),
                "merkle_leaf": merkle::leaf(&transaction.to_bytes()),
            },
            "merkle": { "leaves_are_of_bytes": ["00", "01", "02", "03", "04", "05", "06"], "roots_of_first_n": roots },
            "address": { "bytes": hex(&key.address().0), "prefix": "ltus", "text": key.address().to_text(&prefix) },
            "state_digest": {
                "empty": empty,
                "before_transaction": before,
                "after_transaction": sum.digest(),
                "leaves_of_spent_and_created_coins": leaves_of_coins,
            },
            "genesis": {
                "local": { "hash": ChainSpec::local().genesis_hash(), "block": hex(&ChainSpec::local().genesis.bytes) },
                "dev": { "hash": ChainSpec::dev().genesis_hash() },
            },
            "work": { "target": "1f3fffff", "work": CompactTarget(0x1f3f_ffff).expand().unwrap().work().to_string() },
        }),
    );
    let decoded = HashedBlock::decode(spec.genesis.bytes.clone()).unwrap();
    assert_eq!(decoded, spec.genesis);
    assert_eq!(codec::encode(&codec::decode::<Transaction>(&transaction.to_bytes()).unwrap()), transaction.to_bytes());
}

/// The file was first computed by `tests/clients/protocol.py`, which knows PROTOCOL.md alone.
#[test]
fn a_chain_file_makes_the_golden_genesis_block() {
    let file = read("chain-file.json")["file"].as_str().unwrap().to_owned();
    let spec = ChainSpec::from_toml(&file).unwrap();
    let memo = &spec.genesis.transactions[0].transaction.memo;
    golden(
        "chain-file.json",
        &json!({
            "file": file,
            "commitment": hex(&memo[4..]),
            "block": hex(&spec.genesis.bytes),
            "hash": spec.genesis_hash(),
        }),
    );
}

#[test]
fn aserti3_2d_holds_the_public_vectors() {
    let vectors = read("aserti3-2d.json");
    let compact =
        |text: &Value| CompactTarget(u32::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap());
    for run in vectors["runs"].as_array().unwrap() {
        let number = |key: &str| run[key].as_i64().unwrap();
        let asert = Asert {
            anchor_target: compact(&run["anchor_bits"]),
            anchor_parent_time: number("anchor_parent_time"),
            anchor_height: number("anchor_height"),
            block_time: vectors["block_time"].as_i64().unwrap(),
            half_life: vectors["half_life"].as_i64().unwrap(),
            limit: compact(&vectors["limit"]).expand().unwrap(),
        };
        for row in run["rows"].as_array().unwrap() {
            let (height, time) = (row[0].as_i64().unwrap(), row[1].as_i64().unwrap());
            assert_eq!(asert.next(time, height), compact(&row[2]), "{} at height {height}", run["name"]);
        }
    }
}

#[test]
fn bech32m_holds_bip_350_s_vectors() {
    use bech32::{Bech32m, primitives::decode::CheckedHrpstring};
    let vectors = read("bip350.json");
    for valid in vectors["valid"].as_array().unwrap() {
        assert!(CheckedHrpstring::new::<Bech32m>(valid.as_str().unwrap()).is_ok(), "{valid}");
    }
    for invalid in vectors["invalid"].as_array().unwrap() {
        let text = invalid.as_str().unwrap();
        assert!(CheckedHrpstring::new::<Bech32m>(text).is_err(), "{invalid}");
        let prefix = Prefix::new("ltus").unwrap();
        assert!(Address::parse(text, &prefix).is_err(), "{invalid}");
    }
}

#[test]
fn blake3_holds_the_keyed_vectors_of_its_reference() {
    let vectors = read("blake3.json");
    let key: [u8; 32] = vectors["key"].as_str().unwrap().as_bytes().try_into().unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let length = usize::try_from(case["input_len"].as_u64().unwrap()).unwrap();
        let input: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let expected = unhex(case["keyed_hash"].as_str().unwrap()).unwrap();
        assert_eq!(blake3::keyed_hash(&key, &input).as_bytes()[..], expected[..32], "length {length}");
    }
    // Our domains are that mode with the padded name as the key, and nothing else.
    let mut key = [0; 32];
    key[..12].copy_from_slice(b"tussock txid");
    assert_eq!(Domain::TXID.hash(b"abc").0, *blake3::keyed_hash(&key, b"abc").as_bytes());
}

/// ZIP 215: every encoding of a point of small order is acceptable as key and as R, canonical or not, the equation is
/// the cofactored one, and S must be below the group order; one by one and in a batch the verdicts agree.
#[test]
fn ed25519_holds_zip_215_one_by_one_and_in_batches() {
    let vectors = read("zip215.json");
    let points: Vec<[u8; 32]> = vectors["small_order_encodings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| unhex(text.as_str().unwrap()).unwrap().try_into().unwrap())
        .collect();
    let message = Domain::MESSAGE.hash(b"zip215");
    let mut rng = Rng::from_number(215);
    for public_key in &points {
        for r in &points {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(r);
            let claim = Claim { public_key: *public_key, hash: message, signature };
            assert!(key::verify(public_key, &message, &signature), "key {} R {}", hex(public_key), hex(r));
            assert!(key::verify_batch(&[claim, claim], &mut rng), "batch: key {} R {}", hex(public_key), hex(r));
        }
    }
    // S at or above the order is refused, and so are encodings that are not points.
    let signer = SecretKey::well_known(0);
    let good = signer.sign(&message);
    let order = unhex(vectors["group_order_le"].as_str().unwrap()).unwrap();
    let mut carry = 0u16;
    let mut above = good;
    for (at, part) in order.iter().enumerate() {
        let sum = u16::from(good[32 + at]) + u16::from(*part) + carry;
        above[32 + at] = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "S plus the order still fits in 32 bytes");
    for (public_key, signature) in [(signer.public_key(), above), ([2; 32], good)] {
        let claim = Claim { public_key, hash: message, signature };
        assert!(!key::verify(&public_key, &message, &signature));
        assert!(!key::verify_batch(&[claim, claim], &mut rng));
    }
}

/// Keys and nonce points with a part of small order, and encodings that are not canonical: an equation without the
/// cofactor would refuse most of these, and a batch would then disagree with single checks.
#[test]
fn mixed_order_points_and_non_canonical_encodings_hold_one_by_one_and_in_batches() {
    let vectors = read("zip215.json");
    let bytes = |value: &Value| -> [u8; 32] { unhex(value.as_str().unwrap()).unwrap().try_into().unwrap() };
    let message = Hash(bytes(&vectors["message"]));
    let claim = |case: &Value| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&bytes(&case["r"]));
        signature[32..].copy_from_slice(&bytes(&case["s"]));
        Claim { public_key: bytes(&case["public_key"]), hash: message, signature }
    };
    let cases = |name: &str| vectors[name].as_array().unwrap().iter().map(claim).collect::<Vec<Claim>>();
    let (mixed, odd) = (cases("mixed_order"), cases("non_canonical"));
    assert_eq!((mixed.len(), odd.len()), (64, 12));
    let strict =
        vectors["mixed_order"].as_array().unwrap().iter().filter(|case| case["holds_without_cofactor"] == true);
    assert!(strict.count() < 16, "most tell the two equations apart");
    let mut rng = Rng::from_number(216);
    let all: Vec<Claim> = mixed.into_iter().chain(odd).collect();
    assert!(key::verify_batch(&all, &mut rng));
    for good in &all {
        let name = format!("key {} R {}", hex(&good.public_key), hex(&good.signature[..32]));
        assert!(key::verify(&good.public_key, &message, &good.signature), "{name}");
        assert!(key::verify_batch(&[*good, *good], &mut rng), "{name}");
        let mut bad = *good;
        bad.signature[32] ^= 1;
        assert!(!key::verify(&bad.public_key, &message, &bad.signature), "{name}");
        assert!(!key::verify_batch(&[*good, bad], &mut rng), "{name}");
    }
}

#[test]
fn key_agreements_and_sealed_messages_are_those_of_the_transcripts() {
    use tussock_noise::{Agreement, Key, Opener, Pattern, REKEY_MESSAGES, Sealer};
    let key = |value: &Value| Key(unhex(value.as_str().unwrap()).unwrap().try_into().unwrap());
    let transcripts = read("noise.json")["transcripts"].as_array().unwrap().clone();
    assert_eq!(transcripts.len(), 2);
    for transcript in transcripts {
        let is_ik = transcript["protocol"].as_str().unwrap().contains("_IK_");
        let prologue = unhex(transcript["prologue"].as_str().unwrap()).unwrap();
        assert_eq!(prologue, tussock::node::key_agreement::PROLOGUE);
        let [(ours, ours_once), (theirs, theirs_once)] = ["initiator", "responder"]
            .map(|side| (key(&transcript[side]["static_secret"]), key(&transcript[side]["ephemeral_secret"])));
        let remote = is_ik.then(|| tussock_noise::public_key(&theirs));
        let pattern = if is_ik { Pattern::Ik } else { Pattern::Xx };
        let mut sides = [
            Agreement::initiator(&ours, ours_once, &prologue, remote.as_ref()),
            Agreement::responder(pattern, &theirs, theirs_once, &prologue),
        ];
        for (at, expected) in transcript["handshake"].as_array().unwrap().iter().enumerate() {
            let message = sides[at % 2].write().unwrap().unwrap();
            assert_eq!(hex(&message), expected.as_str().unwrap(), "message {at}");
            sides[1 - at % 2].read(&message).unwrap();
        }
        assert_eq!(hex(sides[0].hash()), transcript["handshake_hash"].as_str().unwrap());
        let (send, receive) = sides[0].keys().unwrap();
        for (direction, secret) in [("from_initiator", send), ("from_responder", receive)] {
            assert_eq!(hex(&secret.0), transcript["keys"][direction].as_str().unwrap());
            let (mut sealer, mut opener) = (Sealer::new(secret.clone()), Opener::new(secret));
            let sealed = transcript["sealed"].as_array().unwrap();
            let expected: Vec<&Value> = sealed.iter().filter(|one| one["direction"] == direction).collect();
            assert!(expected.len() >= 6 && expected.iter().any(|one| one["number"] == 2 * REKEY_MESSAGES));
            for number in 0..=2 * REKEY_MESSAGES {
                let payload = format!("tussock {number}").into_bytes();
                let mut message = payload.clone();
                sealer.seal(&mut message, 0);
                if let Some(one) = expected.iter().find(|one| one["number"] == number) {
                    assert_eq!(hex(&message), one["message"].as_str().unwrap(), "{direction} {number}");
                    assert_eq!(hex(&payload), one["payload"].as_str().unwrap());
                }
                assert_eq!(opener.open(&mut message), Ok(payload.len()));
            }
        }
    }
}
