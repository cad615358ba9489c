//! What was told of members, beside what became of them: nobody has two outcomes, no member is started twice,
//! none ends otherwise than its program did, and none that was told lost lives on a node that serves.

use super::sight::{Observer, Scene, Sight};
use crate::host::Went;
use crate::levels::Levels;
use crate::nodes::feed::{Fed, Feed};
use crate::nodes::leaf::Leaf;
use crate::place::Place;
use bluegene::time::Ps;
use cnode::Bounds;
use cnode::host::{MemberSlot, SessionSlot};
use cnode::inspect::Session;
use ionode::bounds::PARENT;
use protocol::message::Tmsg;
use protocol::record::End;
use protocol::verb::{Command, Share, session};
use std::collections::{BTreeMap, BTreeSet};

/// A member as nodes know it: the name of its session there, and its number.
type Key = (String, u32);
/// A session of a run of an aggregator: the aggregator, the run, and the number of the session.
type Made = (u32, u32, u32);

/// What is known of members.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Nothing is looked at: that costs time for each member.
    pub(crate) is_closed: bool,
    /// Outcomes in the order in which each session had them.
    told: BTreeMap<Made, Vec<(u32, End)>>,
    /// Members that a lowest aggregator told lost.
    lost: BTreeSet<Key>,
    /// Members that were started, and how their program ended.
    started: BTreeMap<Key, Option<End>>,
    /// When a node was to take more members than it had places for, or an aggregator below which nobody was
    /// up was to share some out, and which: it has to refuse them.
    full: BTreeSet<(Ps, Place)>,
    /// Whose program a node is about to be told of.
    about: Option<Key>,
}

fn key<B: Bounds>(scene: &Scene<'_, B>, leaf: u32, session: SessionSlot, number: u32) -> Key {
    let Leaf { core, run, .. } = scene.nodes.leaf(leaf);
    let session = core.session(session);
    // What an ionode makes has a name of its own everywhere; what is made at a node is that run's.
    let is_parents = session.is_some_and(Session::is_parents);
    let name = session.map_or("", Session::name);
    (if is_parents { name.to_owned() } else { format!("{leaf}/{}/{name}", run.number) }, number)
}

/// Whose a member's place at a node is.
fn member_key<B: Bounds>(scene: &Scene<'_, B>, leaf: u32, member: MemberSlot) -> Option<Key> {
    let member = scene.nodes.leaf(leaf).core.member(member)?;
    Some(key(scene, leaf, member.session(), member.number()))
}

impl<B: Bounds> Observer<B> for Ledger {
    fn see(&mut self, scene: &Scene<'_, B>, sight: Sight<'_>) -> Result<(), String> {
        if self.is_closed {
            return Ok(());
        }
        match sight {
            Sight::Feeding(Place::Leaf(leaf), feed) => match feed {
                Feed::Bytes(_, message) => self.asks_leaf(scene, leaf, message),
                Feed::Started { member, .. } | Feed::Step { member, .. } => {
                    self.about = member_key(scene, leaf, member);
                }
                Feed::Due | Feed::Connected | Feed::Undialed | Feed::Hangup(_) => {}
            },
            Sight::Feeding(Place::Io(io), Feed::Bytes(PARENT, message)) => self.asks_io(scene, io, message),
            Sight::Fed(_, _, Fed::Went(Went::Ended(end)), _) => {
                self.started.extend(self.about.take().map(|key| (key, Some(end))));
            }
            Sight::Settled(Place::Io(io), Feed::Due) => return self.check(scene, io, false),
            Sight::Settled(Place::Io(io), Feed::Hangup(_)) => return self.check(scene, io, true),
            Sight::Starts(leaf, start, _) => {
                let key = key(scene, leaf, start.session, start.number);
                if self.started.insert(key, None).is_some() {
                    return Err(format!("member {} is started twice, now on node {leaf}", start.number));
                }
            }
            Sight::Feeding(..)
            | Sight::Fed(..)
            | Sight::Settled(..)
            | Sight::Turn(..)
            | Sight::Done
            | Sight::Missed(_)
            | Sight::Received(..)
            | Sight::Lost(_)
            | Sight::Passage(_)
            | Sight::HangsUp(_)
            | Sight::Goes(_) => {}
        }
        Ok(())
    }
}

