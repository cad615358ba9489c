//! The claims on a run: what is told of a job, what is left when nobody wants anything any more, and that
//! nobody is lost and alive.

use crate::client::Job;
use crate::link::Side;
use crate::node::Leaf;
use crate::world::{Place, World, name_of};
use cnode::Bounds;
use ionode::step::down_name;
use protocol::ename::Ename;
use protocol::failure::{Failure, Fault, Step};
use protocol::record::{End, Outcome};
use protocol::slots::Slots;
use std::collections::BTreeMap;

/// What is in use at the ionode by and for jobs: equal before them and after.
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
pub struct Claim<'a> {
    /// The program, as `Machine::start` knows it.
    pub program: &'a str,
    /// Its members.
    pub size: u32,
    /// Lines of output of each member.
    pub lines: usize,
    /// So many nodes may be gone that the others have no room for all members.
    pub is_crowded: bool,
    /// All members run, or none.
    pub is_gang: bool,
}

/// What was told of members, by the name that their session has on the nodes and their number.
pub(crate) type Ledger = BTreeMap<(String, u32), End>;

impl<B: Bounds> World<B> {
    /// What is in use at the ionode now.
    pub fn census(&self) -> Census {
        let node = self.io.node();
        let users = node.users.iter().filter(|user| !user.is_empty()).count();
        let clients = self.links.iter().filter(|link| matches!(link.peer, Place::Client(_)));
        let open = clients.filter(|link| link.ends[Side::Io as usize].is_open);
        Census {
            sessions: node.sessions.iter().filter(|session| session.used).count(),
            client_fids: open.map(|link| self.io.fid_count(link.id)).sum(),
            child_fids: node.fid_count() - users,
            tags: node.question_count(),
        }
    }

    /// What is left when nobody wants anything any more: nothing may be, beside what was there before.
    pub fn check_quiet(&self, before: Census) -> Result<(), String> {
        let node = self.io.node();
        if !node.is_quiet() || node.forward_count() > 0 {
            return Err("the ionode still waits for something or holds an answer".to_owned());
        }
        let after = self.census();
        if after != before {
            return Err(format!("in use at the ionode before: {before:?}, after: {after:?}"));
        }
        for (index, leaf) in self.leaves.iter().enumerate().filter(|(_, leaf)| !leaf.dead && !leaf.stopped) {
            if leaf.machine.running() > 0 {
                return Err(format!("node {index} still runs a program"));
            }
            if leaf.core.session_count() > 0 {
                return Err(format!("node {index} still has a session"));
            }
            let Some(rank) = node.children.find(&name_of(index)) else { continue };
            if !node.children.up().has(rank) {
                continue;
            }
            let (has, known) = (leaf.core.fid_count(), node.fids_on(rank));
            if has != known {
                return Err(format!("node {index} has {has} fids, of which its parent knows {known}"));
            }
            // That of its attach.
            let held = self.io.link_of(rank).map_or(0, |link| self.io.fid_count(link));
            if held != 1 {
                return Err(format!("node {index} holds {held} fids at its parent"));
            }
        }
        Ok(())
    }

    /// Every node that can be reached serves.
    pub fn check_up(&self) -> Result<(), String> {
        for index in 0..self.leaves.len() {
            let leaf = &self.leaves[index];
            if leaf.dead || leaf.stopped {
                continue;
            }
            let state = self.io.node().child_state(&name_of(index));
            if state != Some(ionode::child::State::Up) {
                return Err(format!("node {index} is {state:?}"));
            }
        }
        Ok(())
    }

    /// No member has two outcomes, one after the other, and none that was told lost lives on a node that
    /// serves, be its session gone or not.
    pub(crate) fn check_ends(&mut self) -> Result<(), String> {
        let node = self.io.node();
        for session in node.sessions.iter().filter(|session| session.used && session.executed) {
            let name = down_name(node.facts.boot, session.serial);
            let told = (0..session.range.told).filter_map(|nth| node.outcomes.nth(session.range, nth));
            for (member, _, outcome) in told {
                let key = (name.as_str().to_owned(), member);
                let end = *self.ledger.entry(key).or_insert(outcome.end);
                if end != outcome.end {
                    return Err(format!("member {member} has two outcomes: {end:?}, {:?}", outcome.end));
                }
            }
        }
        if self.ledger.values().all(|end| *end != End::Lost) {
            return Ok(());
        }
        for rank in node.children.serving() {
            let name = node.children.get(rank).name;
            let named = |(index, leaf): &(usize, &Leaf<B>)| !leaf.dead && name_of(*index) == name.as_str();
            let Some((_, leaf)) = self.leaves.iter().enumerate().find(named) else { continue };
            let (sessions, members) = (leaf.core.node().sessions.slots(), leaf.core.node().members.slots());
            for member in members.iter().filter(|member| member.state.is_live()) {
                let session = sessions[member.session as usize].name.as_str().to_owned();
                if self.ledger.get(&(session, member.number)) == Some(&End::Lost) {
                    return Err(format!("member {} on {name} was told lost and lives", member.number));
                }
            }
        }
        Ok(())
    }

    /// The claims on one job that was to be told by now.
    pub fn check_job(&self, job: &Job, claim: Claim<'_>) -> Result<(), String> {
        if !job.over {
            return Err(format!("not over; without an answer: {}", job.unanswered()));
        }
        if job.is_refused && claim.is_crowded {
            return Ok(());
        }
        let hurt = |name: &str| self.hurt.iter().any(|index| name_of(*index) == name);
        let good = if claim.program == "nosuch" { End::Never(Ename::NotFound.into()) } else { End::Exit(0) };
        let another = End::Never(Failure::bad(Step::Gang, 0, Fault::Another));
        // In a gang one that cannot start, or is lost before, keeps the others from it.
        let may_stay = claim.is_gang && (claim.program == "nosuch" || !self.hurt.is_empty());
        let mut outcomes = BTreeMap::new();
        let mut lines = 0;
        for line in job.outcomes.lines() {
            let (member, name, outcome) =
                Outcome::parse(line).ok_or_else(|| format!("bad record: {line}"))?;
            if outcomes.insert(member, outcome.end).is_some() {
                return Err(format!("member {member} has two outcomes"));
            }
            let crowded_out = claim.is_crowded && outcome.end == End::Never(Ename::Again.into());
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
        let most = claim.lines * claim.size as usize;
        let told = job.stdout.split(|byte| *byte == b'\n').count() - 1;
        if !(lines..=most).contains(&told) {
            return Err(format!("{told} lines of output, of {lines} to {most}"));
        }
        Ok(())
    }
}
