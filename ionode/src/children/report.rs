//! What children report of themselves and of those below them, read whenever their beat says that it has
//! changed: what they are, their status, and what happened below.

use crate::down::ask::{Answer, Ask};
use crate::down::child::{Child, KINDS, Kinds, Sums, state_word};
use crate::down::step::Send;
use crate::ground::bounds::SETS_MAX;
use crate::ground::deed::Deed;
use crate::shared::Shared;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::event::Subject;
use protocol::limits::{IOHDR, MSIZE_MIN};
use protocol::message::Rmsg;
use protocol::nodeset::{self, NodeSet};
use protocol::quote::Words;
use protocol::set::{ChildSet, Rank};
use protocol::tag::is_tag;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::WHY_MAX;
use protocol::wire::Botch;

/// The longest status record of a compute node, in bytes.
const STATUS_MAX: usize = 512;
/// What is asked for at once of a node's own texts: what the smallest message holds.
const SHORT: u32 = MSIZE_MIN - IOHDR;
/// Levels that one node may have below it.
const HEIGHT_MAX: u8 = 15;

/// Reads anew what has changed of children.
pub(crate) fn refresh(shared: &mut Shared) {
    let stale = shared.children.stale();
    stale.into_iter().for_each(|rank| shared.children.get_mut(rank).is_stale = false);
    ask_info(stale, shared);
    ask_status(stale, shared);
}

/// Asks children what they are.
pub(crate) fn ask_info(set: ChildSet, shared: &mut Shared) {
    let fid = shared.down.node.info;
    shared.down.ask(set, Ask::Info, Send::Read { fid, offset: 0, count: SHORT });
}

/// Asks compute nodes for their record, inner nodes for the sum of those below them.
pub(crate) fn ask_status(set: ChildSet, shared: &mut Shared) {
    let inner = set.and(shared.children.those(Child::is_inner));
    let files = shared.down.node;
    for (set, fid) in [(set.less(inner), files.status), (inner, files.summary)] {
        set.into_iter().for_each(|rank| shared.children.get_mut(rank).is_reading = true);
        shared.down.ask(set, Ask::Status, Send::Read { fid, offset: 0, count: SHORT });
    }
}

/// Asks inner nodes for what happens below them: answered when something does.
pub(crate) fn ask_events(set: ChildSet, shared: &mut Shared) {
    let fid = shared.down.node.events;
    shared.down.ask(set, Ask::Events, Send::Read { fid, offset: 0, count: SHORT });
}

/// The data of a read; none where the link is gone, which is followed elsewhere.
fn data_of(answer: Answer<'_>) -> Result<Option<&[u8]>, Botch> {
    match answer {
        Ok(Rmsg::Read { data }) => Ok(Some(data)),
        Err(Ename::HostDown) => Ok(None),
        Ok(_) | Err(_) => Err(Botch),
    }
}

/// What a child is: `key=value` lines.
pub(crate) fn take_info(rank: Rank, answer: Answer<'_>, shared: &mut Shared) -> Result<(), Botch> {
    let Some(data) = data_of(answer)? else { return Ok(()) };
    let text = core::str::from_utf8(data).map_err(|_| Botch)?;
    let number = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
    };
    let child = shared.children.get_mut(rank);
    child.height = number("height").min(u64::from(HEIGHT_MAX)) as u8;
    child.sums = Sums { cores: number("cores"), mem: number("mem"), gpus: number("gpus") };
    take_kinds(child, text);
    child.tags.clear();
    let is_one = |line: &&str| line.strip_prefix("tag ").is_some_and(is_tag);
    for tag in text.lines().filter(is_one) {
        child.tags.extend_from_slice(tag.as_bytes());
        child.tags.push(b'\n');
    }
    Ok(())
}

/// What happened to nodes below a child is an event here too.
pub(crate) fn take_events(
    now: Time,
    rank: Rank,
    answer: Answer<'_>,
    shared: &mut Shared,
) -> Result<(), Botch> {
    let Some(data) = data_of(answer)? else { return Ok(()) };
    let text = core::str::from_utf8(data).map_err(|_| Botch)?;
    for line in text.lines() {
        let mut words = line.split(' ').skip(1);
        if let (Some("node"), Some(name), Some(state)) = (words.next(), words.next(), words.next())
            && let Some(state) = state_word(state)
        {
            shared.report(now, Subject::Node, name, state);
        }
    }
    ask_events(ChildSet::one(rank), shared);
    Ok(())
}

