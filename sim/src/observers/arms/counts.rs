//! How often each pair of a state and an event was seen.

use super::tables::{TABLES, Table};

/// A state machine of the cores, as a row of `TABLES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Automaton {
    Member,
    Part,
    Session,
    Below,
    Above,
    Gather,
}

/// The counts of all pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts(Vec<Vec<u64>>);

impl Default for Counts {
    fn default() -> Self {
        let none = |table: &&Table| vec![0; table.states.len() * table.events.len()];
        Self(TABLES.iter().map(none).collect())
    }
}

impl Counts {
    /// An event has come in a state.
    pub(super) fn count(&mut self, of: Automaton, state: usize, event: usize) {
        let events = TABLES[of as usize].events.len();
        self.0[of as usize][state * events + event] += 1;
    }

    /// Adds what another run has seen.
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = self.0.iter_mut().flatten().zip(other.0.iter().flatten());
        pairs.for_each(|(own, other)| *own += other);
    }

    /// How often a pair of an automaton was seen.
    pub(super) fn get(&self, table: usize, state: usize, event: usize) -> u64 {
        self.0[table][state * TABLES[table].events.len() + event]
    }
}
