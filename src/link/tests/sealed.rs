//! Links with encryption: what happens before their frames, and below them.

use std::sync::Arc;

use tussock_noise::{Key, MAX_MESSAGE_BYTES, Opener, Sealer, TAG_BYTES};

use super::{
    rig::{Peer, THEM},
    *,
};
use crate::{
    base::{ids::NodeId, limits},
    link::{Config, Transport},
    node::{AgreementStep, LinkKeys, Members},
};

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_le_bytes()[..], message].concat()
}

fn sealing(config: &mut Config) {
    config.transport = Transport::Noise;
}

/// The next step of the agreement that the role hears of: the message.
fn step(rig: &Rig) -> (Vec<u8>, Option<Arc<Members>>) {
    match rig.event(RoleId::KeyAgreement) {
        LinkEvent::Agree { step: AgreementStep::Message { message, members }, .. } => (message, members),
        other => panic!("heard {other:?}"),
    }
}

fn agreed(rig: &Rig, link: LinkId, message: Option<Vec<u8>>, keys: bool) {
    let keys = keys.then(|| Box::new(LinkKeys { node: THEM, send: Key([3; 32]), receive: Key([4; 32]) }));
    rig.link(LinkAction::Agreed { link, message, keys });
}

/// A peer whose link is sealed; its keys, and that of the endpoint.
fn accept(rig: &Rig) -> (LinkId, Peer, Sealer, Opener) {
    let (link, mut peer) = rig.try_accept().unwrap();
    assert!(matches!(rig.event(RoleId::Handshake), LinkEvent::Opened { .. }));
    peer.write_bytes(&framed(&[7; 32]));
    assert_eq!(step(rig).0, [7; 32]);
    agreed(rig, link, Some(vec![8; 96]), false);
    assert_eq!(peer.take_bytes(), framed(&[8; 96]));
    peer.write_bytes(&framed(&[9; 64]));
    assert_eq!(step(rig).0, [9; 64]);
    agreed(rig, link, None, true);
    assert_eq!(rig.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
    (link, peer, Sealer::new(Key([4; 32])), Opener::new(Key([3; 32])))
}

fn seal(sealer: &mut Sealer, bytes: &[u8]) -> Vec<u8> {
    let mut message = bytes.to_vec();
    sealer.seal(&mut message, 0);
    framed(&message)
}

#[test]
fn frames_pass_sealed_both_ways_however_the_bytes_are_cut() {
    for piece in [1, 2, 19, 1_000, 100_000] {
        let rig = Rig::with(sealing);
        let (link, mut peer, mut sealer, mut opener) = accept(&rig);
        rig.promote(link);
        let sent = [Message::Block(vec![5; 50_000].into()), Message::GetPeers, Message::Block(vec![6; 9].into())];
        let plain: Vec<u8> = sent.iter().flat_map(|message| Frame::new(message).to_bytes(MAGIC)).collect();
        let bytes: Vec<u8> = plain.chunks(3_000).flat_map(|payload| seal(&mut sealer, payload)).collect();
        bytes.chunks(piece).for_each(|bytes| peer.write_bytes(bytes));
        drop(rig.event(RoleId::Fetch));
        assert_eq!(rig.message(RoleId::Fetch).1, sent[0]);
        assert_eq!(rig.message(RoleId::Fetch).1, sent[2]);
        rig.send(link, &sent[0]);
        let (bytes, mut at, mut opened) = (peer.take_bytes(), 0, Vec::new());
        while at < bytes.len() {
            let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
            assert!(length <= MAX_MESSAGE_BYTES);
            let mut message = bytes[at + 2..at + 2 + length].to_vec();
            let payload = opener.open(&mut message).unwrap();
            opened.extend_from_slice(&message[..payload]);
            at += 2 + length;
        }
        assert_eq!(opened, Frame::new(&sent[0]).to_bytes(MAGIC), "piece {piece}");
        assert_eq!(rig.usage().queued, 0);
    }
}

#[test]
fn a_length_out_of_range_and_a_forged_message_end_the_link() {
    for bytes in [framed(&[]), framed(&[0; TAG_BYTES]), vec![0x01, 0x10], vec![0xff, 0xff], framed(&[7; 40])] {
        let rig = Rig::with(sealing);
        let (link, mut peer, ..) = accept(&rig);
        peer.write_bytes(&bytes);
        assert_eq!(rig.closed(RoleId::Handshake), (link, CloseReason::Fault(PeerFault::Forged)), "{bytes:?}");
    }
}

#[test]
fn half_a_sealed_message_has_the_time_of_a_frame() {
    let rig = Rig::with(sealing);
    let (link, mut peer, mut sealer, _) = accept(&rig);
    let bytes = seal(&mut sealer, &Frame::new(&Message::Verack(1)).to_bytes(MAGIC));
    peer.write_bytes(&bytes[..9]);
    assert_eq!(rig.sleeps(), Some(limits::PARTIAL_FRAME));
    rig.pass(limits::PARTIAL_FRAME.as_secs() - 1);
    peer.write_bytes(&bytes[9..]);
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::Verack(1)));
    rig.pass(limits::PARTIAL_FRAME.as_secs());
    assert_eq!(rig.heard(RoleId::Handshake), 0, "the time is over with the message");
}

