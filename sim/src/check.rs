//! The claims on a run: what is told of a job, what is left when nobody wants anything any more, and that
//! nobody is lost and alive.

use crate::clients::job::Job;
use crate::nodes::aggregator::Aggregator;
use crate::place::Place;
use crate::world::World;
use cnode::Bounds;
use ionode::bounds::PARENT;
use ionode::inspect::{Child, ChildState};
use protocol::ename::Ename;
use protocol::failure::{Failure, Fault, Step};
use protocol::record::{End, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// What is in use at an aggregator by and for jobs: equal before them and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Sessions.
    pub sessions: usize,
    /// Fids of clients.
    pub client_fids: usize,
    /// Fids on children, the one of each user apart.
    pub child_fids: usize,
    /// Questions to children, the beat's apart.
    pub tags: usize,
}

/// What a client of a job is to be told.
#[derive(Clone, Copy, Debug)]
pub struct JobClaim<'a> {
    /// The program, as `SimHost::start` knows it.
    pub program: &'a str,
    /// Its members.
    pub size: u32,
    /// Lines of output of each member.
    pub lines: usize,
    /// So many nodes may be gone that the others have no room for all members.
    pub is_crowded: bool,
    /// All members run, or none.
    pub is_gang: bool,
    /// When it began, in microseconds.
    pub begun: u64,
}

impl<B: Bounds> World<B> {
    /// What is in use at the aggregators now.
    pub fn census(&self) -> Vec<Census> {
        let mut clients = vec![0; self.nodes.aggregators.len()];
        for link in self.wires.links.of_clients() {
            clients[link.above as usize] +=
                self.nodes.aggregators[link.above as usize].core.fid_count(link.id);
        }
        let census = |(aggregator, client_fids): (&Aggregator, usize)| {
            let core = &aggregator.core;
            let child_fids = core.fid_count_below() - core.user_count();
            Census { sessions: core.sessions().count(), client_fids, child_fids, tags: core.question_count() }
        };
        self.nodes.aggregators.iter().zip(clients).map(census).collect()
    }

    /// What is left when nobody wants anything any more: nothing may be, beside what was there before.
    pub fn check_quiet(&self, before: &[Census]) -> Result<(), String> {
        for ((io, before), after) in (0..).zip(before).zip(self.census()) {
            let core = &self.nodes.aggregators[io as usize].core;
            if !self.is_reached(Place::Io(io)) {
                continue;
            }
            let name = self.levels.name_of_io(io);
            if !core.is_quiet() || core.forward_count() > 0 {
                let (what, forwards) = (core.unquiet(), core.forward_count());
                return Err(format!("{name} still waits or holds an answer: {what}, {forwards} forwards"));
            }
            if after != *before {
                return Err(format!("in use at {name} before: {before:?}, after: {after:?}"));
            }
            if let Some(above) = self.levels.above_io(io) {
                self.check_fids(above, &name, (core.fid_count(PARENT), 1 + core.user_count_above()))?;
            }
        }
        for (index, leaf) in
            (0..).zip(&self.nodes.leaves).filter(|(leaf, _)| self.is_reached(Place::Leaf(*leaf)))
        {
            let name = self.levels.name_of_leaf(index);
            if leaf.host.running() > 0 {
                return Err(format!("{name} still runs a program"));
            }
            if leaf.core.session_count() > 0 {
                let sessions = leaf.core.sessions();
                let told: Vec<String> =
                    sessions.map(|s| format!("{} {}", s.name(), s.state_name())).collect();
                return Err(format!("{name} still has sessions: [{}]", told.join(", ")));
            }
            self.check_fids(self.levels.above_leaf(index), &name, (leaf.core.fid_count(), 1))?;
        }
        Ok(())
    }

