//! The levels of a partition: which aggregators there are, and who is below whom.

use bluegene::parameters::AGGREGATOR_CHILDREN;
use bluegene::partition::{Node, Partition};
use std::fmt::Write;

/// Who is below whom. Aggregators are numbered from the lowest level up: the last one is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The aggregator above each compute node.
    leaves: Vec<u32>,
    /// The number of the first aggregator of each level, and of the root behind them.
    firsts: Vec<u32>,
    /// Children of an aggregator of each level above the lowest, at most.
    fans: Vec<u32>,
}

impl Levels {
    /// Nodes in a row, `fan` below each aggregator and `fan` aggregators below each above.
    pub fn even(nodes: u32, fan: u32) -> Self {
        Self::above((0..nodes).map(|node| node / fan).collect(), |_| fan)
    }

    /// Nodes in a row, `pset` below each lowest aggregator; above, as many as an aggregator may have.
    pub fn psets(nodes: u32, pset: u32) -> Self {
        Self::above((0..nodes).map(|node| node / pset).collect(), |_| AGGREGATOR_CHILDREN)
    }

    /// Nodes in a row, below aggregators that have so many children, from the top down.
    pub fn tall(nodes: u32, children: &[u32]) -> Self {
        let (lowest, above) = children.split_last().map_or((AGGREGATOR_CHILDREN, &[][..]), |(l, a)| (*l, a));
        let fan = |level: usize| above.iter().rev().nth(level).copied().unwrap_or(AGGREGATOR_CHILDREN);
        Self::above((0..nodes).map(|node| node / lowest).collect(), fan)
    }

    /// The nodes of a partition by rank, below the aggregators of their psets.
    pub fn of(partition: &Partition) -> Self {
        let aggregator = |node| match node {
            Node::Compute(coord) => {
                Some(partition.psid(coord) * partition.pset_aggregators() + partition.aggregator(coord))
            }
            Node::Io(_) => None,
        };
        Self::above(partition.all().filter_map(aggregator).collect(), |_| AGGREGATOR_CHILDREN)
    }

    fn above(leaves: Vec<u32>, fan: impl Fn(usize) -> u32) -> Self {
        let (mut firsts, mut fans) = (vec![0], Vec::new());
        let mut count = leaves.iter().max().map_or(1, |last| last + 1);
        let mut next = count;
        while count > 1 {
            firsts.push(next);
            fans.push(fan(fans.len()));
            count = count.div_ceil(fans[fans.len() - 1].max(2));
            next += count;
        }
        firsts.push(next - 1);
        firsts.dedup();
        Self { leaves, firsts, fans }
    }

    /// Compute nodes.
    pub fn nodes(&self) -> usize {
        self.leaves.len()
    }

    /// Aggregators of all levels.
    pub fn aggregators(&self) -> u32 {
        self.root() + 1
    }

    /// The aggregator that clients talk to.
    pub fn root(&self) -> u32 {
        self.firsts.last().copied().unwrap_or(0)
    }

    /// Levels of aggregators.
    pub fn height(&self) -> usize {
        self.firsts.len()
    }

    /// The level of an aggregator, 0 for the lowest.
    pub fn level(&self, aggregator: u32) -> usize {
        self.firsts.partition_point(|first| *first <= aggregator) - 1
    }

    /// Aggregators of a level.
    pub fn on(&self, level: usize) -> std::ops::Range<u32> {
        let end = self.firsts.get(level + 1).copied().unwrap_or(self.aggregators());
        self.firsts[level]..end
    }

    /// The aggregator above a compute node.
    pub fn above_leaf(&self, leaf: u32) -> u32 {
        self.leaves[leaf as usize]
    }

    /// The aggregator above another; the root has none.
    pub fn above_io(&self, aggregator: u32) -> Option<u32> {
        let level = self.level(aggregator);
        let nth = aggregator - self.firsts[level];
        self.firsts.get(level + 1).map(|first| first + nth / self.fans[level].max(2))
    }

    /// The names on the way from the root to a compute node, which is the last.
    pub fn path_to(&self, leaf: u32) -> Vec<String> {
        let mut names = self.path_to_io(self.above_leaf(leaf));
        names.push(self.name_of_leaf(leaf));
        names
    }

    /// The names on the way from the root to an aggregator, which is the last; none to the root itself.
    pub fn path_to_io(&self, aggregator: u32) -> Vec<String> {
        let (mut names, mut io) = (Vec::new(), aggregator);
        while let Some(above) = self.above_io(io) {
            names.push(self.name_of_io(io));
            io = above;
        }
        names.reverse();
        names
    }

