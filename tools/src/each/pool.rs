//! Nodes and their slots: who is up, and where the next task goes.

use super::attempt::Seat;
use super::source::Task;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// How long a node that had no room for a task is let be.
const REST: Duration = Duration::from_millis(250);

struct Node {
    name: String,
    slots: usize,
    busy: usize,
    is_up: bool,
    rests_until: Option<Instant>,
}

/// All nodes, by number.
#[derive(Default)]
pub(crate) struct Pool {
    nodes: Vec<Node>,
    /// Slots that are free; the lowest is given first.
    free: BinaryHeap<Reverse<usize>>,
}

impl Pool {
    /// Adds a node that is up.
    pub(crate) fn add(&mut self, name: &str, slots: usize) {
        let count = self.slots();
        self.free.extend((count + 1..=count + slots).map(Reverse));
        self.nodes.push(Node { name: name.to_owned(), slots, busy: 0, is_up: true, rests_until: None });
    }

    /// Slots of all nodes.
    pub(crate) fn slots(&self) -> usize {
        self.nodes.iter().map(|node| node.slots).sum()
    }

    /// A slot is free, on whatever node.
    pub(crate) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// Some are not up.
    pub(crate) fn has_lost(&self) -> bool {
        self.nodes.iter().any(|node| !node.is_up)
    }

    /// None is up.
    pub(crate) fn is_lost(&self) -> bool {
        self.nodes.iter().all(|node| !node.is_up)
    }

    /// A free slot for a task, on the least busy node; on another than where it failed, if there is one.
    pub(crate) fn take(&mut self, task: &Task, now: Instant) -> Option<Seat> {
        let others = self.nodes.iter().enumerate().any(|(at, node)| node.is_up && Some(at) != task.avoid);
        let fits = |(at, node): &(usize, &Node)| {
            let rests = node.rests_until.is_some_and(|until| until > now);
            node.is_up && !rests && node.busy < node.slots && !(others && task.avoid == Some(*at))
        };
        let load = |node: &Node| (node.busy * 1024 / node.slots, Reverse(node.slots));
        let (at, _) = self.nodes.iter().enumerate().filter(fits).min_by_key(|(_, node)| load(node))?;
        let Reverse(slot) = self.free.pop()?;
        self.nodes[at].busy += 1;
        Some(Seat { node: at, name: self.nodes[at].name.clone(), slot })
    }

    /// Gives a slot back.
    pub(crate) fn give_back(&mut self, seat: &Seat) {
        self.nodes[seat.node].busy -= 1;
        self.free.push(Reverse(seat.slot));
    }

    /// A node went away: it gets no task until it is seen again.
    pub(crate) fn lose(&mut self, node: usize) {
        self.nodes[node].is_up = false;
    }

    /// A node had no room.
    pub(crate) fn rest(&mut self, node: usize, now: Instant) {
        self.nodes[node].rests_until = Some(now + REST);
    }

    /// When a node that was let be is asked again.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.nodes.iter().filter_map(|node| node.rests_until).filter(|until| *until > now).min()
    }

    /// Nodes that were lost and are up get tasks again.
    pub(crate) fn find_again(&mut self, is_up: impl Fn(&str) -> bool) {
        for node in self.nodes.iter_mut().filter(|node| !node.is_up) {
            node.is_up = is_up(&node.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(avoid: Option<usize>) -> Task {
        Task { seq: 1, values: Vec::new(), failures: 0, losses: 0, refusals: 0, avoid }
    }

    #[test]
    fn the_least_busy_node_is_next_and_slots_are_numbered_over_all() {
        let mut pool = Pool::default();
        pool.add("a", 1);
        pool.add("b", 2);
        let now = Instant::now();
        let mut seats = Vec::new();
        while let Some(seat) = pool.take(&task(None), now) {
            seats.push(seat);
        }
        let told: Vec<_> = seats.iter().map(|seat| (seat.name.as_str(), seat.slot)).collect();
        assert_eq!(told, [("b", 1), ("a", 2), ("b", 3)]);
        pool.give_back(&seats[1]);
        assert_eq!(pool.take(&task(None), now).map(|seat| (seat.node, seat.slot)), Some((0, 2)));
    }

    #[test]
    fn a_node_that_is_lost_or_rests_gets_nothing() {
        let mut pool = Pool::default();
        pool.add("a", 1);
        pool.add("b", 1);
        let now = Instant::now();
        pool.lose(1);
        pool.rest(0, now);
        assert!(pool.take(&task(None), now).is_none() && pool.due(now) == Some(now + REST));
        assert_eq!(pool.take(&task(None), now + REST).map(|seat| seat.node), Some(0));
        pool.find_again(|name| name == "b");
        assert_eq!(pool.take(&task(None), now).map(|seat| seat.node), Some(1));
    }

    #[test]
    fn a_task_that_failed_waits_for_another_node_if_there_is_one() {
        let mut pool = Pool::default();
        pool.add("a", 2);
        assert!(pool.take(&task(Some(0)), Instant::now()).is_some());
        pool.add("b", 1);
        assert_eq!(pool.take(&task(Some(0)), Instant::now()).map(|seat| seat.node), Some(1));
        assert!(pool.take(&task(Some(0)), Instant::now()).is_none());
    }
}
