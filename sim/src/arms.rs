//! Which arms of the cores' state machines seeds reach: pairs of a state and an event, counted from outside.
//! The driver knows the state before a call and which call it makes; the cores know nothing of it.
//!
//! `tables` declares every pair, `node` and `aggregator` see them, `seeds` are the runs that are to reach
//! them all.

mod aggregator;
mod node;
pub mod seeds;
mod stages;
pub mod tables;
#[cfg(test)]
mod tests;

use crate::world::World;
use cnode::Bounds;
use std::fmt::Write;
use tables::{TABLES, Table};

pub(crate) use aggregator::Call as IoCall;
pub(crate) use node::{Call as LeafCall, Note};
pub(crate) use tables::MemberEvent;

/// What the first aggregator of several keeps of a parameter, so that one of them refuses what others keep.
const ROOM: usize = 16_384;

/// A state machine, as a place in `TABLES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Member,
    Part,
    Session,
    Below,
    Above,
    Gather,
}

/// How often each pair was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arms {
    counts: Vec<Vec<u64>>,
}

impl Default for Arms {
    fn default() -> Self {
        let none = |table: &&Table| vec![0; table.states.len() * table.events.len()];
        Self { counts: TABLES.iter().map(none).collect() }
    }
}

impl Arms {
    /// An event has come in a state.
    pub(crate) fn count(&mut self, machine: Machine, state: usize, event: usize) {
        let events = TABLES[machine as usize].events.len();
        self.counts[machine as usize][state * events + event] += 1;
    }

    /// Adds what another run has seen.
    pub fn add(&mut self, other: &Self) {
        let pairs = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        pairs.for_each(|(own, other)| *own += other);
    }

    /// How often a pair of a machine was seen.
    pub fn get(&self, table: usize, state: usize, event: usize) -> u64 {
        self.counts[table][state * TABLES[table].events.len() + event]
    }

    /// Every pair, a line each: machine, state, event, and how often it was seen or why it cannot be.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        self.each(|table, (state, event), count, why| {
            let (state, event) = (table.states[state], table.events[event]);
            let told = match why {
                Some(why) if count == 0 => {
                    writeln!(text, "{}\t{state}\t{event}\tcannot be: {why}", table.name)
                }
                Some(why) => {
                    writeln!(text, "{}\t{state}\t{event}\t{count}, but cannot be: {why}", table.name)
                }
                None => writeln!(text, "{}\t{state}\t{event}\t{count}", table.name),
            };
            debug_assert!(told.is_ok(), "a string takes all");
        });
        text
    }

    /// A line a machine: pairs, those that were seen, and those that cannot be.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (index, table) in TABLES.iter().enumerate() {
            let (mut seen, mut never) = (0, 0);
            for (state, event) in table.pairs() {
                never += usize::from(table.why(state, event).is_some());
                seen += usize::from(self.get(index, state, event) > 0);
            }
            let all = table.pairs().count();
            let told = writeln!(text, "{}: {all} pairs, {seen} seen, {never} cannot be", table.name);
            debug_assert!(told.is_ok(), "a string takes all");
        }
        text
    }

    /// What is not as declared, a line each.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.each(|table, (state, event), count, why| {
            let pair = format!("{}: {} in {}", table.name, table.events[event], table.states[state]);
            match (why, count) {
                (None, 0) => wrong.push(format!("{pair}: no seed reaches it")),
                (Some(why), 1..) => wrong.push(format!("{pair}: seen {count} times, and cannot be: {why}")),
                _ => {}
            }
        });
        wrong
    }

    fn each(&self, mut tell: impl FnMut(&Table, (usize, usize), u64, Option<&'static str>)) {
        for (index, table) in TABLES.iter().enumerate() {
            for (state, event) in table.pairs() {
                tell(table, (state, event), self.get(index, state, event), table.why(state, event));
            }
        }
    }
}

impl<B: Bounds> World<B> {
    /// Pairs are counted from now on.
    pub fn count_arms(&mut self) {
        self.arms = Some(Box::default());
        self.leaves.iter_mut().for_each(|leaf| leaf.machine.note());
        if self.levels.height() > 1 {
            self.narrow(0, ROOM);
        }
    }

    /// What was counted.
    pub fn arms(&self) -> Option<&Arms> {
        self.arms.as_deref()
    }
}
