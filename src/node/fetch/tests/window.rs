//! The window, step by step.

use crate::{
    base::{hash::Hash, ids::LinkId, limits::FETCH_WINDOW, time::Time},
    node::fetch::window::Window,
};

fn hash(n: u8) -> Hash {
    Hash([n; 32])
}

fn window(count: u8) -> Window {
    let mut window = Window::default();
    window.replace(0, (1..=count).map(hash).collect());
    window
}

#[test]
fn it_moves_up_only_over_what_is_taken() {
    let mut window = window(5);
    assert!(window.arrive(1, 10) && window.arrive(2, 20));
    assert!(!window.arrive(2, 20), "twice is once");
    assert_eq!((window.base(), window.held(), window.lowest_missing()), (1, 30, Some(3)));
    window.take(&hash(2));
    assert_eq!((window.base(), window.held()), (1, 10));
    window.take(&hash(1));
    assert_eq!((window.base(), window.held(), window.missing()), (3, 0, 3));
}

#[test]
fn a_reorganisation_drops_what_is_above_the_fork_and_can_reach_below_the_base() {
    let mut window = window(5);
    window.arrive(4, 10);
    window.replace(2, vec![hash(13), hash(14)]);
    assert_eq!((window.height_of(&hash(4)), window.height_of(&hash(14)), window.held()), (None, Some(4), 0));
    assert_eq!(window.to_ask().collect::<Vec<_>>(), [1, 2, 3, 4]);
    (1..=2).for_each(|n| window.take(&hash(n)));
    window.replace(0, vec![hash(21), hash(22)]);
    assert_eq!(window.to_ask().collect::<Vec<_>>(), [1, 2]);
    window.replace(9, vec![hash(30)]);
    assert_eq!(window.to_ask().collect::<Vec<_>>(), [10], "the ledger has what is between");
}

#[test]
fn only_the_window_is_asked_for() {
    let mut window = Window::default();
    let hashes = (0..3000u32).map(|n| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        Hash(bytes)
    });
    let hashes: Vec<Hash> = hashes.collect();
    window.replace(0, hashes.clone());
    assert_eq!(window.to_ask().count(), FETCH_WINDOW);
    window.arrive(1, 1);
    assert_eq!(
        window.to_ask().last(),
        Some(FETCH_WINDOW as u32),
        "it does not move before the ledger takes the lowest"
    );
    window.take(&hashes[0]);
    assert_eq!(window.to_ask().last(), Some(FETCH_WINDOW as u32 + 1));
}

#[test]
fn a_block_that_nobody_has_pauses_and_resumes() {
    let mut window = window(2);
    window.asked(1, LinkId(1));
    window.in_vain(&hash(1), LinkId(1), Some(Time(40)));
    window.pause(1, Time(50));
    assert_eq!(
        (window.to_ask().next(), window.lowest_missing(), window.next_resume()),
        (Some(2), Some(1), Some(Time(50)))
    );
    window.resume(Time(49), false);
    assert_eq!(window.to_ask().next(), Some(2));
    window.resume(Time(50), false);
    assert_eq!(window.to_ask().next(), Some(1));
    assert!(window.slot(1).unwrap().absent.is_empty() && window.slot(1).unwrap().tried == [LinkId(1)]);
}
