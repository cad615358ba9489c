//! The numbers that the kernel knows files by, each for a path: no file is held open for one.

use std::collections::{BTreeMap, HashMap};

/// The number of the root.
pub(crate) const ROOT: u64 = 1;

/// A file that the kernel has looked up.
#[derive(Debug)]
pub(crate) struct Node {
    /// Names from the root, with a `/` between them.
    pub(crate) path: String,
    /// What was there: another file by that path is another node.
    pub(crate) qid_path: u64,
    /// Lookups that the kernel has not forgotten.
    lookups: u64,
}

/// All that the kernel remembers.
#[derive(Debug)]
pub(crate) struct Nodes {
    nodes: BTreeMap<u64, Node>,
    numbers: HashMap<(String, u64), u64>,
    /// No number is used twice.
    next: u64,
}

impl Default for Nodes {
    fn default() -> Self {
        Self { nodes: BTreeMap::new(), numbers: HashMap::new(), next: ROOT + 1 }
    }
}

/// A path with one name more.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

impl Nodes {
    /// A node's path, and its file if it is known.
    pub(crate) fn find(&self, number: u64) -> Option<(&str, Option<u64>)> {
        if number == ROOT {
            return Some(("", None));
        }
        self.nodes.get(&number).map(|node| (node.path.as_str(), Some(node.qid_path)))
    }

    /// The number of the file at this path, looked up once more: the same as before, or a new one for each.
    ///
    /// The kernel lets one process at a time write to a node, or open it to truncate it; the others wait,
    /// and cannot be killed. So what may be written to, and may wait for a reader, is a node each time.
    pub(crate) fn look_up(&mut self, path: String, qid_path: u64, is_shared: bool) -> u64 {
        if path.is_empty() {
            return ROOT;
        }
        let known = self.numbers.get(&(path.clone(), qid_path)).filter(|_| is_shared);
        let number = known.copied().unwrap_or(self.next);
        if number == self.next {
            self.next += 1;
            if is_shared {
                self.numbers.insert((path.clone(), qid_path), number);
            }
        }
        self.nodes.entry(number).or_insert(Node { path, qid_path, lookups: 0 }).lookups += 1;
        number
    }

    /// The kernel has forgotten so many lookups of a node.
    pub(crate) fn forget(&mut self, number: u64, lookups: u64) {
        let Some(node) = self.nodes.get_mut(&number) else { return };
        node.lookups = node.lookups.saturating_sub(lookups);
        if node.lookups == 0
            && let Some(node) = self.nodes.remove(&number)
        {
            let key = (node.path, node.qid_path);
            if self.numbers.get(&key) == Some(&number) {
                self.numbers.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_lives_until_all_its_lookups_are_forgotten() {
        let mut nodes = Nodes::default();
        let net = nodes.look_up(join("", "net"), 9, true);
        let node = nodes.look_up(join("net", "node01"), 10, true);
        assert_eq!(nodes.look_up("net/node01".to_owned(), 10, true), node);
        assert_eq!(nodes.find(node), Some(("net/node01", Some(10))));
        nodes.forget(net, 1);
        nodes.forget(node, 1);
        assert_eq!((nodes.find(net), nodes.find(node).is_some()), (None, true));
        nodes.forget(node, 1);
        assert_eq!(nodes.find(node), None);
        assert_ne!(nodes.look_up("net/node01".to_owned(), 10, true), node, "no number is used twice");
        assert_eq!((nodes.nodes.len(), nodes.numbers.len()), (1, 1));
    }

    #[test]
    fn another_file_by_the_same_path_is_another_node() {
        let mut nodes = Nodes::default();
        let mut job = |qid_path| nodes.look_up("job".to_owned(), qid_path, true);
        assert_ne!(job(1), job(2));
        assert_eq!(nodes.find(ROOT), Some(("", None)));
    }

    #[test]
    fn what_may_be_written_to_is_a_node_each_time() {
        let mut nodes = Nodes::default();
        let mut ctl = || nodes.look_up("job/ctl".to_owned(), 1, false);
        let (one, other) = (ctl(), ctl());
        assert_ne!(one, other);
        nodes.forget(one, 1);
        assert_eq!((nodes.find(one), nodes.find(other)), (None, Some(("job/ctl", Some(1)))));
        nodes.forget(other, 1);
        assert!(nodes.nodes.is_empty() && nodes.numbers.is_empty());
    }
}
