use std::sync::Arc;

use super::*;
use crate::{
    base::codec::List,
    chain::{
        key::SecretKey,
        seal::{Authorities, SignedVote, Statement, Votes},
        testkit::{self, BlockMaker},
        transaction::Transaction,
    },
};

/// A chain with a block of five payments, so many blocks above it, and the block.
fn chain(authorities: usize, above: usize) -> (BlockMaker, HashedBlock, Vec<Header>) {
    let spec = if authorities == 0 { ChainSpec::dev() } else { testkit::sealed_spec(authorities) };
    let mut maker = BlockMaker::new(Arc::new(spec));
    let (payer, payee) = (SecretKey::well_known(0), SecretKey::well_known(1).address());
    maker.empty_blocks(2, payee);
    let payments: Vec<Transaction> = (0..5).map(|at| maker.transfer(&payer, payee, 100 + at, 1)).collect();
    let block = maker.next_block(payments, payee);
    let above = maker.empty_blocks(above, payee).into_iter().map(|block| block.header).collect();
    (maker, block, above)
}

/// The certificate that these authorities make the maker's tip final.
fn finality(maker: &BlockMaker, signers: &[u8]) -> Certificate {
    final_in(maker, maker.tip().work.view(), signers)
}

/// The same in a view that need not be the tip's.
fn final_in(maker: &BlockMaker, view: u64, signers: &[u8]) -> Certificate {
    let (spec, tip) = (maker.spec(), maker.tip());
    let statement = Statement::finalize(0, view, tip.hash);
    let sign = |signer: &u8| {
        let key = testkit::authority_key(usize::from(*signer));
        let signed = SignedVote::sign(statement, *signer, 1_800_000_000_000, &key, &spec.genesis_hash());
        (usize::from(*signer), signed.vote)
    };
    Certificate { statement, votes: Votes::collect(signers.iter().map(sign)) }
}

fn receipt(maker: &BlockMaker, block: &HashedBlock, above: &[Header], index: usize) -> Receipt {
    let mut receipt = Receipt::of(maker.spec(), block, index).unwrap();
    receipt.headers = above.iter().map(|header| hex(&header.to_bytes())).collect();
    if maker.spec().seal_rules().needs_certificate() {
        receipt.certificate = Some(hex(&codec::encode(&finality(maker, &[0, 1, 2]))));
    }
    receipt
}

#[test]
fn each_transaction_of_a_block_has_a_receipt_on_each_kind_of_chain() {
    for (authorities, above) in [(0, 0), (0, 6), (4, 0), (4, 3)] {
        let (maker, block, above) = chain(authorities, above);
        for (index, transaction) in block.transactions.iter().enumerate() {
            let proven = receipt(&maker, &block, &above, index).check(maker.spec()).unwrap();
            assert_eq!((&proven.transaction, proven.header.1), (transaction, block.hash));
            assert_eq!(proven.above.last().map_or(block.hash, |(_, hash)| *hash), maker.hash());
        }
        assert_eq!(Receipt::of(maker.spec(), &block, 6), None);
    }
}

#[test]
fn what_is_changed_or_missing_is_refused() {
    let (maker, block, above) = chain(4, 3);
    let spec = maker.spec();
    let good = receipt(&maker, &block, &above, 2);
    let refused = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = good.clone();
        change(&mut receipt);
        receipt.check(spec).unwrap_err()
    };
    assert_eq!(refused(&|receipt| receipt.tussock_receipt = 2), ReceiptFault::Version(2));
    assert_eq!(refused(&|receipt| receipt.index = 3), ReceiptFault::NotInBlock);
    assert_eq!(refused(&|receipt| receipt.path.clear()), ReceiptFault::NotInBlock);
    assert_eq!(refused(&|receipt| receipt.path.resize(65, String::new())), ReceiptFault::Unreadable("path"));
    assert_eq!(refused(&|receipt| receipt.header = "00".repeat(200)), ReceiptFault::Unreadable("header"));
    assert_eq!(refused(&|receipt| receipt.header = receipt.headers[0].clone()), ReceiptFault::NotInBlock);
    assert_eq!(refused(&|receipt| receipt.transaction.make_ascii_uppercase()), ReceiptFault::Unreadable("transaction"));
    assert_eq!(refused(&|receipt| drop(receipt.headers.remove(1))), ReceiptFault::Unlinked);
    assert_eq!(refused(&|receipt| drop(receipt.headers.pop())), ReceiptFault::Certificate);
    assert_eq!(refused(&|receipt| receipt.certificate = None), ReceiptFault::Uncertified);
    let with = |certificate: &Certificate| {
        let text = hex(&codec::encode(certificate));
        refused(&|receipt| receipt.certificate = Some(text.clone()))
    };
    assert_eq!(with(&finality(&maker, &[0, 1])), ReceiptFault::Certificate, "two of four");
    assert_eq!(with(&maker.notarisation()), ReceiptFault::Certificate, "a notarised block may still be left");
    let other = testkit::sealed_spec(5);
    assert!(matches!(good.check(&other), Err(ReceiptFault::OtherNetwork(..))));
    assert!(matches!(good.check(&ChainSpec::dev()), Err(ReceiptFault::OtherNetwork(..))));
}

