//! Traffic on the torus: who sends to whom, and what came of it. Each node sends one message after another,
//! the next when the last has arrived.

use crate::net::torus::{Mode, Torus, TorusEvent};
use crate::partition::torus::{Coord, Direction, Torus as Wiring};
use crate::queue::Schedule;
use crate::random::Random;
use crate::time::Ps;
use std::fmt::{self, Display};
use std::str::FromStr;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Each to its neighbours, in turn.
    Neighbour,
    /// Each to anybody else.
    Random,
    /// Of 64 nodes with numbers in a row, all to the first.
    FanIn,
    /// x, y, z to y, z, x, in proportion where edges differ.
    Transpose,
}

/// Patterns by name.
const PATTERNS: [(&str, Pattern); 4] = [
    ("neighbour", Pattern::Neighbour),
    ("random", Pattern::Random),
    ("fan-in", Pattern::FanIn),
    ("transpose", Pattern::Transpose),
];

/// Nodes of which one is sent to.
const FAN: u32 = 64;

impl FromStr for Pattern {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = PATTERNS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, pattern)| *pattern)
            .ok_or_else(|| "want neighbour, random, fan-in or transpose".to_owned())
    }
}

impl Pattern {
    /// Whom a node sends its message of that number to, if it sends at all.
    fn target(self, wiring: &Wiring, from: u32, number: u32, random: &mut Random) -> Option<u32> {
        let shape = wiring.shape;
        let at = shape.coord(from);
        let to = match self {
            Self::Neighbour => {
                let all = || Direction::all().filter_map(|to| wiring.neighbour(at, to));
                let turn = number as usize % all().count().max(1);
                shape.index(all().nth(turn)?)
            }
            Self::Random if shape.nodes() < 2 => return None,
            Self::Random => {
                let other = random.below(u64::from(shape.nodes() - 1)) as u32;
                other + u32::from(other >= from)
            }
            Self::FanIn => from - from % FAN,
            Self::Transpose => {
                let scaled = |axis: usize| {
                    let other = (axis + 1) % 3;
                    let [is, was] = [axis, other].map(|axis| u32::from(shape.0[axis]));
                    (u32::from(at.0[other]) * is / was) as u8
                };
                shape.index(Coord([0, 1, 2].map(scaled)))
            }
        };
        (to != from).then_some(to)
    }
}

/// The time of a torus that nothing else has a part in: it asks again for what was to come behind the first.
#[derive(Debug, Default)]
struct Alarm {
    now: Ps,
    first: Option<Ps>,
}

impl Schedule<TorusEvent> for Alarm {
    fn now(&self) -> Ps {
        self.now
    }

    fn after(&mut self, delay: Ps, _: TorusEvent) {
        let at = self.now + delay;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }
}

impl Alarm {
    fn pop(&mut self) -> Option<TorusEvent> {
        self.now = self.first.take()?;
        Some(TorusEvent)
    }
}

/// What is to be carried.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// By what.
    pub wiring: Wiring,
    /// From whom to whom.
    pub pattern: Pattern,
    /// Bytes of a message.
    pub bytes: u32,
    /// Messages that each node sends.
    pub messages: u32,
    /// How.
    pub mode: Mode,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Messages that arrived.
    pub messages: u64,
    /// Packets that they took.
    pub packets: u64,
    /// Events that those took.
    pub events: u64,
    /// When the last arrived.
    pub time: Ps,
    /// The shortest time that a message took, the median and the longest.
    pub latency: [Ps; 3],
    /// Bytes of memory that the network and what was to come in it took.
    pub memory: usize,
}

