//! One of several connections, and the tasks that run over it: fewer than an ionode lets one client wait for.

use super::attempt::{Asked, Attempt, Part, Seat, Setting, Verdict};
use super::source::Task;
use crate::exit::Told;
use crate::partition::dial;
use client::Client;
use protocol::client::Reply;
use protocol_host::Dial;
use std::time::Instant;

/// Tasks at once. Each waits for an outcome, two outputs and at first its start, and an ionode lets a link
/// wait for 64 answers.
pub(crate) const PLACES: usize = 15;

#[derive(Default)]
enum Place {
    #[default]
    Free,
    Busy(Box<Attempt>),
    /// Told already; so many answers to what it asked are still on their way.
    Leaving(u32),
}

/// A connection with places for tasks.
pub(crate) struct Lane {
    pub(crate) client: Client<Asked>,
    places: [Place; PLACES],
}

impl Lane {
    pub(crate) fn connect(at: &Dial) -> Result<Self, Told> {
        Ok(Self { client: dial(at)?, places: Default::default() })
    }

    fn free(&self) -> Option<usize> {
        self.places.iter().position(|place| matches!(place, Place::Free))
    }

    /// How many more tasks it has room for.
    pub(crate) fn room(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::Free)).count()
    }

    /// Adds a task's start to the burst; there must be room.
    pub(crate) fn start(&mut self, what: (Task, Seat, String), setting: &Setting) -> Result<(), Told> {
        let free = self.free();
        assert!(free.is_some(), "a task is given to a lane with room");
        let place = free.unwrap_or(0);
        let attempt = Attempt::start(&mut self.client, place as u8, what, setting)?;
        self.places[place] = Place::Busy(Box::new(attempt));
        Ok(())
    }

    /// Takes the answers that are there: what has become known of tasks goes to `told`.
    pub(crate) fn take(&mut self, told: &mut Vec<(Box<Attempt>, Verdict)>) -> Result<(), Told> {
        loop {
            let places = &mut self.places;
            let hear = |reply: Reply<'_, Asked>| {
                let Asked::Task(place, part) = reply.token else { return None };
                match &mut places[place as usize] {
                    Place::Busy(attempt) => Some((place as usize, attempt.hear(part, &reply))),
                    Place::Leaving(asked) => {
                        *asked -= 1;
                        Some((place as usize, None))
                    }
                    Place::Free => None,
                }
            };
            let Some(heard) = self.client.next(hear)? else { return Ok(()) };
            let Some((index, next)) = heard else { continue };
            self.settle(index, next, told)?;
        }
    }

    fn settle(
        &mut self,
        index: usize,
        next: Option<Part>,
        told: &mut Vec<(Box<Attempt>, Verdict)>,
    ) -> Result<(), Told> {
        match std::mem::take(&mut self.places[index]) {
            Place::Free => {}
            Place::Leaving(0) => {}
            Place::Leaving(asked) => self.places[index] = Place::Leaving(asked),
            Place::Busy(mut attempt) => {
                if let Some(broken) = attempt.broken() {
                    return Err(broken);
                }
                if let Some(part) = next {
                    attempt.ask(&mut self.client, part)?;
                }
                match attempt.verdict() {
                    None => self.places[index] = Place::Busy(attempt),
                    Some(verdict) => {
                        attempt.leave(&mut self.client)?;
                        if attempt.asked() > 0 {
                            self.places[index] = Place::Leaving(attempt.asked());
                        }
                        told.push((attempt, verdict));
                    }
                }
            }
        }
        Ok(())
    }

    /// Tasks on their way.
    pub(crate) fn busy(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::Busy(_))).count()
    }

    /// Asks all tasks to end.
    pub(crate) fn end(&mut self, line: &str) -> Result<(), Told> {
        for place in &mut self.places {
            if let Place::Busy(attempt) = place {
                attempt.end(&mut self.client, Verdict::Stopped, line)?;
            }
        }
        Ok(())
    }

    /// Ends those whose time is over.
    pub(crate) fn look_at_clock(&mut self, now: Instant) -> Result<(), Told> {
        for place in &mut self.places {
            if let Place::Busy(attempt) = place
                && attempt.due().is_some_and(|at| at <= now)
            {
                attempt.look_at_clock(&mut self.client, now)?;
            }
        }
        Ok(())
    }

    /// When the first of them is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = |place: &Place| if let Place::Busy(attempt) = place { attempt.due() } else { None };
        self.places.iter().filter_map(due).min()
    }
}
