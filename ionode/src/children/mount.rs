//! `mount` and `unmount`: trees at addresses, which are children in all but what they are counted for: they
//! are dialled from here, reached through `net/<name>`, and have no part in sessions, states and sums.
//!
//! With `-c` a tree becomes a child: its root is told to join this node, as any child does. See decision
//! 0014.

use crate::children::{beat, join};
use crate::down::ask::{Answer, Ask};
use crate::down::child::State;
use crate::down::step::Send;
use crate::ground::bounds::MOUNTS;
use crate::ground::deed::Deed;
use crate::ground::id::GatherId;
use crate::part::Part;
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::limits::{MSIZE_MIN, REDIAL_MAX_US, REDIAL_MIN_US};
use protocol::message::{Rmsg, Tag};
use protocol::nodeset::Name;
use protocol::server::{LinkId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{DIAL_MAX, Why};
use protocol::wire::Botch;

/// Levels that a mounted tree is given the time for.
const HEIGHT: u8 = 3;

/// One mounted tree.
#[derive(Clone, Copy, Debug)]
struct Mount {
    /// Its place among the children.
    rank: Rank,
    /// Where it is.
    dial: Text<DIAL_MAX>,
    /// Who waits for it to be there for the first time.
    waits: Option<GatherId>,
    /// It is to become a child.
    adopts: bool,
    /// It has joined as one.
    is_adopted: bool,
    /// The driver is to dial it then.
    due: Time,
    pause: u64,
}

/// A tree that is to be mounted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// It is to become a child.
    pub(crate) adopts: bool,
    /// Where it is.
    pub(crate) dial: &'a str,
    /// Its name in `net`.
    pub(crate) name: Name,
}

/// The mounted trees.
#[derive(Debug, Default)]
pub(crate) struct Mounts {
    all: [Option<Mount>; MOUNTS],
    /// Addresses that others dial this node at.
    addresses: Vec<Text<DIAL_MAX>>,
}

impl Mounts {
    /// Others can dial this node there. One that is longer than any dial string is of no use to them.
    pub(crate) fn add_address(&mut self, dial: &str) {
        self.addresses.extend(Text::new(dial));
    }

    /// The place among the children of a tree that is to be mounted, if it can be.
    pub(crate) fn place(&self, wanted: Wanted<'_>, shared: &mut Shared) -> Result<Rank, Why> {
        let Wanted { adopts, dial, name } = wanted;
        if name.as_str() == "parent" || shared.children.find(name.as_str()).is_some() {
            return Err(Why::Says("the name is taken in net"));
        }
        if adopts && self.address_for(dial).is_empty() {
            return Err(Why::Says("this node has no address of that kind that a child could join at"));
        }
        if self.all.iter().all(Option::is_some) {
            return Err(Why::Says("8 trees are mounted; unmount one"));
        }
        shared.children.place(name.as_str()).ok_or(Why::Says("full: 64 children have joined"))
    }

    /// `mount`, in a place that was given for it: the command is answered when the tree is there, or cannot
    /// be had.
    pub(crate) fn begin(
        &mut self,
        now: Time,
        (rank, waits): (Rank, GatherId),
        Wanted { adopts, dial, name }: Wanted<'_>,
        shared: &mut Shared,
    ) {
        let child = shared.children.get_mut(rank);
        child.take_place();
        child.name = Text::cut(name.as_str());
        child.state = State::Lost(now);
        child.is_mount = true;
        let (dial, waits, due) = (Text::cut(dial), Some(waits), Time::default());
        let mount = Mount { rank, dial, waits, adopts, is_adopted: false, due, pause: REDIAL_MIN_US };
        let free = self.all.iter_mut().find(|mount| mount.is_none());
        assert!(free.is_some(), "a place is asked for first");
        free.into_iter().for_each(|free| *free = Some(mount));
    }

    /// Our own address of the kind of another.
    fn address_for(&self, dial: &str) -> Text<DIAL_MAX> {
        let kind = dial.split('!').next().unwrap_or("");
        let ours = self.addresses.iter().find(|own| own.as_str().split('!').next() == Some(kind));
        // Nobody can dial every address.
        ours.copied().filter(|own| !own.as_str().contains("!*!")).unwrap_or(Text::EMPTY)
    }

