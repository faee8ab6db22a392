//! Sets and maps from iterators.

/// Collects by inserting one item after another. `collect` sorts first, and the compiler generates a sort for each type: two
/// dozen of them are a fortieth of the program. The sets and maps built here are small.
pub fn gather<C: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> C {
    let mut all = C::default();
    all.extend(items);
    all
}
