//! Byzantine nodes. Each runs the real roles, so that it is a peer like any other, and a trick. The trick changes what the
//! roles send, or sends frames of its own from time to time. Byzantine nodes stop when the faults end, or go on to the end.

mod amounts;
mod announcements;
mod authority;
mod branches;
mod claims;
mod compact;
mod drip;
mod equivocate;
mod flood;
mod forgets;
mod headers;
mod late_headers;
mod late_votes;
mod mutate;
mod pushes;
mod repeated;
mod skeletons;
mod slow_reader;
mod snapshots;
mod squat;
mod stranger;
mod transactions;
mod trick;
mod trickle;
mod withhold;

use std::net::IpAddr;

use crate::{base::rng::Rng, sim::options::Options};

pub(super) use trick::{Context, Heard, Trick};

/// What makes a node byzantine, beside its roles.
pub(super) struct Byzantine {
    /// What it does.
    pub trick: Box<dyn Trick>,
    pub(super) rng: Rng,
}

impl Byzantine {
    /// Draws a trick.
    pub(super) fn draw(options: &Options, rng: &mut Rng) -> Self {
        let drawn = rng.below(12);
        let trick: Box<dyn Trick> = match drawn {
            0..6 if options.pruned > 0 => Box::new(forgets::Forgets::draw(rng)),
            // What makes blocks or headers of its own has no place on a sealed chain.
            2 | 4 | 7 if options.authorities > 0 => Box::new(withhold::Withhold::draw(rng)),
            0 => Box::new(claims::Claims),
            1 => Box::new(drip::Drip),
            2 => Box::new(equivocate::Equivocate::default()),
            3 => Box::new(flood::Flood),
            4 => Box::new(headers::Headers::new(options, mine_rate(options))),
            5 => Box::new(mutate::Mutate),
            6 => Box::new(transactions::Transactions),
            7 => Box::new(pushes::Pushes::default()),
            8 => Box::new(amounts::Amounts),
            9 => Box::new(announcements::Announcements::draw(rng)),
            10 => Box::new(slow_reader::SlowReader::draw(rng)),
            _ => Box::new(withhold::Withhold::draw(rng)),
        };
        Self { trick, rng: rng.fork("liar") }
    }

    /// Draws a trick of those that `options.tricksters` play. `honest`: the addresses of honest nodes.
    pub(super) fn draw_trickster(options: &Options, honest: &[IpAddr], rng: &mut Rng) -> Self {
        let trick: Box<dyn Trick> = match rng.below(8) {
            _ if options.siege => Box::new(branches::Branches::draw(options, mine_rate(options), rng)),
            0 => Box::new(branches::Junk),
            1 => Box::new(branches::Orphans),
            2 => Box::new(squat::Squat { victim: rng.pick(honest).copied() }),
            _ => Box::new(branches::Branches::draw(options, mine_rate(options), rng)),
        };
        Self { trick, rng: rng.fork("trickster") }
    }

    /// An authority that lies.
    pub(super) fn authority(options: &Options, node: usize, rng: &mut Rng) -> Self {
        let trick: Box<dyn Trick> = match node < options.nodes + options.older_disks {
            true => Box::new(authority::OlderDisk),
            false => Box::new(authority::Authority::draw(options, node, rng)),
        };
        Self { trick, rng: rng.fork("authority") }
    }

    /// A node that delivers its blocks slowly.
    pub(super) fn trickler(rng: &mut Rng) -> Self {
        Self { trick: Box::new(trickle::Trickle::draw(rng)), rng: rng.fork("trickler") }
    }

    /// A node that says falsely where the rounds of its headers begin.
    pub(super) fn of_false_skeletons(rng: &mut Rng) -> Self {
        Self { trick: Box::new(skeletons::Skeletons::default()), rng: rng.fork("false skeletons") }
    }

    /// A node that lies about its snapshots.
    pub(super) fn of_false_snapshots(options: &Options, rng: &mut Rng) -> Self {
        Self { trick: Box::new(snapshots::Snapshots::draw(options, rng)), rng: rng.fork("false snapshots") }
    }

    /// A node that sends few headers, and late.
    pub(super) fn of_late_headers(rng: &mut Rng) -> Self {
        Self { trick: Box::new(late_headers::LateHeaders::draw(rng)), rng: rng.fork("late headers") }
    }

    /// A node that misleads others about blocks.
    pub(super) fn misleader(rng: &mut Rng) -> Self {
        Self { trick: Box::new(compact::Misleads::draw(rng)), rng: rng.fork("misleader") }
    }

    /// A host that is no node.
    pub(super) fn stranger(rng: &mut Rng) -> Self {
        Self { trick: Box::new(stranger::Stranger::draw(rng)), rng: rng.fork("stranger") }
    }
}

/// Hashes per second of each byzantine node that mines, so that all of them have at most a third of the work.
pub(super) fn mine_rate(options: &Options) -> u64 {
    (options.miners as u64 * options.mine_rate / 2 / (options.dishonest() as u64).max(1)).max(1)
}