    /// It runs and is heard, and so are all above it: else it may hold for an hour what its parent told it
    /// before.
    fn is_reached(&self, place: Place) -> bool {
        let Some(run) = self.nodes.run(place) else { return true };
        let above = if place == Place::Io(self.levels.root()) { None } else { self.above(place) };
        let is_mute = self.wires.cable(place).mute.contains(&true);
        let is_clogged = above.is_some_and(|above| self.wires.is_channel_full(above));
        let is_heard = !run.dead && !run.stopped && !is_mute && !is_clogged;
        is_heard && above.is_none_or(|above| self.is_reached(Place::Io(above)))
    }

    /// A child has the fids that its parent knows of, and itself so many at its parent: that of its own
    /// attach, and of each user whom it passed on.
    fn check_fids(&self, above: u32, name: &str, (has, holds): (usize, usize)) -> Result<(), String> {
        let parent = &self.nodes.aggregators[above as usize];
        let Some(child) = parent.core.child_named(name).filter(|child| child.is_up()) else { return Ok(()) };
        if parent.run.dead || parent.run.stopped {
            return Ok(());
        }
        let known = parent.core.fids_on(child.rank());
        if has != known {
            return Err(format!("{name} has {has} fids, of which its parent knows {known}"));
        }
        let held = parent.core.link_of(child.rank()).map_or(0, |link| parent.core.fid_count(link));
        if held != holds {
            return Err(format!("{name} holds {held} fids at its parent, and knows of {holds}"));
        }
        Ok(())
    }

    /// Nodes that serve, as the aggregators see them, those below aggregators that do not serve apart.
    pub fn up(&self) -> u32 {
        let serves = |io: &u32| {
            let mut io = *io;
            while let Some(above) = self.levels.above_io(io) {
                let name = self.nodes.aggregators[io as usize].core.name();
                if !self.nodes.aggregators[above as usize].core.child_named(name).is_some_and(Child::is_up) {
                    return false;
                }
                io = above;
            }
            true
        };
        let up = |io: u32| {
            let children = self.nodes.aggregators[io as usize].core.children();
            children.filter(|child| child.is_up()).count() as u32
        };
        self.levels.on(0).filter(serves).map(up).sum()
    }

    /// Nodes that the root knows it has, whoever is above them.
    pub fn known(&self) -> u32 {
        let children = self.nodes.aggregators[self.levels.root() as usize].core.children();
        children.filter(|child| child.is_up()).map(Child::leaves).sum()
    }

    /// Every node that can be reached serves, and so does every aggregator.
    pub fn check_up(&self) -> Result<(), String> {
        let serves = |above: u32, name: &str| {
            let parent = &self.nodes.aggregators[above as usize];
            if parent.run.dead || parent.run.stopped {
                return Ok(());
            }
            let state = parent.core.child_named(name).map(Child::state);
            if state == Some(ChildState::Up) { Ok(()) } else { Err(format!("{name} is {state:?}")) }
        };
        for index in (0..self.nodes.leaves.len() as u32).filter(|leaf| self.is_reached(Place::Leaf(*leaf))) {
            serves(self.levels.above_leaf(index), &self.levels.name_of_leaf(index))?;
        }
        for io in 0..self.levels.aggregators() {
            if let Some(above) = self.levels.above_io(io)
                && self.is_reached(Place::Io(io))
            {
                serves(above, &self.levels.name_of_io(io))?;
            }
        }
        Ok(())
    }

