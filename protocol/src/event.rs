//! `events`: what happened at this node, told to every reader from its open on.

use crate::limits::NODE_NAME_MAX;
use crate::slots::Slots;
use crate::text::{Text, Window};
use crate::time::Time;
use core::fmt::Write;

/// Events that a daemon keeps for readers that are slow.
pub const EVENTS: usize = 16;

/// What something happened to.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // Their words say what they are.
pub enum Subject {
    Node,
    Session,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Session => "session",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When.
    pub at: Time,
    /// To what.
    pub what: Subject,
    /// Whose.
    pub name: Text<NODE_NAME_MAX>,
    /// What it is now.
    pub state: &'static str,
}

/// The last events, as many as the table `S` has room for; each has a number, from 0.
#[derive(Debug)]
pub struct Events<S = [Option<Event>; EVENTS]> {
    ring: S,
    next: u64,
}

impl<S: Slots<Option<Event>>> Default for Events<S> {
    fn default() -> Self {
        Self { ring: S::make(), next: 0 }
    }
}

impl<S: Slots<Option<Event>>> Events<S> {
    fn place(&self, number: u64) -> usize {
        (number % self.ring.slots().len() as u64) as usize
    }

    /// Keeps one; the oldest goes.
    pub fn push(&mut self, event: Event) {
        let place = self.place(self.next);
        self.ring.slots_mut()[place] = Some(event);
        self.next += 1;
    }

    /// The number of the event to come: where a reader that opens now begins.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Writes whole lines from event `*cursor` on and moves the cursor. A reader that came too late is told
    /// how many it has missed.
    pub fn read(&self, cursor: &mut u64, out: &mut [u8]) -> usize {
        let oldest = self.next.saturating_sub(self.ring.slots().len() as u64);
        let mut len = 0;
        while *cursor < self.next {
            let mut window = Window::new(0, &mut out[len..]);
            let missed = oldest.saturating_sub(*cursor);
            let event = self.ring.slots()[self.place(*cursor + missed)];
            let Some(event) = event else { break };
            let ms = event.at.0 / 1000;
            let (secs, ms) = (ms / 1000, ms % 1000);
            let written = if missed > 0 {
                writeln!(window, "{secs}.{ms:03} missed {missed}")
            } else {
                writeln!(window, "{secs}.{ms:03} {} {} {}", event.what.name(), event.name, event.state)
            };
            if written.is_err() || window.total() > window.len() as u64 {
                break;
            }
            len += window.len();
            *cursor += missed.max(1);
        }
        len
    }
}
