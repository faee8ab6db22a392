//! Certificates that exclude each other: more members lie than may.

use super::*;

fn finalized(view: u64, block: Hash) -> Certificate {
    certificate(Statement::finalize(0, view, block), &[0, 1, 2])
}

fn contradictions(effects: &[Effect]) -> Vec<Statement> {
    let of = |effect: &Effect| match effect {
        Effect::Contradiction(statement) => Some(*statement),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

/// What a core of this history says of a certificate.
fn told(history: &[Certificate], certificate: Certificate) -> Vec<Statement> {
    let mut core = core(3);
    for one in history {
        core.certificate(one.clone(), at(10)).unwrap();
    }
    assert_eq!(contradictions(&core.effects()), [], "{history:?}");
    core.certificate(certificate, at(20)).unwrap();
    contradictions(&core.effects())
}

#[test]
fn certificates_that_exclude_each_other_are_told() {
    let other = finalized(1, B);
    assert_eq!(told(&[notarised(1, A)], other.clone()), [other.statement], "two blocks of one view");
    assert_eq!(told(&[skipped(1)], other.clone()), [other.statement], "a skipped view");
    let late = notarised(1, A);
    assert_eq!(told(&[finalized(1, B)], late.clone()), [late.statement]);
    for fine in [vec![], vec![notarised(1, B)], vec![skipped(2)], vec![notarised(1, B), notarised(2, A)]] {
        assert_eq!(told(&fine, other.clone()), [], "{fine:?}");
    }
}

#[test]
fn what_is_final_is_taken_though_another_block_of_its_view_is_notarised_and_counts_as_notarised() {
    let mut core = core(3);
    core.certificate(notarised(1, A), at(10)).unwrap();
    core.effects();
    core.certificate(finalized(1, B), at(20)).unwrap();
    let (effects, place) = (core.effects(), Place { view: 1, block: B });
    assert!(effects.contains(&Effect::Notarised(place)) && effects.contains(&Effect::Final(place)), "{effects:?}");
}
