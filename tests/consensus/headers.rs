//! Headers one field away from valid.

use super::*;

type HeaderCase = (&'static str, fn(&mut Header), fn(&PeerFault) -> bool);

#[test]
fn headers_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (_, maker, mut court) = scene();
    let digest = court.digest();
    let cases: Vec<HeaderCase> = vec![
        ("version 0", |h| h.version = 0, |f| *f == PeerFault::Header(HeaderFault::Version(0))),
        ("version 1", |h| h.version = 1, |f| *f == PeerFault::Header(HeaderFault::Version(1))),
        ("version 3", |h| h.version = 3, |f| *f == PeerFault::Header(HeaderFault::Version(3))),
        (
            "height above",
            |h| h.height += 1,
            |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 14, expected: 13 })),
        ),
        ("height below", |h| h.height -= 1, |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 12, .. }))),
        ("height 0", |h| h.height = 0, |f| matches!(f, PeerFault::Header(HeaderFault::Height { found: 0, .. }))),
        (
            "height at its maximum",
            |h| h.height = u32::MAX,
            |f| matches!(f, PeerFault::Header(HeaderFault::Height { .. })),
        ),
        (
            "an easier target",
            |h| h.proof_mut().unwrap().target = CompactTarget(0x207f_ffff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "a harder target",
            |h| h.proof_mut().unwrap().target = CompactTarget(0x1f3f_fffe),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "a target of zero",
            |h| h.proof_mut().unwrap().target = CompactTarget(0),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { found: 0, .. })),
        ),
        (
            "a negative target",
            |h| h.proof_mut().unwrap().target = CompactTarget(0x1fbf_ffff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "the target spelled otherwise",
            |h| h.proof_mut().unwrap().target = CompactTarget(0x2000_3fff),
            |f| matches!(f, PeerFault::Header(HeaderFault::Target { .. })),
        ),
        (
            "a seal of authorities",
            |h| h.seal = testkit::authority_seal(0..3),
            |f| *f == PeerFault::Header(HeaderFault::Seal),
        ),
        (
            "the median's time",
            |h| h.time -= 6 * 5,
            |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { found, median }) if found == median),
        ),
        (
            "a time before the median",
            |h| h.time -= 7 * 5,
            |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { .. })),
        ),
        ("time 0", |h| h.time = 0, |f| matches!(f, PeerFault::Header(HeaderFault::TooOld { found: 0, .. }))),
    ];
    for (name, change, expected) in cases {
        let time = maker.next_time();
        let (mut header, transactions) = maker.assemble(Vec::new(), key(9).address(), time);
        change(&mut header);
        let target = header.target();
        let block = if target.is_some_and(|t| t.work() <= CompactTarget(0x1f3f_fffe).expand().unwrap().work()) {
            testkit::seal(header, transactions)
        } else {
            HashedBlock::new(header, transactions)
        };
        match court.judge_block(&block) {
            Verdict::Fault(fault) => assert!(expected(&fault), "{name}: {fault:?}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(court.digest(), digest, "{name}");
    }
    // No work: a nonce that misses.
    let block = maker.fork().next_block(Vec::new(), key(9).address());
    let mut header = block.header.clone();
    while header.has_work(&header.hash()) {
        header.next_nonce();
    }
    let lazy = HashedBlock::new(header, block.transactions.clone());
    assert_eq!(court.judge_block(&lazy), Verdict::Fault(PeerFault::Header(HeaderFault::Work)));
    // The future is held, an unknown parent asked for: neither is a fault.
    let late = court.now.unix.0 + 100_000;
    let future = maker.fork().next_block_at(Vec::new(), key(9).address(), late);
    assert_eq!(court.judge_block(&future), Verdict::Held);
    let mut fork = maker.fork();
    fork.next_block(Vec::new(), key(8).address());
    let orphan = fork.next_block(Vec::new(), key(8).address());
    assert_eq!(court.judge_block(&orphan), Verdict::Held);
    assert_eq!(court.digest(), digest);
    assert_eq!(court.judge_block(&block), Verdict::Applied, "the valid one beside them");
}
