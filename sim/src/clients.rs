//! The clients of a simulated partition: each is fed with what it is to do and with answers, and says what
//! it wants done. `job` is what one asks and is answered, `whims` what it says that has a whim.

pub mod job;
mod whims;

use crate::act::{Act, Move};
use crate::levels::Levels;
use crate::nodes::Nodes;
use crate::trace::What;
use cnode::Bounds;
use job::Job;

/// What a client is to run.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Lines of its ctl before `exec`.
    pub(crate) res: String,
    pub(crate) program: String,
    pub(crate) input: Option<Vec<u8>>,
    /// The directory whose `clone` makes its session.
    pub(crate) at: Vec<String>,
}

/// A client and its job.
pub(crate) struct Client {
    order: Order,
    pub(crate) job: Job,
    /// Its link, while its end is open.
    pub(crate) link: Option<u32>,
    /// The aggregator that it talks to.
    pub(crate) io: u32,
    /// It is on that one's own machine; as the seed says if that is not said.
    pub(crate) is_near: Option<bool>,
}

/// What a client wants.
pub(crate) enum Want {
    /// To connect, and to say that.
    Connect(Vec<u8>),
    /// To say that, of which the trace tells.
    Say(What, Vec<u8>),
    /// To hang up.
    HangUp,
}

/// All of them, by number.
#[derive(Default)]
pub(crate) struct Clients(Vec<Client>);

impl Clients {
    /// One more client, which talks to an aggregator: its number.
    pub(crate) fn add(&mut self, order: Order, io: u32) -> u32 {
        self.0.push(Client { order, job: Job::default(), link: None, io, is_near: None });
        (self.0.len() - 1) as u32
    }

    pub(crate) fn get(&self, client: u32) -> &Client {
        &self.0[client as usize]
    }

    pub(crate) fn get_mut(&mut self, client: u32) -> &mut Client {
        &mut self.0[client as usize]
    }

    /// A client is to do something: what it wants, if it can.
    pub(crate) fn feed<B: Bounds>(
        &mut self,
        client: u32,
        next: Move,
        nodes: &Nodes<B>,
        levels: &Levels,
    ) -> Option<Want> {
        let Client { order, job, link, io, .. } = &mut self.0[client as usize];
        if next == Move::Begin {
            let (res, program) = (&order.res, &order.program);
            return Some(Want::Connect(job.begin_at(&order.at, (res, program), order.input.as_deref())));
        }
        (*link)?;
        match next {
            Move::Begin => None,
            Move::Act(Act::Flush) => {
                let burst = job.flush();
                (!burst.is_empty()).then_some(Want::Say(What::Flushes, burst))
            }
            Move::Act(Act::Look(_) | Act::Kill(_)) if job.over => None,
            Move::Act(Act::Look(leaf)) => {
                Some(Want::Say(What::Looks(leaf), job.look(&levels.name_of_leaf(leaf))))
            }
            Move::Act(Act::Kill(member)) => Some(Want::Say(What::Kills(member), job.kill(member))),
            Move::Act(Act::Vanish) => Some(Want::HangUp),
            Move::Whim(whim) => {
                let names = whims::about(nodes, levels, *io, whim);
                let root = &nodes.io(levels.root()).core;
                Some(Want::Say(What::Whim(whim), job.whim(whim, root, &names)))
            }
        }
    }
}