impl Ledger {
    /// A message comes to a node: if it shares out more members than have room there, that is kept.
    fn asks_leaf<B: Bounds>(&mut self, scene: &Scene<'_, B>, leaf: u32, message: &[u8]) {
        let Some(share) = share_in(message) else { return };
        let core = &scene.nodes.leaf(leaf).core;
        let Some(rank) = core.parent_rank() else { return };
        if share.own(rank).2 > core.member_room() {
            self.full.insert((scene.now, Place::Leaf(leaf)));
        }
    }

    /// The same for an aggregator, which has room if anybody below it is up.
    fn asks_io<B: Bounds>(&mut self, scene: &Scene<'_, B>, io: u32, message: &[u8]) {
        let mut children = scene.nodes.io(io).core.children();
        if share_in(message).is_some() && !children.any(|child| child.is_up() && child.leaves() > 0) {
            self.full.insert((scene.now, Place::Io(io)));
        }
    }

    /// Somebody had no room for members, from a time on: the node of that name, or at or below an aggregator.
    pub(crate) fn was_full(&self, levels: &Levels, name: &str, since: u64) -> bool {
        let is_his = |place: Place| match (place, levels.io_named(name)) {
            (Place::Leaf(leaf), Some(io)) => levels.is_below(leaf, io),
            (Place::Leaf(leaf), None) => levels.leaf_named(name) == Some(leaf),
            (place, io) => io.map(Place::Io) == Some(place),
        };
        self.full.range((Ps::us(since), Place::Io(0))..).any(|(_, place)| is_his(*place))
    }

    /// Some node had no room for members that it was to take, from a time on.
    pub(crate) fn some_were_full(&self, since: u64) -> bool {
        self.full.range((Ps::us(since), Place::Io(0))..).next().is_some()
    }

    /// What an aggregator tells of members is what it told before, and what became of them; no node that it
    /// serves runs one that was told lost, be its session gone or not. `all` says whether to look at what was
    /// looked at before, too.
    fn check<B: Bounds>(&mut self, scene: &Scene<'_, B>, io: u32, all: bool) -> Result<(), String> {
        self.check_told(scene, io, all)?;
        if self.lost.is_empty() { Ok(()) } else { self.check_lost(scene, io) }
    }

    fn check_told<B: Bounds>(&mut self, scene: &Scene<'_, B>, io: u32, all: bool) -> Result<(), String> {
        let aggregator = scene.nodes.io(io);
        let is_lowest = scene.levels.level(io) == 0;
        for session in aggregator.core.sessions().filter(|session| session.is_executed()) {
            let known = self.told.entry((io, aggregator.run.number, session.serial())).or_default();
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
                    check_truth(&self.started, &key, end)?;
                    if end == End::Lost {
                        self.lost.insert(key);
                    }
                }
            }
        }
        Ok(())
    }

    fn check_lost<B: Bounds>(&self, scene: &Scene<'_, B>, io: u32) -> Result<(), String> {
        for child in scene.nodes.io(io).core.children().filter(|child| child.is_serving()) {
            let name = child.name();
            let Some(index) = scene.levels.leaf_named(name) else { continue };
            let leaf = scene.nodes.leaf(index);
            for member in leaf.core.members().filter(|member| member.is_live() && !leaf.run.dead) {
                if self.lost.contains(&key(scene, index, member.session(), member.number())) {
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
    let line = text.lines().find(|line| line.starts_with("shares "))?;
    let Ok(Command::Shares(share)) = session(line) else { return None };
    Some(share)
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
