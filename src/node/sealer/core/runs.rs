//! Views in runs without gaps: as many as there are gaps take memory, not as many as there are views.

use std::collections::BTreeMap;

/// Runs that are kept; of too many the lowest goes. Gaps are views that nothing proves, and there are few of them at once.
const MOST: usize = 1024;

/// A set of views.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// From the first view of each run to its last.
    runs: BTreeMap<u64, u64>,
}

impl Runs {
    /// Adds a view.
    pub(super) fn insert(&mut self, view: u64) {
        if self.contains(view) {
            return;
        }
        let before = self.runs.range(..view).next_back().filter(|(_, last)| last.checked_add(1) == Some(view));
        let first = before.map_or(view, |(first, _)| *first);
        let last = view.checked_add(1).and_then(|next| self.runs.remove(&next)).unwrap_or(view);
        self.runs.insert(first, last);
        if self.runs.len() > MOST {
            self.runs.pop_first();
        }
    }

    pub(super) fn contains(&self, view: u64) -> bool {
        self.runs.range(..=view).next_back().is_some_and(|(_, last)| view <= *last)
    }

    /// How many there are from this view on and before that one.
    pub(super) fn count(&self, from: u64, to: u64) -> u64 {
        let part = |(first, last): (&u64, &u64)| last.saturating_add(1).min(to).saturating_sub(from.max(*first));
        self.runs.range(..to).map(part).sum()
    }

    /// The first view from this one on that is not in it.
    pub(super) fn end_of(&self, from: u64) -> u64 {
        let run = self.runs.range(..=from).next_back().filter(|(_, last)| from <= **last);
        run.map_or(from, |(_, last)| last.saturating_add(1))
    }

    /// The highest view; 0 if there is none.
    pub(super) fn last(&self) -> u64 {
        self.runs.last_key_value().map_or(0, |(_, last)| *last)
    }

    /// Forgets views up to this one.
    pub(super) fn forget_up_to(&mut self, view: u64) {
        let Some(next) = view.checked_add(1) else { return self.runs.clear() };
        let above = self.runs.split_off(&next);
        let cut = self.runs.last_key_value().map(|(_, last)| *last).filter(|last| *last >= next);
        self.runs = above;
        self.runs.extend(cut.map(|last| (next, last)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_the_set_of_the_views_that_were_added() {
        let (mut runs, mut views, mut number) = (Runs::default(), BTreeSet::new(), 1u64);
        for step in 0..400 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let view = (number >> 33) % 90;
            runs.insert(view);
            views.insert(view);
            if step % 40 == 39 {
                runs.forget_up_to(view / 2);
                views = views.split_off(&(view / 2 + 1));
            }
            assert!((0..95).all(|at| runs.contains(at) == views.contains(&at)), "{step}");
            for from in (0..95).step_by(7) {
                assert_eq!(runs.count(from, 60), views.range(from..60.max(from)).count() as u64, "{step}: {from}");
                assert_eq!(runs.end_of(from), (from..).find(|at| !views.contains(at)).unwrap());
            }
            assert_eq!(runs.last(), views.last().copied().unwrap_or(0));
        }
        assert!(runs.runs.len() < 40, "{}", runs.runs.len());
    }

    #[test]
    fn so_many_gaps_are_kept_and_the_highest_view_is_a_view() {
        let mut runs = Runs::default();
        (0..5_000).for_each(|at| runs.insert(2 * at));
        assert!(runs.runs.len() == MOST && runs.contains(9_998) && !runs.contains(0));
        runs.insert(u64::MAX);
        assert_eq!((runs.contains(u64::MAX), runs.last(), runs.end_of(u64::MAX)), (true, u64::MAX, u64::MAX));
        runs.forget_up_to(u64::MAX);
        assert_eq!(runs.last(), 0);
    }
}
