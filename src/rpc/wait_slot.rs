//! Places of calls that wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A place among the waiting calls, given back when it is dropped.
pub(super) struct WaitSlot(Arc<AtomicUsize>);

impl WaitSlot {
    /// One of at most so many places, if there is one.
    pub(super) fn take((taken, most): (&Arc<AtomicUsize>, usize)) -> Option<Self> {
        let more = |count: usize| (count < most).then_some(count + 1);
        let is_free = taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok();
        is_free.then(|| Self(Arc::clone(taken)))
    }
}

impl Drop for WaitSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