    /// The claims on one job that was to be told by now.
    pub fn check_job(&self, job: &Job, claim: JobClaim<'_>) -> Result<(), String> {
        if !job.over {
            return Err(format!("not over; without an answer: {}", job.unanswered()));
        }
        // A client that is told there is no room leaves, whatever part of the job has room.
        if job.is_refused && (claim.is_crowded || self.observers.ledger.some_were_full(claim.begun)) {
            return Ok(());
        }
        // Where nobody knows of which node a lost member was, it is told with whom it was below.
        let hurt = |name: &str| match (self.levels.leaf_named(name), self.levels.io_named(name)) {
            (Some(leaf), _) => self.hurt.contains(&(leaf as usize)),
            (None, Some(io)) => self.levels.leaves_below(io).any(|leaf| self.hurt.contains(&(leaf as usize))),
            (None, None) => false,
        };
        let good = if claim.program == "nosuch" { End::Never(Ename::NotFound.into()) } else { End::Exit(0) };
        let another = End::Never(Failure::bad(Step::Gang, 0, Fault::Another));
        // What a node has no room for it refuses, for no other reason.
        let full = [Failure::bad(Step::Res, 0, Fault::Full), Ename::Again.into()].map(End::Never);
        let full = |name: &str, end: End| {
            full.contains(&end) && self.observers.ledger.was_full(&self.levels, name, claim.begun)
        };
        let some_full = job.outcomes.lines().filter_map(Outcome::parse).any(|(_, name, o)| full(name, o.end));
        // In a gang one that cannot start, or is lost before, keeps the others from it.
        let may_stay = claim.is_gang && (claim.program == "nosuch" || !self.hurt.is_empty() || some_full);
        let (mut outcomes, mut names) = (BTreeMap::new(), BTreeMap::new());
        let mut lines = 0;
        for line in job.outcomes.lines() {
            let (member, name, outcome) =
                Outcome::parse(line).ok_or_else(|| format!("bad record: {line}"))?;
            if outcomes.insert(member, outcome.end).is_some() {
                return Err(format!("member {member} has two outcomes"));
            }
            names.insert(member, name);
            let crowded_out = claim.is_crowded && outcome.end == End::Never(Ename::Again.into());
            let crowded_out = crowded_out || full(name, outcome.end);
            let stayed = may_stay && outcome.end == another;
            let lost = hurt(name) && outcome.end == End::Lost;
            if !(outcome.end == good || crowded_out || stayed || lost) {
                return Err(format!("member {member} on {name} ended with {:?}", outcome.end));
            }
            lines += if hurt(name) || crowded_out || stayed { 0 } else { claim.lines };
        }
        let some = |end: End| outcomes.values().any(|other| *other == end);
        if some(another) && some(End::Exit(0)) {
            return Err("some members of a gang have run, and some have not".to_owned());
        }
        if outcomes.len() != claim.size as usize {
            return Err(format!("{} of {} members have an outcome", outcomes.len(), claim.size));
        }
        self.check_numbers(&names)?;
        let most = claim.lines * claim.size as usize;
        let told = job.stdout.split(|byte| *byte == b'\n').count() - 1;
        if !(lines..=most).contains(&told) {
            return Err(format!("{told} lines of output, of {lines} to {most}"));
        }
        Ok(())
    }

    /// Numbers follow the tree: of two neighbours the one whose name comes first has the lowest of both.
    fn check_numbers(&self, names: &BTreeMap<u32, &str>) -> Result<(), String> {
        let mut lowest: BTreeMap<(u32, Place), u32> = BTreeMap::new();
        // What is told of an aggregator leaves open which of its own a member was on.
        let mut vague = BTreeSet::new();
        for (member, name) in names {
            let leaf = self.levels.leaf_named(name);
            let mut place = match leaf.map(Place::Leaf).or_else(|| self.levels.io_named(name).map(Place::Io))
            {
                Some(Place::Io(io)) => {
                    vague.insert(io);
                    Place::Io(io)
                }
                Some(place) => place,
                None => return Err(format!("member {member} is told to be on {name}")),
            };
            while place != Place::Io(self.levels.root()) {
                let Some(above) = self.above(place) else { break };
                lowest.entry((above, place)).or_insert(*member);
                place = Place::Io(above);
            }
        }
        lowest.retain(|(above, _), _| !vague.contains(above));
        let all: Vec<_> = lowest.into_iter().collect();
        let wrong = all.windows(2).find(|pair| pair[0].0.0 == pair[1].0.0 && pair[0].1 > pair[1].1);
        wrong.map_or(Ok(()), |pair| Err(format!("member {} comes before {}, by name", pair[1].1, pair[0].1)))
    }
}
