//! A script seen at an instant: how each node of the machine is then.

use super::{Finding, Play};
use crate::draw::map::State;
use crate::script::{Network, Script, Tables, Tree};
use crate::trace::Lines;
use crate::world::World;
use bluegene::partition::{Node, Partition};
use cnode::{Bounds, Full, Small};

/// How nodes are at an instant.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The partition that they are.
    pub partition: Partition,
    /// How each is, by address: compute nodes first.
    pub states: Vec<State>,
    /// When, in virtual microseconds.
    pub at: u64,
}

/// Plays a script up to a time, or to its end; each finding is told as it comes.
pub fn seen(script: &Script, at: Option<u64>, tell: &mut dyn FnMut(&Finding)) -> Result<Seen, String> {
    match script.head.tables {
        Tables::Small => seen_sized::<Small>(script, at, tell),
        Tables::Full => seen_sized::<Full>(script, at, tell),
    }
}

/// The partition that a script's nodes would be, whatever carries their messages.
fn partition(script: &Script) -> Result<Partition, String> {
    let nodes = script.head.nodes;
    let pset = match &script.head.tree {
        Tree::One => Partition::usual_pset(nodes),
        Tree::Pset(pset) => *pset,
        Tree::Levels(_) => {
            return Err("a map is of the machine, which has levels of its own; want pset".into());
        }
    };
    Partition::new(nodes, pset).map_err(|wrong| format!("a map is of the machine: {wrong}"))
}

fn seen_sized<B: Bounds>(
    script: &Script,
    at: Option<u64>,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Seen, String> {
    let partition = partition(script)?;
    let mut play = Play::<B>::new(script, Lines::Dropped, tell)?;
    play.until = at.unwrap_or(u64::MAX);
    if let Err(claim) = play.run() {
        play.breaks("claim", &claim);
    }
    // What a script does is over before, and its world goes on.
    let is_broken = play.broken.is_some();
    if let Some(at) = at.filter(|at| *at > play.world.now() && !is_broken) {
        play.world.run_until(at)?;
    }
    let world = &play.world;
    let compute = partition.all().filter_map(|node| match node {
        Node::Compute(coord) => Some(world.state_of_leaf(match script.head.network {
            Network::Bgp => partition.address(node),
            // Those are counted pset by pset.
            Network::Latency => partition.psid(coord) * partition.pset_size() + partition.pset_place(coord),
        })),
        Node::Io(_) => None,
    });
    let io_nodes = (0..partition.psets()).map(|psid| io_node(world, &partition, psid));
    Ok(Seen { states: compute.chain(io_nodes).collect(), partition, at: world.now() })
}

/// How an I/O node is: as that of its aggregators that is worst off.
fn io_node<B: Bounds>(world: &World<B>, partition: &Partition, psid: u32) -> State {
    let count = partition.pset_aggregators();
    let states = (psid * count..(psid + 1) * count).map(|io| world.state_of_io(io));
    let rank = |state: &State| State::ALL.iter().position(|one| one == state);
    states.max_by_key(rank).unwrap_or(State::Up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse;

    fn seen_at(text: &str, at: Option<u64>) -> Seen {
        let script = parse::script(text).expect("a script");
        let mut broken = Vec::new();
        let seen = seen(&script, at, &mut |finding| broken.extend(finding.broken.clone()));
        assert_eq!(broken, [""; 0]);
        seen.expect("it is played")
    }

    /// Addresses of nodes in that state.
    fn those(seen: &Seen, state: State) -> Vec<usize> {
        let states = seen.states.iter().enumerate();
        states.filter(|(_, one)| **one == state).map(|(address, _)| address).collect()
    }

    #[test]
    fn each_state_is_told_where_it_is_whatever_carries_messages() {
        let script = "boot\nat 1s ann: res 40, exec sleep 9\nat 3s kill node017\nat 3s stop node018\n\
                      at 3s clog node070\nat 3s mute node071\nat 3s kill io03\n";
        let partition = Partition::new(256, 64).expect("a size of the machine");
        let in_row = |leaf: u32| partition.address(Node::Compute(partition.pset_node(leaf / 64, leaf % 64)));
        for network in ["latency", "bgp"] {
            let address = |leaf: u32| (if network == "bgp" { leaf } else { in_row(leaf) }) as usize;
            let text = format!("nodes 256\nnetwork {network}\n{script}");
            let before = seen_at(&text, Some(2_500_000));
            assert_eq!((before.states.len(), before.at), (260, 2_500_000));
            assert_eq!(those(&before, State::Running).len(), 40, "{network}");
            assert_eq!(those(&before, State::Up).len(), 220, "{network}");
            // A silent node is suspect after 1.5 s, and is lost after 3.5 s.
            let after = seen_at(&text, Some(5_000_000));
            assert_eq!(those(&after, State::Stopped), [address(17)], "{network}");
            assert_eq!(those(&after, State::Clogged), [address(69)], "{network}");
            assert_eq!(those(&after, State::Dead), [address(16), 256 + 3], "{network}");
            assert!(those(&after, State::Suspect).contains(&address(70)), "{network}");
            assert_eq!(those(&after, State::Lost).len(), 64, "who has nobody above {network}");
        }
    }

    #[test]
    fn without_a_time_it_is_the_end_and_what_is_no_machine_is_refused() {
        let text = "nodes 16\nboot\nkill node03\nexpect up 15\n";
        let end = seen_at(text, None);
        assert_eq!((those(&end, State::Dead), those(&end, State::Up).len()), (vec![2], 16));
        let later = seen_at(text, Some(60_000_000));
        assert_eq!((later.at, later.states), (60_000_000, end.states));
        for (head, why) in [
            ("nodes 100", "a map is of the machine: a partition of 100 nodes: the nearest are 64 and 128"),
            ("nodes 64\nlevels 4x16", "a map is of the machine, which has levels of its own; want pset"),
        ] {
            let script = parse::script(&format!("{head}\nboot\n")).expect("a script");
            assert_eq!(seen(&script, None, &mut |_| ()).map(|seen| seen.at), Err(why.to_owned()));
        }
    }
}
