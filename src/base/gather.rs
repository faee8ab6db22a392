//! Sets and maps from iterators.

/// Collects by inserting one item after the other. `collect` would sort first, with a sort made for each type: two dozen
/// of those are a fortieth of the program, and what is gathered here is small.
pub fn gather<C: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}