impl Traffic {
    /// Carries it all, in the order that is the same whenever it is asked.
    pub fn carry(&self) -> Carried {
        let nodes = self.wiring.shape.nodes();
        let mut random = Random::new(u64::from(nodes));
        let mut torus = Torus::new(&self.wiring);
        let mut alarm = Alarm::default();
        let mut next = vec![0; nodes as usize];
        let mut began = vec![Ps::ZERO; nodes as usize];
        let mut latencies = Vec::new();
        for node in 0..nodes {
            self.send((node, &mut next), &mut torus, &mut alarm, &mut random);
        }
        while let Some(event) = alarm.pop() {
            torus.handle(&mut alarm, event);
            while let Some(delivery) = torus.poll_delivery() {
                let from = delivery.from;
                latencies.push(alarm.now - began[from as usize]);
                began[from as usize] = alarm.now;
                self.send((from, &mut next), &mut torus, &mut alarm, &mut random);
            }
        }
        latencies.sort_unstable();
        let at = |part: usize| latencies.get(part).copied().unwrap_or_default();
        let latency = [at(0), at(latencies.len() / 2), at(latencies.len().saturating_sub(1))];
        let (memory, events) = (torus.bytes(), torus.events());
        let (messages, packets) = (latencies.len() as u64, torus.packets());
        Carried { messages, packets, events, time: alarm.now, latency, memory }
    }

    /// A node sends its next message, if it has one.
    fn send(
        &self,
        (node, next): (u32, &mut [u32]),
        torus: &mut Torus,
        alarm: &mut Alarm,
        random: &mut Random,
    ) {
        let number = next[node as usize];
        if number == self.messages {
            return;
        }
        if let Some(to) = self.pattern.target(&self.wiring, node, number, random) {
            next[node as usize] = number + 1;
            torus.send(alarm, node, to, number, self.bytes, self.mode);
        }
    }
}

impl Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, packets, events, time, latency: [least, median, most], memory } = self;
        write!(f, "messages {messages} packets {packets} events {events} time {time} ")?;
        write!(f, "latency least {least} median {median} most {most} memory {memory}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::Partition;

    fn targets(pattern: Pattern, nodes: u32) -> Vec<Vec<u32>> {
        let wiring = Partition::new(nodes, 16).map(|partition| partition.torus);
        let wiring = wiring.unwrap_or_else(|wrong| panic!("{nodes}: {wrong}"));
        let mut random = Random::new(1);
        let mut of = |from, number| pattern.target(&wiring, from, number, &mut random);
        (0..nodes).map(|from| (0..12).filter_map(|number| of(from, number)).collect()).collect()
    }

    #[test]
    fn nobody_sends_to_itself_and_all_targets_are_there() {
        for (_, pattern) in PATTERNS {
            for nodes in [16, 64, 512, 1024] {
                for (from, to) in (0..).zip(targets(pattern, nodes)) {
                    assert!(to.iter().all(|to| *to < nodes && *to != from), "{pattern:?} {from} {to:?}");
                }
            }
        }
    }

    #[test]
    fn neighbours_get_as_much_as_they_send() {
        let mut got = vec![0; 512];
        targets(Pattern::Neighbour, 512).concat().iter().for_each(|to| got[*to as usize] += 1);
        assert_eq!(got, [12; 512]);
    }

    #[test]
    fn of_64_nodes_63_send_to_one() {
        let all = targets(Pattern::FanIn, 512);
        assert_eq!(all.iter().filter(|to| to.is_empty()).count(), 8);
        assert!(all[65..128].iter().all(|to| *to == [64; 12]));
    }

    #[test]
    fn a_cube_is_transposed_onto_itself() {
        let mut firsts: Vec<u32> =
            targets(Pattern::Transpose, 512).iter().filter_map(|to| to.first().copied()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        // The diagonal stays where it is.
        assert_eq!(firsts.len(), 512 - 8);
    }

    #[test]
    fn what_is_sent_is_carried_and_the_same_every_time() {
        let wiring = Partition::new(64, 64).map(|partition| partition.torus);
        let wiring = wiring.unwrap_or_else(|wrong| panic!("{wrong}"));
        for (_, pattern) in PATTERNS {
            let traffic = Traffic { wiring, pattern, bytes: 1000, messages: 5, mode: Mode::Adaptive };
            let carried = traffic.carry();
            let senders = if pattern == Pattern::FanIn { 63 } else { 64 };
            let senders = if pattern == Pattern::Transpose { 60 } else { senders };
            assert_eq!((carried.messages, carried.packets), (senders * 5, senders * 25), "{pattern:?}");
            assert!(carried.latency.is_sorted() && carried.latency[0] > Ps::ns(64), "{carried}");
            assert_eq!(carried, traffic.carry());
        }
    }
}
