//! What is recalled of the machine without a text: told beside ours, and nothing depends on it.

use super::tree::run;
use super::{Gate, Row, Setup};
use crate::net::barrier::Barrier;
use crate::net::tree::Tree;
use crate::parameters::{BARRIER_NS, NODES_MAX, TREE_TRAVERSAL_NS};
use crate::queue::Queue;

const RECALLED: Gate = Gate::Printed("recalled: no text was found");

/// The rung.
pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let way = setup.fcnp.hop * u64::from(NODES_MAX.ilog2()) + setup.fcnp.packet;
    let barrier = Barrier::new(NODES_MAX);
    let us = |ns: u64| ns as f64 / 1000.0;
    let row = |rung, what: &str, unit, both| Row::number(rung, what, unit, both, RECALLED);
    vec![
        row("V16", "tree of 72 racks, one way", "us", (us(TREE_TRAVERSAL_NS), way.seconds() * 1e6)),
        row("V17", "barrier signal to 72 racks", "us", (us(BARRIER_NS), barrier.one_way().seconds() * 1e6)),
        row("V17", "barrier, up and down, as MPI has it", "us", (1.3, barrier.one_way().seconds() * 2e6)),
        row("V18", "broadcast of 1 MiB to 64 nodes", "MB/s", (817.0, broadcast(setup))),
    ]
}

/// Megabytes a second of a long message to a pset.
fn broadcast(setup: &Setup) -> f64 {
    let (mut tree, mut queue) = (Tree::new(64, setup.fcnp), Queue::default());
    tree.broadcast(&mut queue, 0, 1 << 20);
    let last = run(&mut tree, &mut queue).last().map(|(at, _)| at.seconds());
    f64::from(1 << 20) / last.unwrap_or(f64::NAN) / 1e6
}
