//! What is kept of each link.

use crate::base::ids::LinkId;

/// A map from links to what is kept of each, in the order of their ids.
///
/// A sorted list of boxes, since a node has a hundred links at most, and what it keeps of one takes up to a kilobyte. A tree has
/// such values in its nodes, of which half is empty where ids only grow.
#[derive(Clone, Debug)]
pub struct LinkMap<T>(Vec<(LinkId, Box<T>)>);

impl<T> LinkMap<T> {
    /// Adds or replaces.
    pub fn insert(&mut self, link: LinkId, value: T) {
        match self.find(link) {
            Ok(at) => *self.0[at].1 = value,
            Err(at) => self.0.insert(at, (link, Box::new(value))),
        }
    }

    /// What was kept of the link, which is removed.
    pub fn remove(&mut self, link: &LinkId) -> Option<T> {
        self.find(*link).ok().map(|at| *self.0.remove(at).1)
    }

    /// What is kept of the link.
    pub fn get(&self, link: &LinkId) -> Option<&T> {
        self.find(*link).ok().map(|at| self.0[at].1.as_ref())
    }

    /// What is kept of the link, to be changed.
    pub fn get_mut(&mut self, link: &LinkId) -> Option<&mut T> {
        self.find(*link).ok().map(|at| self.0[at].1.as_mut())
    }

    /// Whether something is kept of the link.
    pub fn contains_key(&self, link: &LinkId) -> bool {
        self.find(*link).is_ok()
    }

    /// Number of links.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no link.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All links, by ascending ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (LinkId, &T)> + Clone {
        self.0.iter().map(|(link, value)| (*link, value.as_ref()))
    }

    /// All links, by ascending ids, to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (LinkId, &mut T)> {
        self.0.iter_mut().map(|(link, value)| (*link, value.as_mut()))
    }

    /// All ids, ascending.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = LinkId> + Clone {
        self.0.iter().map(|(link, _)| *link)
    }

    /// What is kept of each link, by ascending ids.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// What is kept of each link, by ascending ids, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Where the link is, or where it would be. New links have the highest ids.
    fn find(&self, link: LinkId) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if *last < link => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&link, |(other, _)| *other),
        }
    }
}

impl<T> Default for LinkMap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_changed_and_removed_and_stay_in_the_order_of_their_ids() {
        let mut map = LinkMap::default();
        assert!(map.is_empty() && map.get(&LinkId(1)).is_none() && map.remove(&LinkId(1)).is_none());
        for link in [3, 9, 5, 1, 9] {
            map.insert(LinkId(link), link * 10);
        }
        *map.get_mut(&LinkId(5)).unwrap() += 1;
        assert_eq!(map.remove(&LinkId(3)), Some(30));
        assert_eq!(map.iter().collect::<Vec<_>>(), [(LinkId(1), &10), (LinkId(5), &51), (LinkId(9), &90)]);
        map.values_mut().for_each(|value| *value -= 1);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [9, 50, 89]);
        assert!(map.contains_key(&LinkId(9)) && !map.contains_key(&LinkId(3)) && map.get_mut(&LinkId(10)).is_none());
        assert_eq!((map.len(), map.keys().last()), (3, Some(LinkId(9))));
    }
}
