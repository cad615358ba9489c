//! What the clients of a world are to do, and when; times in microseconds.

use crate::act::{Act, Move};
use crate::clients::Order;
use crate::clients::job::Job;
use crate::event::Event;
use crate::whim::Whim;
use crate::world::World;
use bluegene::time::Ps;
use cnode::Bounds;

impl<B: Bounds> World<B> {
    /// Begins a job at a time: its number.
    pub fn order(&mut self, at: u64, res: &str, program: &str, input: Option<&[u8]>) -> usize {
        self.order_at(at, &[], (res, program, input))
    }

    /// The same at one of the nodes, whose names from the root down are those.
    pub fn order_at(
        &mut self,
        at: u64,
        names: &[String],
        (res, program, input): (&str, &str, Option<&[u8]>),
    ) -> usize {
        let order = Order {
            res: res.to_owned(),
            program: program.to_owned(),
            input: input.map(<[u8]>::to_vec),
            at: names.iter().flat_map(|name| ["net".to_owned(), name.clone()]).collect(),
        };
        let client = self.clients.add(order, self.levels.root());
        self.moves(at, client as usize, Move::Begin);
        client as usize
    }

    fn moves(&mut self, at: u64, job: usize, next: Move) {
        self.agenda.push(Ps::us(at), Event::Act(job as u32, next));
    }

    /// The client of a job does something at a time.
    pub fn act_at(&mut self, at: u64, job: usize, act: Act) {
        self.moves(at, job, Move::Act(act));
    }

    /// The client of a job flushes what it waits for at a time, and asks again.
    pub fn flush(&mut self, at: u64, job: usize) {
        self.act_at(at, job, Act::Flush);
    }

    /// The client of a job looks at what runs, and at a compute node, at a time.
    pub fn look(&mut self, at: u64, job: usize, leaf: usize) {
        self.act_at(at, job, Act::Look(leaf as u32));
    }

    /// The client of a job is gone at a time: its link hangs up, and nothing was clunked.
    pub fn vanish(&mut self, at: u64, job: usize) {
        self.act_at(at, job, Act::Vanish);
    }

    /// The client of a job kills a member of it, or all, at a time.
    pub fn kill(&mut self, at: u64, job: usize, member: Option<u32>) {
        self.act_at(at, job, Act::Kill(member));
    }

    /// The client of a job has a whim at a time.
    pub fn whim(&mut self, at: u64, job: usize, whim: Whim) {
        self.moves(at, job, Move::Whim(whim));
    }

    /// The client of a job talks to that aggregator.
    pub(crate) fn talks_to(&mut self, job: usize, io: u32) {
        self.clients.get_mut(job as u32).io = io;
    }

    /// The client of a job is on its aggregator's own machine.
    pub fn near(&mut self, job: usize) {
        self.clients.get_mut(job as u32).is_near = Some(true);
    }

    /// A job as its client sees it.
    pub fn job(&self, number: usize) -> &Job {
        &self.clients.get(number as u32).job
    }
}