    /// The compute nodes below an aggregator, at any level below it.
    pub fn leaves_below(&self, aggregator: u32) -> impl Iterator<Item = u32> + '_ {
        (0..self.leaves.len() as u32).filter(move |leaf| self.is_below(*leaf, aggregator))
    }

    /// A compute node is below that aggregator, at any level.
    pub fn is_below(&self, leaf: u32, aggregator: u32) -> bool {
        let mut above = Some(self.above_leaf(leaf));
        while let Some(other) = above.filter(|other| *other < aggregator) {
            above = self.above_io(other);
        }
        above == Some(aggregator)
    }

    /// The name of a compute node: `node01`, as many digits as the last one's, two at least.
    pub fn name_of_leaf(&self, leaf: u32) -> String {
        let width = self.leaves.len().to_string().len().max(2);
        format!("node{:0width$}", leaf + 1)
    }

    /// The compute node of that name.
    pub fn leaf_named(&self, name: &str) -> Option<u32> {
        let number: u32 = name.strip_prefix("node")?.parse().ok()?;
        let leaf = number.checked_sub(1).filter(|leaf| (*leaf as usize) < self.leaves.len())?;
        (self.name_of_leaf(leaf) == name).then_some(leaf)
    }

    /// The name of an aggregator: `io` alone, or `io000`, `hub00` above those, `hub00b` above these; `top`.
    pub fn name_of_io(&self, aggregator: u32) -> String {
        if self.height() == 1 {
            return "io".to_owned();
        }
        if aggregator == self.root() {
            return "top".to_owned();
        }
        let level = self.level(aggregator);
        let (range, prefix) = (self.on(level), if level == 0 { "io" } else { "hub" });
        let width = (range.len() - 1).to_string().len().max(2);
        let mut name = format!("{prefix}{:0width$}", aggregator - range.start);
        if level > 1 {
            // Of hubs of hubs there are never many.
            let told = name.write_char((b'a' + level as u8 - 1) as char);
            debug_assert!(told.is_ok(), "a string takes all");
        }
        name
    }

    /// The names that there are, for those who want one.
    pub fn names(&self) -> String {
        let ends =
            |first: String, last: String| if first == last { first } else { format!("{first} to {last}") };
        let last = self.nodes() as u32 - 1;
        let of_levels = (0..self.height()).map(|level| {
            let on = self.on(level);
            ends(self.name_of_io(on.start), self.name_of_io(on.end - 1))
        });
        let of_levels: Vec<String> = of_levels.collect();
        format!("{}, {}", ends(self.name_of_leaf(0), self.name_of_leaf(last)), of_levels.join(", "))
    }

    /// The aggregator of that name.
    pub fn io_named(&self, name: &str) -> Option<u32> {
        (0..self.aggregators()).find(|aggregator| self.name_of_io(*aggregator) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intrepid_has_640_10_and_1_aggregators() {
        let partition = Partition::new(40_960, 64).expect("a size of the machine");
        let levels = Levels::of(&partition);
        assert_eq!((levels.nodes(), levels.height()), (40_960, 3));
        assert_eq!([0, 1, 2].map(|level| levels.on(level)), [0..640, 640..650, 650..651]);
        assert_eq!(
            (levels.above_io(0), levels.above_io(639), levels.above_io(650)),
            (Some(640), Some(649), None)
        );
        assert_eq!((levels.name_of_io(7).as_str(), levels.name_of_io(650).as_str()), ("io007", "top"));
        assert_eq!(levels.leaves_below(641).count(), 64 * 64);
        assert!(levels.leaves_below(3).all(|leaf| levels.above_leaf(leaf) == 3));
    }

    #[test]
    fn a_machine_has_the_same_aggregators_in_either_order() {
        for (nodes, pset) in [(40_960, 64), (1024, 16), (1024, 128), (16, 16)] {
            let partition = Partition::new(nodes, pset).expect("a size of the machine");
            let (by_rank, by_pset) = (Levels::of(&partition), Levels::psets(nodes, pset.min(64)));
            assert_eq!(
                (by_rank.nodes(), &by_rank.firsts),
                (by_pset.nodes(), &by_pset.firsts),
                "{nodes} {pset}"
            );
            let below = |levels: &Levels| levels.leaves_below(0).count();
            assert_eq!(below(&by_rank), below(&by_pset), "{nodes} {pset}");
        }
    }

    #[test]
    fn one_aggregator_is_the_root_and_is_called_io() {
        let levels = Levels::even(64, 64);
        assert_eq!((levels.aggregators(), levels.height(), levels.root()), (1, 1, 0));
        assert_eq!((levels.name_of_io(0), levels.above_io(0)), ("io".to_owned(), None));
    }

    #[test]
    fn a_name_has_the_digits_that_the_last_of_its_kind_needs_and_two_at_least() {
        let names = |nodes| Levels::even(nodes, 64).names();
        assert_eq!(names(1), "node01, io");
        assert_eq!(names(64), "node01 to node64, io");
        assert_eq!(names(512), "node001 to node512, io00 to io07, top");
        assert_eq!(names(40_960), "node00001 to node40960, io000 to io639, hub00 to hub09, top");
        assert_eq!(
            Levels::tall(16, &[2, 2, 2, 2]).names(),
            "node01 to node16, io00 to io07, hub00 to hub03, hub00b to hub01b, top"
        );
    }

    #[test]
    fn names_lead_back_to_whom_they_name() {
        for nodes in [1, 64, 65, 4096, 300_000] {
            let levels = Levels::even(nodes, 64);
            for leaf in [0, nodes / 2, nodes - 1] {
                assert_eq!(levels.leaf_named(&levels.name_of_leaf(leaf)), Some(leaf));
            }
            for io in [0, levels.root() / 2, levels.root()] {
                assert_eq!(levels.io_named(&levels.name_of_io(io)), Some(io));
            }
            assert_eq!((levels.io_named("io0"), levels.io_named("io0000000")), (None, None));
            assert_eq!((levels.leaf_named("node0"), levels.leaf_named("node0000001")), (None, None));
        }
    }
}
