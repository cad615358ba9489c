//! Linux on the collective network: each packet is work for a core (S3, S7).

use super::{Gate, Row, Setup, mbps};
use crate::net::tree::{Delivery, Timing, Tree};
use crate::queue::Queue;
use crate::time::Ps;

/// Runs a tree until nothing is to come: what was delivered, and when.
pub(super) fn run(tree: &mut Tree, queue: &mut Queue<crate::net::tree::TreeEvent>) -> Vec<(Ps, Delivery)> {
    let mut delivered = Vec::new();
    while let Some(event) = queue.pop(Ps(u64::MAX)) {
        tree.handle(queue, event);
        delivered.extend(std::iter::from_fn(|| tree.poll_delivery()).map(|told| (queue.now(), told)));
    }
    delivered
}

/// Bytes of a packet of IP that Linux's figure is of.
const MTU: u32 = 9000;

/// The rung.
pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let rate = |is_up| {
        Row::number(
            "V8",
            format!("Linux, IP of 9,000 bytes, {}", if is_up { "up" } else { "down" }),
            "Mb/s",
            (4325.0, stream(setup.linux, is_up)),
            Gate::Within(2.0),
        )
    };
    let cpu = |what: &str, published, is_all| {
        let ours = fan_out(setup.linux, is_all).seconds() * 1e6;
        Row::number("D", what, "us", (published, ours), Gate::Within(2.0))
    };
    vec![
        rate(false),
        rate(true),
        cpu("I/O node's core for 240 bytes to 64, one by one", 28.0, false),
        cpu("the same by a broadcast", 0.438, true),
    ]
}

/// Megabits a second of many such packets behind each other.
fn stream(timing: Timing, is_up: bool) -> f64 {
    const COUNT: u32 = 200;
    let (mut tree, mut queue) = (Tree::new(16, timing), Queue::default());
    for message in 0..COUNT {
        if is_up {
            tree.up(&mut queue, 0, message, MTU);
        } else {
            tree.down(&mut queue, 0, message, MTU);
        }
    }
    let delivered = run(&mut tree, &mut queue);
    let (Some((first, _)), Some((last, _))) = (delivered.first(), delivered.last()) else { return f64::NAN };
    mbps(u64::from(MTU) * u64::from(COUNT - 1), *last - *first)
}

/// Core time of the I/O node for one message of a packet to each of 64 nodes.
fn fan_out(timing: Timing, is_all: bool) -> Ps {
    let (mut tree, mut queue) = (Tree::new(64, timing), Queue::default());
    if is_all {
        tree.broadcast(&mut queue, 0, timing.payload);
    } else {
        (0..64).for_each(|rank| tree.down(&mut queue, rank, 0, timing.payload));
    }
    run(&mut tree, &mut queue);
    timing.inject * tree.counters().injected
}
