//! Children come and go: joining, the catch-up burst, the beat by which silence is known, and loss.

use crate::ask::{Answer, Ask};
use crate::bounds::SETS_MAX;
use crate::child::{Child, KINDS, Kinds, State, Sums};
use crate::node::Node;
use crate::step::{Line, Send};
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::limits::{BEAT_US, DETECT_US, GRACE_US, IOHDR, MSIZE_LINK, MSIZE_MIN, NODE_NAME_MAX};
use protocol::message::{Rmsg, Tag, VERSION};
use protocol::nodeset::{self, NodeSet};
use protocol::quote::{Quoted, Words};
use protocol::server::{LinkId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::tag::is_tag;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;
use protocol::wire::Botch;
use smallvec::SmallVec;

/// The longest status record of a compute node, in bytes.
const STATUS_MAX: usize = 512;
/// What is asked for at once of a node's own texts: what the smallest message holds.
const SHORT: u32 = MSIZE_MIN - IOHDR;
/// Why a node does not become a child.
const CYCLE: &str = "a cycle: that node is this one, or above it";
/// Levels that one node may have below it.
const HEIGHT_MAX: u8 = 15;

impl Node {
    /// A client on `link` says that it is a child.
    pub(crate) fn join(
        &mut self,
        now: Time,
        link: LinkId,
        name: Text<NODE_NAME_MAX>,
        boot: u64,
    ) -> Result<(), Why> {
        if self.children.on(link).is_some() {
            return Err(Why::Says("this link has joined already"));
        }
        if name.as_str() == "parent" {
            return Err(Why::Says("no child is called parent: net/parent is the node above"));
        }
        let rank = self.children.place(name.as_str());
        let rank = rank.ok_or(Why::Says("full: 64 children have joined"))?;
        if boot == self.facts.boot || self.parent.above().any(|above| above == boot) {
            return Err(Why::Says(CYCLE));
        }
        if self.children.get(rank).is_mount {
            self.adopting(now, rank)?;
        }
        let child = self.children.get(rank);
        if child.is_linked() {
            if child.boot != boot {
                return Err(Why::Says("the name is taken by another node that is up"));
            }
            // The same run has dialled again: its old link is of no use to either end.
            let old = child.link;
            self.drops.push(old);
            self.lose(now, rank);
        }
        let child = self.children.get_mut(rank);
        if child.state == State::Empty {
            child.take_place();
        }
        child.name = name;
        child.boot = boot;
        child.state = State::Joining;
        child.msize = MSIZE_MIN;
        child.asked = Some(now);
        (child.height, child.leaves, child.sums) = (0, 0, Sums::default());
        child.status.clear();
        child.fresh.clear();
        child.is_reading = false;
        self.children.bind(rank, link);
        self.tell_child(now, rank);
        Ok(())
    }

    /// What the child on `link` is answered; from then on it is served and serves.
    pub(crate) fn write_joined(&mut self, link: LinkId, w: &mut impl Write) -> bool {
        let Some(rank) = self.children.on(link) else { return false };
        let boots = self.boots();
        assert!(writeln!(w, "{}{boots}", rank.index()).is_ok(), "a window takes any text");
        if self.children.get(rank).state == State::Joining {
            self.children.get_mut(rank).state = State::Greeted;
            self.send(ChildSet::one(rank), Tag::NONE, Send::Version);
        }
        true
    }

    fn boots(&self) -> Boots {
        Boots([self.facts.boot].into_iter().chain(self.parent.above()).collect())
    }

    /// Tells children who is above them, so that none of those becomes one of theirs.
    pub(crate) fn tell_above(&mut self, set: ChildSet) {
        // A parent that comes and goes has it told again.
        if self.has_room_beside() {
            let boots = self.boots();
            self.ask_line(set, (Ask::Rest, self.node_fids.ctl), format_args!("above{boots}\n"));
        }
    }

    /// The parent says who is above. A node that is itself among them has been joined from there meanwhile.
    pub(crate) fn set_above(&mut self, boots: &str) -> Result<(), Why> {
        let changed = self.parent.set_above(boots.split_whitespace());
        if changed.map_err(|Botch| Why::Ename(Ename::Invalid))? {
            self.tell_above(self.children.inner());
        }
        if self.parent.above().any(|boot| boot == self.facts.boot) {
            self.drops.push(crate::bounds::PARENT);
            return Err(Why::Says(CYCLE));
        }
        Ok(())
    }

    /// The child agreed on a version: the rest of the catch-up burst.
    pub(crate) fn greeted(&mut self, rank: Rank, msg: &Rmsg<'_>) -> Result<(), Botch> {
        if self.children.get(rank).is_mount {
            return self.hailed(rank, msg);
        }
        let Rmsg::Version { msize, version } = *msg else { return Err(Botch) };
        let child = self.children.get_mut(rank);
        let sound = version == VERSION && (MSIZE_MIN..=MSIZE_LINK).contains(&msize);
        if child.state != State::Greeted || !sound {
            return Err(Botch);
        }
        child.msize = msize;
        child.state = State::CatchingUp;
        let one = ChildSet::one(rank);
        // The node's own files are reached as root, the user of nodes.
        let root = self.user("root").ok_or(Botch)?;
        for user in self.known_users() {
            self.attach(user, one);
        }
        let from = self.attach_fid(root);
        let files = self.node_fids;
        for (fid, file, mode) in [
            (files.ctl, File::Ctl, mode::RDWR),
            (files.beat, File::Beat, mode::READ),
            (files.info, File::Info, mode::READ),
            (files.status, File::Status, mode::READ),
            (files.summary, File::Summary, mode::READ),
            (files.events, File::Events, mode::READ),
        ] {
            self.fids.establish(fid, one);
            self.ask(one, Ask::CatchUp, Send::WalkRoot { from, fid, file: Some(file) });
            self.ask(one, Ask::CatchUp, Send::Open { fid, mode });
        }
        self.ask_info(one);
        Ok(())
    }

    /// The catch-up burst is answered: the child takes part.
    pub(crate) fn child_is_up(&mut self, now: Time, rank: Rank) {
        let child = self.children.get_mut(rank);
        child.state = State::Up;
        child.asked = None;
        self.tell_child(now, rank);
        self.adopted(rank);
        // They may have changed since it was told its rank.
        self.tell_above(ChildSet::one(rank).and(self.children.inner()));
    }

    /// Sends the beat to all who have answered the last, and gives up those who are silent for too long; a
    /// mounted tree among them.
    pub(crate) fn beat(&mut self, now: Time) {
        if now < self.beat_at {
            return;
        }
        self.beat_at = now + BEAT_US;
        let ready = self.serving().and(self.children.those(|child| child.asked.is_none()));
        let is_idle = |child: &Child| child.state == State::Mounted && child.asked.is_none();
        let mounted = self.children.those(is_idle);
        for rank in ready.or(mounted) {
            self.children.get_mut(rank).asked = Some(now);
        }
        let fid = self.node_fids.beat;
        self.ask(ready, Ask::Beat, Send::Read { fid, offset: 0, count: 64 });
        // Whatever serves there answers a flush of nothing at once.
        self.ask(mounted, Ask::Pulse, Send::Flush { old: Tag::NONE });
        self.refresh();
        for rank in self.children.those(|child| child.is_linked() && child.asked.is_some()) {
            let child = self.children.get_mut(rank);
            let silence = child.asked.map_or(0, |at| now - at);
            if silence >= DETECT_US + GRACE_US {
                let link = child.link;
                self.drops.push(link);
                self.lose(now, rank);
            } else if silence >= DETECT_US && child.state == State::Up {
                child.state = State::Suspect;
                self.tell_child(now, rank);
            }
        }
    }

    /// Reads anew what has changed of children.
    pub(crate) fn refresh(&mut self) {
        let idle = self.children.those(|child| !child.is_reading);
        let stale = self.stale.and(self.serving()).and(idle);
        self.stale = self.stale.less(stale);
        self.ask_info(stale);
        self.ask_status(stale);
    }

    fn ask_info(&mut self, set: ChildSet) {
        let fid = self.node_fids.info;
        self.ask(set, Ask::Info, Send::Read { fid, offset: 0, count: SHORT });
    }

    /// Asks compute nodes for their record, inner nodes for the sum of those below them.
    fn ask_status(&mut self, set: ChildSet) {
        let inner = set.and(self.children.those(Child::is_inner));
        for (set, fid) in [(set.less(inner), self.node_fids.status), (inner, self.node_fids.summary)] {
            set.into_iter().for_each(|rank| self.children.get_mut(rank).is_reading = true);
            self.ask(set, Ask::Status, Send::Read { fid, offset: 0, count: SHORT });
        }
    }

    /// What a child is: `key=value` lines.
    pub(crate) fn take_info(&mut self, rank: Rank, answer: Answer<'_>) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Err(Ename::HostDown) => return Ok(()),
            _ => return Err(Botch),
        };
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        let number = |key: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
        };
        let child = self.children.get_mut(rank);
        child.height = number("height").min(u64::from(HEIGHT_MAX)) as u8;
        child.sums = Sums { cores: number("cores"), mem: number("mem"), gpus: number("gpus") };
        take_kinds(child, text);
        child.tags.clear();
        let is_one = |line: &&str| line.strip_prefix("tag ").is_some_and(is_tag);
        for tag in text.lines().filter(is_one) {
            child.tags.extend_from_slice(tag.as_bytes());
            child.tags.push(b'\n');
        }
        if child.state == State::CatchingUp {
            let one = ChildSet::one(rank);
            let fid = self.node_fids.ctl;
            if let Some(why) = self.children.get(rank).drained {
                self.ask_line(one, (Ask::CatchUp, fid), format_args!("drain {}", Quoted(why.as_str())));
            }
            // Behind that: it is never up here while it is to drain.
            self.ask_status(one);
            if self.children.get(rank).is_inner() {
                self.ask_events(one);
            }
            self.ask(one, Ask::Fence, Send::Line { fid, line: Line::Fence });
        }
        Ok(())
    }

    /// Asks inner nodes for what happens below them: answered when something does.
    fn ask_events(&mut self, set: ChildSet) {
        let fid = self.node_fids.events;
        self.ask(set, Ask::Events, Send::Read { fid, offset: 0, count: SHORT });
    }

    /// What happened below a child is told here too, as far as it is about nodes.
    pub(crate) fn take_events(&mut self, now: Time, rank: Rank, answer: Answer<'_>) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Err(Ename::HostDown) => return Ok(()),
            _ => return Err(Botch),
        };
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        for line in text.lines() {
            let mut words = line.split(' ').skip(1);
            if let (Some("node"), Some(name), Some(state)) = (words.next(), words.next(), words.next())
                && let Some(state) = crate::child::state_word(state)
            {
                self.events.push(Event { at: now, what: Subject::Node, name: Text::cut(name), state });
                self.stirred = true;
            }
        }
        self.ask_events(ChildSet::one(rank));
        Ok(())
    }

    /// A child's change count: `<boot> <count>`.
    pub(crate) fn beaten(&mut self, now: Time, rank: Rank, answer: Answer<'_>) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            // Its link is gone: told elsewhere.
            Err(Ename::HostDown) => return Ok(()),
            _ => return Err(Botch),
        };
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        let count = text.trim_end().split(' ').nth(1).ok_or(Botch)?;
        let changes = count.parse().map_err(|_| Botch)?;
        let child = self.children.get_mut(rank);
        child.asked = None;
        if child.changes != changes {
            child.changes = changes;
            self.stale.add(rank);
        }
        if child.state == State::Suspect {
            child.state = State::Up;
            self.tell_child(now, rank);
        }
        Ok(())
    }

    /// A compute node's own record, or a piece of an inner node's lines by state.
    pub(crate) fn take_status(&mut self, now: Time, rank: Rank, answer: Answer<'_>) -> Result<(), Botch> {
        let child = self.children.get_mut(rank);
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Err(Ename::HostDown) => {
                child.is_reading = false;
                child.fresh.clear();
                return Ok(());
            }
            _ => return Err(Botch),
        };
        let inner = child.is_inner();
        if child.fresh.len() + data.len() > if inner { SETS_MAX } else { STATUS_MAX } {
            return Err(Botch);
        }
        child.fresh.extend_from_slice(data);
        if inner && data.len() == SHORT as usize {
            let (fid, offset) = (self.node_fids.summary, child.fresh.len() as u64);
            self.ask(ChildSet::one(rank), Ask::Status, Send::Read { fid, offset, count: SHORT });
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
        core::mem::swap(&mut child.status, &mut child.fresh);
        child.fresh.clear();
        child.is_reading = false;
        let drained = child.drained.is_some();
        child.drained = if inner { None } else { why_drained(&child.status) };
        let changed = drained != child.drained.is_some();
        // Whatever state it is in: the order of children does not change with that.
        let names = child.sets().filter_map(|(set, _)| NodeSet::parse(set).ok()?.iter().next());
        let first = names.min_by(|one, other| nodeset::order(one.as_str(), other.as_str()));
        child.first = first.map_or(Text::EMPTY, |name| Text::cut(name.as_str()));
        let up = u32::from(child.drained.is_none());
        child.leaves = if inner { child.up_below().map_or(0, |set| set.count() as u32) } else { up };
        self.changes = self.changes.wrapping_add(1);
        if changed {
            self.tell_child(now, rank);
        }
        self.noted(rank);
        Ok(())
    }

    /// A child is gone: its members are lost, and nobody waits for it any more.
    pub(crate) fn lose(&mut self, now: Time, rank: Rank) {
        let child = self.children.get_mut(rank);
        if !child.is_linked() {
            return;
        }
        child.state = State::Lost(now);
        child.asked = None;
        let link = child.link;
        self.children.unbind(link);
        let one = ChildSet::one(rank);
        self.steps.retain_mut(|step| {
            step.to = step.to.less(one);
            !step.to.is_empty()
        });
        self.lose_child(now, rank);
        self.stale.cut(rank);
        self.noted(rank);
        if self.children.get(rank).is_mount {
            return self.mount_lost(now, rank);
        }
        if core::mem::take(&mut self.children.get_mut(rank).is_leaving) {
            return self.has_left(now, rank);
        }
        self.tell_child(now, rank);
    }

    /// A child that was told to leave is gone: its place is another's.
    pub(crate) fn has_left(&mut self, now: Time, rank: Rank) {
        let name = self.children.get(rank).name;
        // While a session tells of it, it keeps its place.
        if !self.sessions.iter().any(|session| session.used && session.set().has(rank)) {
            self.children.get_mut(rank).state = State::Empty;
        }
        self.events.push(Event { at: now, what: Subject::Node, name, state: "down" });
        self.changes = self.changes.wrapping_add(1);
        self.stirred = true;
    }
}

/// The boot numbers of those above a child, nearest first.
struct Boots(SmallVec<[u64; 17]>);

impl core::fmt::Display for Boots {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|boot| write!(f, " {boot:016x}"))
    }
}

/// The kinds of compute nodes that an `info` tells: of its own node, or counted of those below.
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

/// Why a compute node drains, as its record tells it; none if it does not.
fn why_drained(record: &[u8]) -> Option<Text<{ protocol::verb::WHY_MAX }>> {
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