#[test]
fn only_members_link_and_a_removed_one_is_gone_at_once() {
    let other = NodeId([5; 32]);
    let members = |nodes: &[NodeId]| Some(Arc::new(nodes.iter().copied().collect::<Members>()));
    let rig = Rig::with(|config| config.members = members(&[THEM, other]));
    let (link, _peer) = rig.accept();
    rig.link(LinkAction::Members(members(&[THEM])));
    assert_eq!(rig.heard(RoleId::Handshake), 0);
    rig.link(LinkAction::Members(members(&[other])));
    assert_eq!(rig.closed(RoleId::Handshake), (link, CloseReason::Local(GoodbyeCode::Operator)));
    let (stranger, mut peer) = rig.try_accept().unwrap();
    drop(rig.event(RoleId::Handshake));
    peer.write_bytes(&THEM.0);
    assert_eq!(rig.closed(RoleId::Handshake), (stranger, CloseReason::Local(GoodbyeCode::Operator)));
}

#[test]
fn the_list_of_members_counts_when_the_keys_are_agreed_on() {
    let list = Some(Arc::new(Members::from([THEM])));
    let rig = Rig::with(|config| {
        sealing(config);
        config.members.clone_from(&list);
    });
    let (link, mut peer) = rig.try_accept().unwrap();
    drop(rig.event(RoleId::Handshake));
    peer.write_bytes(&framed(&[7; 96]));
    assert_eq!(step(&rig), (vec![7; 96], list));
    rig.link(LinkAction::Members(Some(Arc::default())));
    agreed(&rig, link, Some(vec![8; 48]), true);
    assert_eq!(rig.closed(RoleId::Handshake), (link, CloseReason::Local(GoodbyeCode::Operator)));
    assert_eq!(peer.take_bytes(), b"", "a stranger hears nothing");
}

/// The only message of a dialler that knows whom it dials may be a recorded one.
#[test]
fn a_dialler_of_a_member_is_known_once_it_has_sealed_something() {
    let hello = Frame::new(&Message::Verack(1)).to_bytes(MAGIC);
    let [right, wrong] = [4, 5].map(|byte| Some(Key([byte; 32])));
    for (sent, is_early) in [(None, false), (wrong, false), (right.clone(), false), (right, true)] {
        let rig = Rig::with(|config| {
            sealing(config);
            config.members = Some(Arc::new(Members::from([THEM])));
        });
        let (link, mut peer) = rig.try_accept().unwrap();
        drop(rig.event(RoleId::Handshake));
        let sealed = sent.as_ref().map(|key| seal(&mut Sealer::new(key.clone()), &hello)).unwrap_or_default();
        let [early, later]: [&[u8]; 2] = if is_early { [&sealed, &[]] } else { [&[], &sealed] };
        peer.write_bytes(&[&framed(&[7; 96]), early].concat());
        drop(step(&rig));
        agreed(&rig, link, Some(vec![8; 48]), true);
        assert_eq!(rig.heard(RoleId::Handshake), if is_early { 2 } else { 0 });
        peer.write_bytes(later);
        match sent {
            None => assert_eq!(rig.heard(RoleId::Handshake), 0),
            Some(Key(key)) if key == [4; 32] => {
                assert_eq!(rig.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
                assert_eq!(rig.message(RoleId::Handshake), (link, Message::Verack(1)));
            }
            _ => assert_eq!(rig.closed(RoleId::Handshake), (link, fault(PeerFault::Forged))),
        }
    }
}