/// A compute node's own record, or a piece of an inner node's lines by state.
pub(crate) fn take_status(rank: Rank, answer: Answer<'_>, shared: &mut Shared) -> Result<(), Botch> {
    let data = data_of(answer)?;
    let child = shared.children.get_mut(rank);
    let Some(data) = data else {
        child.is_reading = false;
        child.fresh.clear();
        return Ok(());
    };
    let inner = child.is_inner();
    if child.fresh.len() + data.len() > if inner { SETS_MAX } else { STATUS_MAX } {
        return Err(Botch);
    }
    child.fresh.extend_from_slice(data);
    if inner && data.len() == SHORT as usize {
        let (fid, offset) = (shared.down.node.summary, child.fresh.len() as u64);
        shared.down.ask(ChildSet::one(rank), Ask::Status, Send::Read { fid, offset, count: SHORT });
        return Ok(());
    }
    let text = core::str::from_utf8(&child.fresh).map_err(|_| Botch)?;
    let (name, lines) = (text.split(' ').next().unwrap_or(""), text.matches('\n').count());
    // A compute node has one record, and its own: it has nothing to say of others.
    let is_own = lines == 1 && name == child.name.as_str();
    let is_whole = text.ends_with('\n') || inner && text.is_empty();
    if !is_whole || !inner && !is_own {
        return Err(Botch);
    }
    let drained = child.drained.is_some();
    renew(child);
    if drained != child.drained.is_some() {
        shared.child_is(rank);
    }
    shared.deeds.changes = shared.deeds.changes.wrapping_add(1);
    shared.deeds.push(Deed::ChildReported(rank));
    Ok(())
}

/// What was read of a child's status takes the place of what was known.
fn renew(child: &mut Child) {
    core::mem::swap(&mut child.status, &mut child.fresh);
    child.fresh.clear();
    child.is_reading = false;
    let inner = child.is_inner();
    child.drained = if inner { None } else { why_drained(&child.status) };
    // Whatever state it is in: the order of children does not change with that.
    let names = child.sets().filter_map(|(set, _)| NodeSet::parse(set).ok()?.iter().next());
    let first = names.min_by(|one, other| nodeset::order(one.as_str(), other.as_str()));
    child.first = first.map_or(Text::EMPTY, |name| Text::cut(name.as_str()));
    let up = u32::from(child.drained.is_none());
    child.leaves = if inner { child.up_below().map_or(0, |set| set.count() as u32) } else { up };
}

/// The kinds of compute nodes in an `info`: of its own node, or counted of those below.
fn take_kinds(child: &mut Child, text: &str) {
    let word = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let kind = |os: &str, arch: &str, count| Kinds { os: Text::cut(os), arch: Text::cut(arch), count };
    child.kinds.clear();
    if child.height == 0 {
        child.kinds.push(kind(word("os").unwrap_or(""), word("arch").unwrap_or(""), 1));
        return;
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("kind ")) {
        let mut words = line.split(' ');
        if let (Some(os), Some(arch), Some(Ok(count))) =
            (words.next(), words.next(), words.next().map(str::parse))
            && child.kinds.len() < KINDS
        {
            child.kinds.push(kind(os, arch, count));
        }
    }
}

/// Why a compute node drains, as its record says; none if it does not.
fn why_drained(record: &[u8]) -> Option<Text<WHY_MAX>> {
    let text = core::str::from_utf8(record).ok()?;
    let mut words = Words::new(text.trim_end()).flatten().skip(1);
    words.next().filter(|state| state.eq_str("draining"))?;
    let mut why = Text::EMPTY;
    if let Some(word) = words.find(|word| word.raw().starts_with("why=")) {
        let mut rest = word.chars();
        rest.nth("why".len());
        // One that is too long is no reason of ours.
        rest.try_for_each(|c| why.write_char(c)).ok()?;
    }
    Some(why)
}