/// The last block of a set may become final in a later view than its own: nothing follows it by which it would before.
/// As the last block of a set may be. Of another block nobody signs a later one, so that nothing need tell them apart.
#[test]
fn a_block_may_be_final_in_a_later_view_than_its_own() {
    let maker = |from: u32| {
        let mut maker = BlockMaker::new(Arc::new(testkit::sealed_spec_with(4, &[(from, &[1, 2, 3, 4])])));
        maker.empty_blocks(2, SecretKey::well_known(1).address());
        let block = maker.next_block(Vec::new(), SecretKey::well_known(1).address());
        (maker, block)
    };
    for (from, later, expected) in [(4, 2, true), (4, 0, true), (4, -1, false), (5, 2, true), (5, 0, true)] {
        let (maker, block) = maker(from);
        let view = maker.tip().work.view().checked_add_signed(later).unwrap();
        let certificate = final_in(&maker, view, &[0, 1, 2]);
        let mut receipt = Receipt::of(maker.spec(), &block, 0).unwrap();
        receipt.certificate = Some(hex(&codec::encode(&certificate)));
        assert_eq!(receipt.check(maker.spec()).is_ok(), expected, "{from} {later}");
    }
}

#[test]
fn headers_without_their_work_are_refused() {
    let (maker, block, above) = chain(0, 3);
    let good = receipt(&maker, &block, &above, 1);
    let mut cheap = above[2].clone();
    cheap.proof_mut().unwrap().target = crate::chain::target::CompactTarget(0x2100_ffff);
    let mut forged = good.clone();
    forged.headers[2] = hex(&cheap.to_bytes());
    assert_eq!(forged.check(maker.spec()), Err(ReceiptFault::Work));
    let certified = Receipt { certificate: Some(hex(&codec::encode(&finality(&chain(4, 0).0, &[0, 1, 2])))), ..good };
    assert_eq!(certified.check(maker.spec()), Err(ReceiptFault::Work), "nobody seals this chain");
}

#[test]
fn a_receipt_may_name_one_output() {
    let (maker, block, above) = chain(4, 0);
    let mut receipt = receipt(&maker, &block, &above, 1);
    let outputs = &block.transactions[1].transaction.outputs;
    assert!(!receipt.name_output(maker.spec(), outputs, 9) && receipt.output.is_none());
    assert!(receipt.name_output(maker.spec(), outputs, 0));
    assert!(receipt.check(maker.spec()).is_ok());
    let named = receipt.output.clone().unwrap();
    let (amount, address) = (named.amount + 1, named.address.to_uppercase());
    for output in [
        PaidOutput { amount, ..named.clone() },
        PaidOutput { address, ..named.clone() },
        PaidOutput { index: 1, ..named.clone() },
        PaidOutput { index: 9, ..named },
    ] {
        let other = Receipt { output: Some(output), ..receipt.clone() };
        assert_eq!(other.check(maker.spec()), Err(ReceiptFault::Output));
    }
}

#[test]
fn a_memo_vouches_for_the_files_whose_root_it_is() {
    for count in 1u8..=9 {
        let files: Vec<Hash> = (0..count).map(|n| Hash([n; 32])).collect();
        let memo = files_memo(&files);
        assert!(List::<u8, { crate::base::limits::MAX_MEMO_BYTES }>::new(memo.clone().into_bytes()).is_ok());
        let proofs: Vec<FileProof> = FileProof::of_all(&files).collect();
        assert_eq!(proofs.len(), files.len());
        for (sha256, proof) in files.iter().zip(proofs) {
            assert!(proof.sha256 == sha256.to_string() && proof.is_in(memo.as_bytes()));
            let other = FileProof { sha256: Hash([99; 32]).to_string(), ..proof.clone() };
            assert!(!other.is_in(memo.as_bytes()) && !proof.is_in(b"tussock files"));
            assert!(!FileProof { index: proof.index + 1, ..proof }.is_in(memo.as_bytes()));
        }
    }
}

/// A chain of two sets: four authorities, and from block 7 on three of them.
fn two_sets() -> ChainSpec {
    let keys: Vec<[u8; 32]> = (0..4).map(|n| testkit::authority_key(n).public_key()).collect();
    let spec = testkit::sealed_spec(4);
    ChainSpec { authorities: Authorities::new(keys.clone(), vec![(7, keys[1..].to_vec(), None)]), ..spec }
}

#[test]
fn a_chain_file_of_before_or_with_other_sets_is_told_from_a_forgery() {
    let (maker, block, above) = chain(4, 3);
    let good = receipt(&maker, &block, &above, 2);
    assert!(good.check(maker.spec()).is_ok());
    // The receipt's blocks are 3 to 6: the file says that block 6 hands over.
    assert_eq!(good.check(&two_sets()), Err(ReceiptFault::OtherSet(6)));
    let mut later = finality(&maker, &[0, 1, 2]);
    later.statement.epoch = 1;
    let later = Receipt { certificate: Some(hex(&codec::encode(&later))), ..good };
    assert_eq!(later.check(maker.spec()), Err(ReceiptFault::LaterSet(1)));
}

#[test]
fn something_was_there_by_the_clocks_of_those_who_voted_for_its_own_block() {
    let (maker, block, above) = chain(4, 2);
    let proven = receipt(&maker, &block, &above, 1).check(maker.spec()).unwrap();
    assert_eq!(proven.there_by().time, above[0].time);
    assert_ne!(proven.there_by().time, block.header.time, "the clocks of those who voted for the parent");
    let (maker, block, _) = chain(4, 0);
    let proven = receipt(&maker, &block, &[], 1).check(maker.spec()).unwrap();
    let by_signers = ThereBy { time: 1_800_000_000, clock: Clock::Authorities(vec![0, 1, 2]) };
    assert_eq!(proven.there_by(), by_signers);
    let (maker, block, above) = chain(0, 2);
    let proven = receipt(&maker, &block, &above, 1).check(maker.spec()).unwrap();
    assert_eq!(proven.there_by(), ThereBy { time: block.header.time, clock: Clock::Miner });
}