    /// `unmount`: true if its place is another's at once, since it was lost before as a child.
    pub(crate) fn end(&mut self, now: Time, name: Name, shared: &mut Shared) -> Result<Option<Rank>, Why> {
        let rank = shared.children.find(name.as_str()).ok_or(Why::Ename(Ename::NotFound))?;
        let index = self.index_of(rank);
        let index = index.ok_or(Why::Says("it has joined by itself: end it, or tell it parent none"))?;
        let Some(mount) = self.all[index].take() else { return Ok(None) };
        mounted(mount.waits, Err(Why::Ename(Ename::Interrupted)), shared);
        let one = ChildSet::one(rank).and(shared.children.serving());
        if mount.is_adopted && !one.is_empty() {
            let ctl = shared.down.node.ctl;
            shared.children.get_mut(rank).is_leaving = true;
            shared.down.ask_text(one, Ask::Rest, ctl, format_args!("parent none\n"));
            return Ok(None);
        }
        let is_gone = mount.is_adopted && !shared.children.get(rank).is_linked();
        drop_place(now, rank, shared);
        Ok(is_gone.then_some(rank))
    }

    fn index_of(&self, rank: Rank) -> Option<usize> {
        self.all.iter().position(|mount| mount.is_some_and(|mount| mount.rank == rank))
    }

    /// The mount in the place of a child, while it has not joined as one.
    fn unjoined(&self, rank: Rank) -> Option<usize> {
        self.index_of(rank).filter(|index| self.all[*index].is_some_and(|mount| !mount.is_adopted))
    }

    /// The next tree that the driver is to dial: its index.
    pub(crate) fn poll_dial(&mut self) -> Option<u8> {
        let is_due = |mount: &Option<Mount>| mount.is_some_and(|mount| mount.due == Time::default());
        let index = self.all.iter().position(is_due)?;
        if let Some(mount) = &mut self.all[index] {
            mount.due = Time::NEVER;
        }
        Some(index as u8)
    }

    /// Where that is; nowhere if it is not wanted any more.
    pub(crate) fn dial(&self, index: u8) -> Option<&str> {
        self.all.get(usize::from(index))?.as_ref().map(|mount| mount.dial.as_str())
    }

    /// A tree was reached, on a link of its own.
    pub(crate) fn dialled(&mut self, now: Time, index: u8, link: LinkId, shared: &mut Shared) {
        // It may have been unmounted meanwhile, or have joined.
        let mount = self.all[usize::from(index)].filter(|mount| !mount.is_adopted);
        let Some(mount) = mount else { return shared.deeds.hang_up(link) };
        let child = shared.children.get_mut(mount.rank);
        child.state = State::Hailed;
        child.msize = MSIZE_MIN;
        child.asked = Some(now);
        // What it is is its own; it may have to ask others before it answers.
        child.height = HEIGHT;
        shared.children.bind(mount.rank, link);
        shared.down.send(ChildSet::one(mount.rank), Tag::NONE, Send::Version);
    }

    /// A tree could not be reached: for the first time that is its end, later it is tried again.
    pub(crate) fn failed(&mut self, now: Time, index: u8, ename: Ename, shared: &mut Shared) {
        let Some(mount) = &mut self.all[usize::from(index)] else { return };
        if let Some(id) = mount.waits.take() {
            let rank = mount.rank;
            self.all[usize::from(index)] = None;
            drop_place(now, rank, shared);
            return mounted(Some(id), Err(Why::Ename(ename)), shared);
        }
        mount.due = now + mount.pause;
        mount.pause = (2 * mount.pause).min(REDIAL_MAX_US);
    }

