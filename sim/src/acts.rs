//! What clients do, and when: the jobs that they order, and what comes to their mind meanwhile.

use crate::client::Job;
use crate::link::Side;
use crate::trace::What;
use crate::whim::Whim;
use crate::world::{Event, Place, World};
use cnode::Bounds;

/// What a client does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Begin,
    /// It flushes what it waits for.
    Flush,
    /// It looks at what runs, and at a node.
    Look(u32),
    /// It is gone without a clunk.
    Vanish,
    /// It kills a member, or all.
    Kill(Option<u32>),
    Whim(Whim),
}

/// A client and its job.
pub(crate) struct Client {
    res: String,
    program: String,
    input: Option<Vec<u8>>,
    pub(crate) job: Job,
    pub(crate) link: Option<u32>,
    /// The directory whose `clone` makes its session.
    at: Vec<String>,
    /// The aggregator that it talks to.
    pub(crate) io: u32,
    /// It is on that one's own machine; as the seed says if that is not said.
    is_near: Option<bool>,
}

impl<B: Bounds> World<B> {
    /// Begins a job at a time, in microseconds: its number.
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
        let (res, program) = (res.to_owned(), program.to_owned());
        let input = input.map(<[u8]>::to_vec);
        let names = names.iter().flat_map(|name| ["net".to_owned(), name.clone()]).collect();
        self.clients.push(Client {
            res,
            program,
            input,
            job: Job::default(),
            link: None,
            at: names,
            io: self.levels.root(),
            is_near: None,
        });
        let number = self.clients.len() - 1;
        self.at(at, Event::Act(number as u32, Act::Begin));
        number
    }

    /// The client of a job flushes what it waits for at a time, and asks again.
    pub fn flush(&mut self, at: u64, job: usize) {
        self.at(at, Event::Act(job as u32, Act::Flush));
    }

    /// The client of a job reads at a time what its session, a member of it and a node are doing.
    pub fn look(&mut self, at: u64, job: usize, leaf: usize) {
        self.at(at, Event::Act(job as u32, Act::Look(leaf as u32)));
    }

    /// The client of a job is gone at a time: its link hangs up, and nothing was clunked.
    pub fn vanish(&mut self, at: u64, job: usize) {
        self.at(at, Event::Act(job as u32, Act::Vanish));
    }

    /// The client of a job kills a member of it, or all, at a time.
    pub fn kill(&mut self, at: u64, job: usize, member: Option<u32>) {
        self.at(at, Event::Act(job as u32, Act::Kill(member)));
    }

    /// The client of a job talks to that aggregator.
    pub(crate) fn talks_to(&mut self, job: usize, io: u32) {
        self.clients[job].io = io;
    }

    /// The client of a job is on its aggregator's own machine.
    pub fn near(&mut self, job: usize) {
        self.clients[job].is_near = Some(true);
    }

    /// The client of a job has a whim at a time.
    pub fn whim(&mut self, at: u64, job: usize, whim: Whim) {
        self.at(at, Event::Act(job as u32, Act::Whim(whim)));
    }

    /// A job as its client sees it.
    pub fn job(&self, number: usize) -> &Job {
        &self.clients[number].job
    }

    pub(crate) fn act(&mut self, client: u32, act: Act) {
        let place = Place::Client(client);
        let Client { res, program, input, job, link, at, io, is_near } = &mut self.clients[client as usize];
        match (act, *link) {
            (Act::Begin, _) => {
                let burst = job.begin_at(at, (res, program), input.as_deref());
                let (near, io) = (*is_near, *io);
                self.tell(place, What::Begins);
                // The ionode gives up the session of a client on its own machine at once, others linger.
                let drawn = self.random.below(2) == 0;
                let local = near.unwrap_or(drawn);
                let is_gone = self.aggregators[io as usize].run.dead;
                let Some(link) = (!is_gone).then(|| self.connect(place, io, local)).flatten() else {
                    self.clients[client as usize].job.is_cut = true;
                    return;
                };
                self.clients[client as usize].link = Some(link);
                self.send(link, Side::Above, &burst);
            }
            (Act::Flush, Some(link)) => {
                let burst = job.flush();
                if !burst.is_empty() {
                    self.tell(place, What::Flushes);
                    self.send(link, Side::Above, &burst);
                }
            }
            (Act::Look(leaf), Some(link)) if !job.over => {
                let burst = job.look(&self.levels.name_of_leaf(leaf));
                self.tell(place, What::Looks(leaf));
                self.send(link, Side::Above, &burst);
            }
            (Act::Vanish, Some(link)) => {
                self.tell(place, What::Vanishes);
                self.clients[client as usize].link = None;
                self.close(link, Side::Below);
            }
            (Act::Kill(member), Some(link)) if !job.over => {
                let burst = job.kill(member);
                self.tell(place, What::Kills(member));
                self.send(link, Side::Above, &burst);
            }
            (Act::Whim(whim), Some(link)) => {
                let names = self.about(client, whim);
                let root = &self.aggregators[self.levels.root() as usize];
                let job = &mut self.clients[client as usize].job;
                let burst = job.whim(whim, &root.core, &names);
                self.tell(place, What::Whim(whim));
                self.send(link, Side::Above, &burst);
            }
            (Act::Look(_) | Act::Kill(_), Some(_)) => {}
            (Act::Flush | Act::Look(_) | Act::Vanish | Act::Kill(_) | Act::Whim(_), None) => {}
        }
    }

    pub(crate) fn client_bytes(&mut self, client: u32, link: u32, message: &[u8]) -> Result<(), String> {
        let job = &mut self.clients[client as usize].job;
        let burst = job.answer(message).map_err(|claim| format!("client {client}: {claim}"))?;
        let over = job.over;
        if !burst.is_empty() {
            self.send(link, Side::Above, &burst);
        }
        if over {
            self.clients[client as usize].link = None;
            self.close(link, Side::Below);
        }
        Ok(())
    }
}
