//! The global interrupt network: four channels on which all nodes of a partition agree in a microsecond.
//!
//! A channel is armed as AND, which fires when every node has raised it, or as OR, which fires when one has.
//! The signal goes up to the top of its tree and down again; the hardware has no addresses and no data.

use crate::parameters::{BARRIER_CHANNELS, BARRIER_NS, NODES_MAX};
use crate::queue::Schedule;
use crate::time::Ps;
use std::collections::VecDeque;

/// What comes next on it: a channel fires at all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierEvent {
    channel: u8,
    /// Which of the channel's: one that was armed anew meanwhile does not come.
    round: u32,
}

/// What fires a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every node has raised it: a barrier.
    #[default]
    And,
    /// One node has: an alarm.
    Or,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    mode: Mode,
    round: u32,
    /// Nodes that have raised it, a bit each.
    raised: Vec<u64>,
    count: u32,
    is_firing: bool,
}

/// The network of a partition.
#[derive(Clone, Debug)]
pub struct Barrier {
    nodes: u32,
    channels: [Channel; BARRIER_CHANNELS as usize],
    fired: VecDeque<u8>,
}

impl Barrier {
    /// One of so many nodes; all channels are armed as AND.
    pub fn new(nodes: u32) -> Self {
        let raised = vec![0; nodes.div_ceil(64) as usize];
        let channel = || Channel { raised: raised.clone(), ..Channel::default() };
        Self { nodes, channels: [(); BARRIER_CHANNELS as usize].map(|()| channel()), fired: VecDeque::new() }
    }

    /// What a signal takes from a node to the top, or from there to all: as many levels as its tree has, of
    /// which the 16 of 72 racks take 0.65 us (mem).
    pub fn one_way(&self) -> Ps {
        let levels = |nodes: u32| u64::from(nodes.max(2).ilog2());
        Ps(BARRIER_NS * 1000 * levels(self.nodes) / levels(NODES_MAX))
    }

    /// Arms a channel anew: nobody has raised it.
    pub fn arm(&mut self, channel: u8, mode: Mode) {
        let of = &mut self.channels[usize::from(channel)];
        of.raised.fill(0);
        (of.mode, of.count, of.is_firing, of.round) = (mode, 0, false, of.round + 1);
    }

    /// A node raises a channel. Once is enough: more until it fires are the same.
    ///
    /// # Panics
    /// If there is no such node or channel.
    pub fn raise(&mut self, q: &mut impl Schedule<BarrierEvent>, channel: u8, node: u32) {
        assert!(node < self.nodes, "the partition has that node");
        let way = self.one_way();
        let of = &mut self.channels[usize::from(channel)];
        let (word, bit) = (&mut of.raised[node as usize / 64], 1 << (node % 64));
        if *word & bit == 0 {
            *word |= bit;
            of.count += 1;
        }
        let wants = if of.mode == Mode::And { self.nodes } else { 1 };
        if of.count >= wants && !of.is_firing {
            of.is_firing = true;
            q.after(way * 2, BarrierEvent { channel, round: of.round });
        }
    }

    /// An event has come.
    pub fn handle(&mut self, event: BarrierEvent) {
        let of = &mut self.channels[usize::from(event.channel)];
        if of.round == event.round {
            self.fired.push_back(event.channel);
            let mode = of.mode;
            self.arm(event.channel, mode);
        }
    }

    /// The next channel that fired, at all nodes; it is armed again as it was.
    pub fn poll_fired(&mut self) -> Option<u8> {
        self.fired.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Queue;

    /// The channels that fire until nothing is to come, and when.
    fn run(barrier: &mut Barrier, queue: &mut Queue<BarrierEvent>) -> Vec<(Ps, u8)> {
        let mut fired = Vec::new();
        while let Some(event) = queue.pop(Ps(u64::MAX)) {
            barrier.handle(event);
            fired.extend(std::iter::from_fn(|| barrier.poll_fired()).map(|channel| (queue.now(), channel)));
        }
        fired
    }

    #[test]
    fn a_barrier_fires_once_when_the_last_node_has_raised_it_and_can_be_used_again() {
        let (mut barrier, mut queue) = (Barrier::new(100), Queue::default());
        for round in 0..3 {
            let start = queue.now();
            (0..99).for_each(|node| barrier.raise(&mut queue, 2, node));
            barrier.raise(&mut queue, 2, 7);
            assert_eq!(run(&mut barrier, &mut queue), [], "round {round}: 99 of 100, one of them twice");
            queue.advance(start + Ps::us(5));
            barrier.raise(&mut queue, 2, 99);
            assert_eq!(run(&mut barrier, &mut queue), [(start + Ps::us(5) + barrier.one_way() * 2, 2)]);
        }
    }

    #[test]
    fn an_alarm_fires_with_the_first_and_channels_do_not_mix() {
        let (mut barrier, mut queue) = (Barrier::new(512), Queue::default());
        barrier.arm(1, Mode::Or);
        barrier.raise(&mut queue, 0, 3);
        barrier.raise(&mut queue, 1, 3);
        barrier.raise(&mut queue, 1, 4);
        assert_eq!(run(&mut barrier, &mut queue), [(barrier.one_way() * 2, 1)]);
        barrier.raise(&mut queue, 1, 5);
        barrier.arm(1, Mode::Or);
        assert_eq!(run(&mut barrier, &mut queue), [], "armed anew before it fired");
    }

    #[test]
    fn all_72_racks_are_reached_in_650_nanoseconds_and_fewer_sooner() {
        assert_eq!(Barrier::new(NODES_MAX).one_way(), Ps::ns(650));
        let sizes = [16, 512, 40_960, NODES_MAX].map(|nodes| Barrier::new(nodes).one_way());
        assert!(sizes.is_sorted() && sizes[0] > Ps::ZERO);
    }
}
