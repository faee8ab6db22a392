//! What the block maker makes keeps all rules.

use super::*;
use crate::{
    base::rng::Rng,
    chain::key::{Claim, verify_batch},
};

/// Applies all rules to the block that follows `parent`.
fn check(parent: &BlockMaker, block: &HashedBlock) {
    let spec = parent.spec();
    rules::check_header(spec, &parent.parent_facts(), &block.header, &block.hash).unwrap();
    rules::check_block(block).unwrap();
    assert_eq!(block.header.state_digest, parent.digest());
    let (mut coins, mut fees, mut claims) = (parent.coins().clone(), 0, Vec::new());
    for (at, hashed) in block.transactions.iter().enumerate() {
        let inputs = &hashed.transaction.inputs;
        let spent: Vec<_> = inputs.iter().map(|input| coins.remove(&input.outpoint)).collect();
        if at > 0 {
            fees += rules::check_spend(spec, &hashed.transaction, &spent, block.header.height).unwrap();
        }
        let hash = Transaction::signing_hash(&hashed.txid, &spec.genesis_hash());
        claims.extend(inputs.iter().map(|input| Claim {
            public_key: input.public_key,
            hash,
            signature: input.signature,
        }));
        coins.extend(coins_created(hashed, block.header.height));
    }
    let coinbase = &block.transactions[0].transaction;
    rules::check_coinbase_amount(spec, coinbase, block.header.height, fees).unwrap();
    assert!(verify_batch(&claims, &mut Rng::from_number(1)));
}

#[test]
fn blocks_keep_all_rules_also_when_transfers_chain_within_a_block() {
    let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
    let (alice, bob) = (SecretKey::well_known(0), SecretKey::well_known(1).address());
    for round in 0..20u64 {
        let parent = maker.fork();
        let transfers = (0..3).map(|n| maker.transfer(&alice, bob, 1000 + round, n)).collect();
        let block = maker.next_block(transfers, alice.address());
        assert_eq!(block.transactions.len(), 4);
        check(&parent, &block);
    }
    let supply: u128 = maker.coins().values().map(|coin| u128::from(coin.amount)).sum();
    assert_eq!(supply, maker.spec().supply(20));
}

#[test]
fn a_fork_is_valid_on_its_own_and_decodes_to_itself() {
    let mut maker = BlockMaker::new(Arc::new(ChainSpec::dev()));
    let pay_to = SecretKey::well_known(2).address();
    maker.empty_blocks(3, pay_to);
    let mut fork = maker.fork();
    let (one, other) = (maker.next_block(vec![], pay_to), fork.next_block(vec![], Address([9; 20])));
    assert_eq!(one.header.previous, other.header.previous);
    assert_ne!(one.hash, other.hash);
    assert_eq!(HashedBlock::decode(one.bytes.clone()), Ok(one));
}
