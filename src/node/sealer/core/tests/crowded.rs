//! Many views without a final block, and votes that nobody needs any more.

use super::*;

/// So many that they make a quorum of 64.
const QUORUM: u8 = 43;

fn skipped_by_many(view: u64) -> Certificate {
    certificate(Statement::skip(0, view), &(0..QUORUM).collect::<Vec<_>>())
}

fn leads(effects: &[Effect]) -> Option<(u64, Hash)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Lead { view, parent, .. } => Some((*view, parent.block)),
        _ => None,
    })
}

/// The lowest certificates were forgotten, so that nothing could ever follow the last final block again.
#[test]
fn views_whose_certificates_find_no_room_are_known_to_be_skipped_all_the_same() {
    let views = 2_000;
    let leader = u8::try_from(set(64).leader(views + 1)).unwrap();
    let record = SealRecord { certificates: (1..=views).map(skipped_by_many).collect(), ..SealRecord::default() };
    for has_restarted in [false, true] {
        let cores = [leader, (leader + 1) % 64].map(|own| match has_restarted {
            true => core_with(Some(own), 64, record.clone()),
            false => {
                let mut core = core_with(Some(own), 64, SealRecord::default());
                for one in &record.certificates {
                    assert_eq!(core.certificate(one.clone(), at(1)), Ok(Fate::Fresh));
                    core.effects();
                }
                core
            }
        });
        for core in &cores {
            assert_eq!((core.view(), core.unproven(), core.open_views()), (views + 1, None, vec![]));
            let kept = core.certified().iter().count();
            assert!(kept > 1_300 && kept < 1_400 && core.certified().bytes() <= 4 << 20, "{kept}");
        }
        let [mut core, mut other] = cores;
        assert_eq!(core.certificate(skipped_by_many(1), at(2)), Ok(Fate::Stale), "nothing new");
        core.set_work(true, at(2));
        core.set_ledger(GENESIS, at(300));
        assert_eq!(leads(&core.effects()), Some((views + 1, GENESIS)));
        other.effects();
        let vote = Statement::notarise(0, views + 1, A);
        assert_eq!(cast(&offer(&mut other, proposal(views + 1, A, None), 400)), [vote]);
        let finality = Statement::finalize(0, views + 1, A);
        other.certificate(certificate(finality, &(0..QUORUM).collect::<Vec<_>>()), at(500)).unwrap();
        assert!(other.certified().bytes() < 4_000 && !other.certified().is_skipped(1));
    }
}

#[test]
fn what_a_member_has_signed_is_remembered_also_from_certificates_and_when_it_decides_nothing_any_more() {
    let mut core = core(3);
    let newest = |core: &Core, signer| core.tally().newest(signer).map(|vote| vote.statement).collect::<Vec<_>>();
    core.certificate(skipped(1), at(1)).unwrap();
    assert_eq!(newest(&core, 0), [Statement::skip(0, 1)]);
    let final_vote = Statement::finalize(0, 2, A);
    core.certificate(certificate(final_vote, &[0, 1, 3]), at(2)).unwrap();
    assert_eq!(core.vote(vote(2, final_vote), at(3)), Ok(Fate::Stale));
    assert_eq!(newest(&core, 2), [Statement::skip(0, 1), final_vote], "it came when the block was final");
    let forged = SignedVote { signer: 2, ..vote(1, Statement::notarise(0, 2, A)) };
    assert_eq!(core.vote(forged, at(3)), Err(Unsigned));
    let heard: Vec<_> = core.take_heard().iter().map(|vote| (vote.signer, vote.statement.stage)).collect();
    assert!(heard.contains(&(2, Stage::Finalize)) && heard.contains(&(0, Stage::Skip)), "{heard:?}");
    core.effects();
    assert_eq!(core.vote(vote(2, final_vote), at(4)), Ok(Fate::Stale));
    assert_eq!(core.take_heard(), []);
}
