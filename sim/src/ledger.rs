//! What was told of members, beside what became of them: nobody has two outcomes, no member is started twice,
//! none ends otherwise than its program did, and none that was told lost lives on a node that serves.

use crate::node::Leaf;
use crate::time::Ps;
use crate::world::{Place, World};
use cnode::Bounds;
use cnode::host::{MemberSlot, SessionSlot};
use cnode::inspect::Session;
use protocol::message::Tmsg;
use protocol::record::End;
use protocol::verb::{Command, Share, session};
use std::collections::{BTreeMap, BTreeSet};

/// A member as nodes know it: the name of its session there, and its number.
pub(crate) type Key = (String, u32);

/// What is known of members.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Outcomes in the order in which each session of each run of an aggregator had them.
    told: BTreeMap<(u32, u32, u32), Vec<(u32, End)>>,
    /// Members that a lowest aggregator told lost.
    lost: BTreeSet<Key>,
    /// Members that were started, and how their program ended.
    started: BTreeMap<Key, Option<End>>,
    /// When a node was to take more members than it had places for, or an aggregator below which nobody was
    /// up was to share some out, and which: it has to refuse them.
    full: BTreeSet<(Ps, Place)>,
}

impl<B: Bounds> World<B> {
    fn key(&self, leaf: u32, session: SessionSlot, number: u32) -> Key {
        let Leaf { core, run, .. } = &self.leaves[leaf as usize];
        let session = core.session(session);
        // What an ionode makes has a name of its own everywhere; what is made at a node is that run's.
        let is_parents = session.is_some_and(Session::is_parents);
        let name = session.map_or("", Session::name);
        (if is_parents { name.to_owned() } else { format!("{leaf}/{}/{name}", run.number) }, number)
    }

    /// A node starts a member.
    pub(crate) fn starts(&mut self, leaf: u32, session: SessionSlot, number: u32) -> Result<(), String> {
        if !self.is_checked {
            return Ok(());
        }
        match self.ledger.started.insert(self.key(leaf, session, number), None) {
            None => Ok(()),
            Some(_) => Err(format!("member {number} is started twice, now on node {leaf}")),
        }
    }

    /// Whose a member's place at a node is, if that is to be known.
    pub(crate) fn member_key(&self, leaf: u32, member: MemberSlot) -> Option<Key> {
        let member = self.leaves[leaf as usize].core.member(member).filter(|_| self.is_checked)?;
        Some(self.key(leaf, member.session(), member.number()))
    }

    /// A message comes to a node: if it shares out more members than have room there, that is kept.
    pub(crate) fn asks(&mut self, leaf: u32, message: &[u8]) {
        let Some(share) = share_in(message).filter(|_| self.is_checked) else { return };
        let core = &self.leaves[leaf as usize].core;
        let Some(rank) = core.parent_rank() else { return };
        if share.own(rank).2 > core.member_room() {
            self.ledger.full.insert((self.queue.now(), Place::Leaf(leaf)));
        }
    }

    /// The same for an aggregator, which has room if anybody below it is up.
    pub(crate) fn asks_io(&mut self, io: u32, message: &[u8]) {
        if !self.is_checked || share_in(message).is_none() {
            return;
        }
        let mut children = self.aggregators[io as usize].core.children();
        if !children.any(|child| child.is_up() && child.leaves() > 0) {
            self.ledger.full.insert((self.queue.now(), Place::Io(io)));
        }
    }

    /// Somebody had no room for members, from a time on: the node of that name, or at or below an aggregator.
    pub(crate) fn was_full(&self, name: &str, since: u64) -> bool {
        let is_his = |place: Place| match (place, self.levels.io_named(name)) {
            (Place::Leaf(leaf), Some(io)) => self.levels.is_below(leaf, io),
            (Place::Leaf(leaf), None) => self.levels.leaf_named(name) == Some(leaf),
            (place, io) => io.map(Place::Io) == Some(place),
        };
        self.ledger.full.range((Ps::us(since), Place::Io(0))..).any(|(_, place)| is_his(*place))
    }

    /// Some node had no room for members that it was to take, from a time on.
    pub(crate) fn some_were_full(&self, since: u64) -> bool {
        self.ledger.full.range((Ps::us(since), Place::Io(0))..).next().is_some()
    }

    /// The program of a member ends.
    pub(crate) fn ends(&mut self, key: Key, end: End) {
        self.ledger.started.insert(key, Some(end));
    }

    /// What an aggregator tells of members is what it told before, and what became of them; no node that it
    /// serves runs one that was told lost, be its session gone or not. `all` says whether to look at what was
    /// looked at before, too.
    pub(crate) fn check_ends(&mut self, io: u32, all: bool) -> Result<(), String> {
        if !self.is_checked {
            return Ok(());
        }
        let mut ledger = std::mem::take(&mut self.ledger);
        let told = self.check_told(&mut ledger, io, all);
        let alive = if ledger.lost.is_empty() { Ok(()) } else { self.check_lost(&ledger, io) };
        self.ledger = ledger;
        told.and(alive)
    }

    fn check_told(&self, ledger: &mut Ledger, io: u32, all: bool) -> Result<(), String> {
        let aggregator = &self.aggregators[io as usize];
        let is_lowest = self.levels.level(io) == 0;
        for session in aggregator.core.sessions().filter(|session| session.is_executed()) {
            let known = ledger.told.entry((io, aggregator.run.number, session.serial())).or_default();
            let first = if all { 0 } else { known.len() as u32 };
            for nth in first..session.told() {
                let Some((number, outcome)) = session.outcome(nth) else { break };
                let end = outcome.end;
                match known.get(nth as usize) {
                    Some(before) if *before != (number, end) => {
                        return Err(format!("member {number} is told {end:?}, and before {before:?}"));
                    }
                    Some(_) => continue,
                    None => known.push((number, end)),
                }
                if is_lowest {
                    let key = (session.name_below().as_str().to_owned(), number);
                    check_truth(&ledger.started, &key, end)?;
                    if end == End::Lost {
                        ledger.lost.insert(key);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_lost(&self, ledger: &Ledger, io: u32) -> Result<(), String> {
        for child in self.aggregators[io as usize].core.children().filter(|child| child.is_serving()) {
            let name = child.name();
            let Some(index) = self.levels.leaf_named(name) else { continue };
            let leaf = &self.leaves[index as usize];
            for member in leaf.core.members().filter(|member| member.is_live() && !leaf.run.dead) {
                if ledger.lost.contains(&self.key(index, member.session(), member.number())) {
                    return Err(format!("member {} on {name} was told lost and lives", member.number()));
                }
            }
        }
        Ok(())
    }
}

/// How members are shared out, if a message says that.
fn share_in(message: &[u8]) -> Option<Share> {
    let Ok((_, Tmsg::Write { data, .. })) = Tmsg::decode(message) else { return None };
    let text = std::str::from_utf8(data).ok()?;
    match session(text.lines().find(|line| line.starts_with("shares "))?) {
        Ok(Command::Shares(share)) => Some(share),
        _ => None,
    }
}

/// An end that is told is the one that the program had.
fn check_truth(started: &BTreeMap<Key, Option<End>>, key: &Key, end: End) -> Result<(), String> {
    let number = key.1;
    match (end, started.get(key)) {
        (End::Exit(_) | End::Signal(_), Some(Some(had))) if *had != end => {
            Err(format!("member {number} is told {end:?}, and its program had {had:?}"))
        }
        (End::Exit(_) | End::Signal(_), None | Some(None)) => {
            Err(format!("member {number} is told {end:?}, and its program has not ended"))
        }
        _ => Ok(()),
    }
}
