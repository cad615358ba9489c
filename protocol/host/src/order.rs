//! Links in the order in which they were added, each once.

use std::collections::VecDeque;

/// Links that wait for their turn. Adding one and taking one out look at no other.
pub struct Order {
    links: VecDeque<usize>,
    has: Box<[bool]>,
}

impl Order {
    /// Room for links numbered below `count`: adding them allocates nothing.
    pub fn new(count: usize) -> Self {
        Self { links: VecDeque::with_capacity(count), has: vec![false; count].into() }
    }

    /// Adds a link at the end, if it is not in it.
    pub fn add(&mut self, link: usize) {
        if !std::mem::replace(&mut self.has[link], true) {
            self.links.push_back(link);
        }
    }

    /// Takes the first link out.
    pub fn take_first(&mut self) -> Option<usize> {
        let link = self.links.pop_front()?;
        self.has[link] = false;
        Some(link)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// None is in it.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_in_it_once_and_taken_in_order() {
        let mut order = Order::new(8);
        [5, 2, 5, 7, 2].into_iter().for_each(|link| order.add(link));
        assert_eq!((order.len(), order.take_first()), (3, Some(5)));
        order.add(5);
        let left: Vec<_> = std::iter::from_fn(|| order.take_first()).collect();
        assert_eq!(left, [2, 7, 5]);
        assert!(order.is_empty());
    }
}