    /// The other end agreed on a version: the tree is there.
    pub(crate) fn greeted(&mut self, rank: Rank, msg: &Rmsg<'_>, shared: &mut Shared) -> Result<(), Botch> {
        join::agreed(rank, State::Hailed, msg, shared)?;
        let child = shared.children.get_mut(rank);
        child.asked = None;
        child.state = State::Mounted;
        let index = self.index_of(rank).ok_or(Botch)?;
        let Some(mount) = &mut self.all[index] else { return Err(Botch) };
        mount.pause = REDIAL_MIN_US;
        if mount.adopts {
            let at = self.address_for(self.dial(index as u8).unwrap_or(""));
            return adopt(rank, at.as_str(), shared);
        }
        mounted(mount.waits.take(), Ok(()), shared);
        Ok(())
    }

    /// What the root of a tree says to joining.
    pub(crate) fn answered(&mut self, now: Time, rank: Rank, answer: Answer<'_>, shared: &mut Shared) {
        // It may have joined before it has answered.
        if let (Err(ename), Some(index)) = (answer, self.unjoined(rank)) {
            self.failed(now, index as u8, ename, shared);
        }
    }

    /// A node joins under the name of a tree that is to: its place is kept, and the link by which it
    /// was mounted is closed.
    pub(crate) fn joins(&mut self, rank: Rank) -> Result<(), Why> {
        let index = self.index_of(rank).filter(|index| self.all[*index].is_some_and(|mount| mount.adopts));
        let index = index.ok_or(Why::Says("the name is that of a tree that is mounted"))?;
        if let Some(mount) = &mut self.all[index] {
            mount.is_adopted = true;
            mount.due = Time::NEVER;
        }
        Ok(())
    }

    /// A child has become up: whoever waits for its adoption is told.
    pub(crate) fn joined(&mut self, rank: Rank, shared: &mut Shared) {
        if let Some(index) = self.index_of(rank) {
            let waits = self.all[index].as_mut().and_then(|mount| mount.waits.take());
            mounted(waits, Ok(()), shared);
        }
    }

    /// The link of a mounted tree is gone: it is dialled again, unless it is a child now.
    pub(crate) fn lost(&mut self, now: Time, rank: Rank, shared: &mut Shared) {
        if let Some(index) = self.unjoined(rank) {
            self.failed(now, index as u8, Ename::HostDown, shared);
        }
    }

    /// The time of a command is over: the trees that it waited for are given up.
    pub(crate) fn give_up(&mut self, now: Time, id: GatherId, shared: &mut Shared) {
        for index in 0..MOUNTS {
            if self.all[index].is_some_and(|mount| mount.waits == Some(id)) {
                self.failed(now, index as u8, Ename::TimedOut, shared);
            }
        }
    }
}

impl Part for Mounts {
    fn due(&self) -> Time {
        self.all.iter().flatten().map(|mount| mount.due).min().unwrap_or(Time::NEVER)
    }

    fn expire(&mut self, now: Time, _: &mut Shared) -> bool {
        let is_due = |mount: &&mut Mount| mount.due <= now && mount.due != Time::default();
        let Some(mount) = self.all.iter_mut().flatten().find(is_due) else { return false };
        mount.due = Time::default();
        true
    }
}

/// A tree is there, or cannot be had: for the command that waits for it.
fn mounted(waits: Option<GatherId>, outcome: Result<(), Why>, shared: &mut Shared) {
    if let Some(id) = waits {
        shared.deeds.push(Deed::Mounted(id, outcome));
    }
}

/// The place of a tree among the children is free for another.
fn drop_place(now: Time, rank: Rank, shared: &mut Shared) {
    beat::hang_up(now, rank, shared);
    let child = shared.children.get_mut(rank);
    if child.is_mount {
        child.is_mount = false;
        child.state = State::Empty;
    }
}

/// Tells the root of a mounted tree to join this node.
fn adopt(rank: Rank, at: &str, shared: &mut Shared) -> Result<(), Botch> {
    let one = ChildSet::one(rank);
    let root = shared.root().ok_or(Botch)?;
    let fid = shared.down.fids.take().ok_or(Botch)?;
    shared.attach(root, one);
    shared.open_root(root, one, fid, (File::Ctl, mode::WRITE));
    shared.down.ask_text(one, Ask::Adopt, fid, format_args!("parent {at}\n"));
    shared.down.clunk(fid);
    Ok(())
}
