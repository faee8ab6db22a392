//! Bans and denied addresses alone, and the file in which bans are kept.

use super::{
    super::{barred::Barred, links::Links, peer_db::PeerDb},
    *,
};
use crate::{
    base::limits::MAX_DENIED,
    node::notice::{KeptOut, ToHandshake},
};

struct Rig {
    barred: Barred,
    links: Links,
    db: PeerDb,
    memory: Memory,
    now: Now,
}

impl Rig {
    fn new(test_chain: bool) -> Self {
        let memory = Memory::default();
        let (db, contents) = PeerDb::open(Box::new(memory.clone()));
        let now = Now { mono: Time(1), unix: UnixTime(epoch()) };
        Self {
            barred: Barred::new(setup().spec.prefix, test_chain, contents.bans),
            links: Links::default(),
            db,
            memory,
            now,
        }
    }

    /// Adds a fault's points, and carries out a ban if that is enough.
    fn punish(&mut self, ip: IpAddr) -> Actions {
        let mut out = Outbox::default();
        let fault = PeerFault::Flood("pings");
        for ban in self.barred.punish(self.now, (ip, None), &fault, fault.points()) {
            self.barred.ban(self.now, ban, &mut self.links, &mut self.db, &mut out);
        }
        Actions(out.drain().collect())
    }
}

#[test]
fn faults_add_up_to_a_ban_that_is_kept_and_told_until_it_ends() {
    let mut rig = Rig::new(false);
    let ip = address("9.1.1.1:1").ip();
    let told = (0..100).map(|_| rig.punish(ip).told::<ToHandshake>()).find(|told| !told.is_empty());
    let told = told.expect("a hundred faults are enough");
    assert_eq!(told, [ToHandshake::Barred(KeptOut { ips: BTreeSet::from([ip]), ..KeptOut::default() })]);
    assert!(rig.barred.contains(address("9.1.1.1:4130")) && !rig.barred.contains(address("9.1.1.2:4130")));
    assert_eq!(rig.barred.points(rig.now.mono, ip), 0, "the ban clears the points");
    assert_eq!(rig.memory.contents().bans.len(), 1);
    rig.now.mono = rig.barred.deadline().expect("the ban ends");
    rig.now.unix = UnixTime(epoch() + BAN_TIME.as_secs());
    let mut out = Outbox::default();
    assert!(rig.barred.lift_expired(rig.now, &mut rig.db, &mut out));
    assert!(!rig.barred.is_banned(ip) && rig.memory.contents().bans.is_empty());
    assert_eq!(Actions(out.drain().collect()).told::<ToHandshake>().len(), 1);
}

#[test]
fn a_test_chain_bans_no_node_of_its_own_host() {
    let mut rig = Rig::new(true);
    let ip = address("127.0.0.1:1").ip();
    assert!((0..100).all(|_| rig.punish(ip).0.is_empty()) && !rig.barred.is_banned(ip));
}

#[test]
fn denied_addresses_are_limited_and_come_back() {
    let mut rig = Rig::new(true);
    let mut out = Outbox::default();
    let many: Vec<SocketAddr> = (0..=MAX_DENIED).map(|n| v4(u16::try_from(n).unwrap())).collect();
    assert!(rig.barred.deny(many.iter().copied(), Vec::new(), &mut rig.links, &mut out).is_err());
    assert!(out.is_empty() && !rig.barred.is_denied(many[0]));
    rig.barred.deny(many[1..].iter().copied(), Vec::new(), &mut rig.links, &mut out).unwrap();
    assert!(rig.barred.is_denied(many[1]) && !rig.barred.is_denied(many[0]));
    assert_eq!(rig.barred.allow(&Book::new([0; 32], true, Vec::new()), &mut out).unwrap().len(), MAX_DENIED);
    assert!(!rig.barred.is_denied(many[1]));
}

#[test]
fn a_file_that_fails_is_warned_of_once_and_not_written_again() {
    let mut rig = Rig::new(false);
    rig.memory.inner().1 = true;
    let mut out = Outbox::default();
    let anchor = |n| Anchor { address: v4(n), node: None };
    rig.db.set_anchors(&[anchor(1)], &mut out);
    rig.memory.inner().1 = false;
    rig.db.set_anchors(&[anchor(2)], &mut out);
    assert_eq!(Actions(out.drain().collect()).reports().len(), 1);
    assert!(rig.memory.contents().anchors.is_empty());
    assert_eq!(rig.db.anchors(), [anchor(2), anchor(1)], "memory goes on");
}
