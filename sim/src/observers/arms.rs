//! Which arms of the cores' state machines seeds reach: pairs of a state and an event, counted from outside.
//! The driver knows the state before a call and which call it makes; the cores know nothing of it.
//!
//! `tables` declares every pair, `leaf` and `io` see them.

pub(crate) mod counts;
mod io;
mod leaf;
pub mod tables;

use super::sight::{Observer, Scene, Sight};
use crate::nodes::feed::Feed;
use crate::place::Place;
use cnode::Bounds;
use counts::Counts;
use std::fmt::Write;
use tables::{BelowEvent, MemberEvent, TABLES, Table};

/// How often each pair was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arms {
    counts: Counts,
    /// What the node was that is being fed.
    before: Before,
}

/// What a node was before it was fed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Nothing,
    Leaf(leaf::Before),
    Io(io::Before),
}

impl Arms {
    /// An event has come in a state.
    #[cfg(test)]
    pub(crate) fn count(&mut self, of: counts::Automaton, state: usize, event: usize) {
        self.counts.count(of, state, event);
    }

    /// Adds what another run has seen.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
    }

    /// How often a pair of a machine was seen.
    pub fn get(&self, table: usize, state: usize, event: usize) -> u64 {
        self.counts.get(table, state, event)
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

impl<B: Bounds> Observer<B> for Arms {
    fn see(&mut self, scene: &Scene<'_, B>, sight: Sight<'_>) -> Result<(), String> {
        let now = scene.now;
        match sight {
            Sight::Feeding(Place::Leaf(leaf), feed) => {
                let leaf = scene.nodes.leaf(leaf);
                let before = self.counts.leaf_is_fed(&leaf.core, feed, leaf.run.clock.read(now));
                self.before = Before::Leaf(before);
            }
            Sight::Feeding(Place::Io(io), feed) => {
                let io = scene.nodes.io(io);
                self.before = Before::Io(self.counts.io_is_fed(&io.core, feed, io.run.clock.read(now)));
            }
            Sight::Fed(place, feed, _, notes) => match (std::mem::take(&mut self.before), place, feed) {
                // What its making or its failure changes is no event of a session.
                (_, _, Feed::Connected | Feed::Undialed) => {}
                (Before::Leaf(before), Place::Leaf(leaf), _) => {
                    self.counts.leaf_was_fed(&scene.nodes.leaf(leaf).core, &before, notes);
                }
                (Before::Io(before), Place::Io(io), _) => {
                    self.counts.io_was_fed(&scene.nodes.io(io).core, &before)
                }
                (Before::Leaf(_) | Before::Io(_) | Before::Nothing, ..) => {}
            },
            Sight::HangsUp(Place::Leaf(leaf)) => {
                self.counts.below(scene.nodes.leaf(leaf).core.parent_state(), BelowEvent::Silent);
            }
            Sight::HangsUp(Place::Io(io)) => {
                self.counts.below(scene.nodes.io(io).core.parent_state(), BelowEvent::Silent);
            }
            Sight::Starts(leaf, start, _) => {
                if let Some(member) = scene.nodes.leaf(leaf).core.member(start.member) {
                    self.counts.member(member.state(), MemberEvent::Start);
                }
            }
            Sight::Feeding(Place::Client(_), _)
            | Sight::HangsUp(Place::Client(_))
            | Sight::Turn(..)
            | Sight::Done
            | Sight::Missed(_)
            | Sight::Received(..)
            | Sight::Lost(_)
            | Sight::Passage(_)
            | Sight::Settled(..)
            | Sight::Goes(_) => {}
        }
        Ok(())
    }
}
