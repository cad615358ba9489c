//! `mount` and `unmount`: trees at addresses, which are children in all but what they are counted for: they
//! are dialled from here, reached through `net/<name>`, and have no part in sessions, states and sums.
//!
//! With `-c` a tree becomes a child: its root is told to join this node, as any child does. See decision
//! 0014.

use crate::ask::{Answer, Ask, GatherId};
use crate::bounds::MOUNTS;
use crate::child::State;
use crate::ctl::Writer;
use crate::node::Node;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::limits::{MSIZE_LINK, MSIZE_MIN, REDIAL_MAX_US, REDIAL_MIN_US};
use protocol::message::{Rmsg, Tag, VERSION};
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

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Mount {
    /// Its place among the children.
    rank: Rank,
    /// Where it is.
    pub dial: Text<DIAL_MAX>,
    /// Who waits for it to be there for the first time.
    waits: Option<GatherId>,
    /// It is to become a child.
    adopts: bool,
    /// It has joined as one.
    adopted: bool,
    /// The driver is to dial it then.
    due: Time,
    pause: u64,
}

impl Node {
    /// `mount`: the write is answered when the tree is there, or cannot be had.
    pub(crate) fn mount(
        &mut self,
        (who, gather): (Writer, &mut Option<GatherId>),
        (adopts, dial, name): (bool, &str, Name),
        line: &str,
    ) -> Result<(), Why> {
        if name.as_str() == "parent" || self.children.find(name.as_str()).is_some() {
            return Err(Why::Says("the name is taken in net"));
        }
        if adopts && self.address_for(dial).is_empty() {
            return Err(Why::Says("this node has no address of that kind that a child could join at"));
        }
        let free = self.mounts.iter().position(Option::is_none);
        let free = free.ok_or(Why::Says("8 trees are mounted; unmount one"))?;
        let rank = self.children.place(name.as_str());
        let rank = rank.ok_or(Why::Says("full: 64 children have joined"))?;
        let id = self.owe((who, gather), (None, line), ChildSet::one(rank))?;
        let child = self.children.get_mut(rank);
        child.take_place();
        child.name = Text::cut(name.as_str());
        child.state = State::Lost(who.now);
        child.is_mount = true;
        let dial = Text::cut(dial);
        let (waits, due) = (Some(id), Time::default());
        self.mounts[free] =
            Some(Mount { rank, dial, waits, adopts, adopted: false, due, pause: REDIAL_MIN_US });
        Ok(())
    }

    /// Our own address of the kind of another.
    fn address_for(&self, dial: &str) -> Text<DIAL_MAX> {
        let kind = dial.split('!').next().unwrap_or("");
        let ours = self.addresses.iter().find(|own| own.as_str().split('!').next() == Some(kind));
        // Nobody can dial every address.
        ours.copied().filter(|own| !own.as_str().contains("!*!")).unwrap_or(Text::EMPTY)
    }

    /// `unmount`.
    pub(crate) fn unmount(&mut self, now: Time, name: Name) -> Result<(), Why> {
        let rank = self.children.find(name.as_str());
        let mount = rank.and_then(|rank| self.mount_of(rank));
        let Some(index) = mount else {
            return Err(if rank.is_some() {
                Why::Says("it has joined by itself: end it, or tell it parent none")
            } else {
                Why::Ename(Ename::NotFound)
            });
        };
        let Some(mount) = self.mounts[index].take() else { return Ok(()) };
        self.tell_mounted(mount.waits, Err(Why::Ename(Ename::Interrupted)));
        let one = ChildSet::one(mount.rank).and(self.serving());
        if mount.adopted && !one.is_empty() {
            let fid = self.node_fids.ctl;
            self.children.get_mut(mount.rank).is_leaving = true;
            self.ask_line(one, (Ask::Rest, fid), format_args!("parent none\n"));
            return Ok(());
        }
        if mount.adopted && !self.children.get(mount.rank).is_linked() {
            // It was lost before, and has nobody to tell.
            self.has_left(now, mount.rank);
        }
        self.drop_mount(now, mount.rank);
        Ok(())
    }

    fn mount_of(&self, rank: Rank) -> Option<usize> {
        self.mounts.iter().position(|mount| mount.is_some_and(|mount| mount.rank == rank))
    }

    /// Its place is free for another.
    fn drop_mount(&mut self, now: Time, rank: Rank) {
        if self.children.get(rank).is_linked() {
            let link = self.children.get(rank).link;
            self.drops.push(link);
            self.lose(now, rank);
        }
        if self.children.get(rank).is_mount {
            self.children.get_mut(rank).is_mount = false;
            self.children.get_mut(rank).state = State::Empty;
        }
    }

    /// Answers whoever waits for a mount.
    fn tell_mounted(&mut self, waits: Option<GatherId>, told: Result<(), Why>) {
        let Some(id) = waits else { return };
        let Some(gather) = self.gather(id) else { return };
        gather.owes -= 1;
        if let (Err(why), Some(refusal)) = (told, &mut gather.refusal) {
            refusal.add(why, ChildSet::EMPTY);
        }
        self.try_end(id);
    }

    /// The next tree that the driver is to dial: its place, and the address.
    pub(crate) fn poll_mount(&mut self) -> Option<u8> {
        let is_due = |mount: &Option<Mount>| mount.is_some_and(|mount| mount.due == Time::default());
        let index = self.mounts.iter().position(is_due)?;
        if let Some(mount) = &mut self.mounts[index] {
            mount.due = Time::NEVER;
        }
        Some(index as u8)
    }

    /// When one is to be dialled next.
    pub(crate) fn mounts_timeout(&self) -> Time {
        self.mounts.iter().flatten().map(|mount| mount.due).min().unwrap_or(Time::NEVER)
    }

    /// Has those be dialled whose time has come.
    pub(crate) fn redial_mounts(&mut self, now: Time) {
        for mount in self.mounts.iter_mut().flatten().filter(|mount| mount.due <= now) {
            mount.due = Time::default();
        }
    }

    /// A tree was reached, on a link of its own.
    pub(crate) fn mount_dialled(&mut self, now: Time, index: u8, link: LinkId) {
        // It may have been unmounted meanwhile, or have joined.
        let mount = self.mounts[index as usize].filter(|mount| !mount.adopted);
        let Some(mount) = mount else { return self.drops.push(link) };
        let child = self.children.get_mut(mount.rank);
        child.state = State::Hailed;
        child.msize = MSIZE_MIN;
        child.asked = Some(now);
        // What it is is its own; it may have to ask others before it answers.
        child.height = HEIGHT;
        self.children.bind(mount.rank, link);
        self.send(ChildSet::one(mount.rank), Tag::NONE, Send::Version);
    }

    /// A tree could not be reached: for the first time that is its end, later it is tried again.
    pub(crate) fn mount_failed(&mut self, now: Time, index: u8, ename: Ename) {
        let Some(mount) = &mut self.mounts[index as usize] else { return };
        if let Some(id) = mount.waits.take() {
            let rank = mount.rank;
            self.mounts[index as usize] = None;
            self.drop_mount(now, rank);
            return self.tell_mounted(Some(id), Err(Why::Ename(ename)));
        }
        mount.due = now + mount.pause;
        mount.pause = (2 * mount.pause).min(REDIAL_MAX_US);
    }

    /// The other end agreed on a version: the tree is there.
    pub(crate) fn hailed(&mut self, rank: Rank, msg: &Rmsg<'_>) -> Result<(), Botch> {
        let Rmsg::Version { msize, version } = *msg else { return Err(Botch) };
        let sound = version == VERSION && (MSIZE_MIN..=MSIZE_LINK).contains(&msize);
        let child = self.children.get_mut(rank);
        if child.state != State::Hailed || !sound {
            return Err(Botch);
        }
        child.msize = msize;
        child.asked = None;
        child.state = State::Mounted;
        let Some(index) = self.mount_of(rank) else { return Err(Botch) };
        let Some(mount) = &mut self.mounts[index] else { return Err(Botch) };
        mount.pause = REDIAL_MIN_US;
        if !mount.adopts {
            let waits = mount.waits.take();
            self.tell_mounted(waits, Ok(()));
            return Ok(());
        }
        self.adopt(rank, index)
    }

    /// Tells the root of a mounted tree to join this node.
    fn adopt(&mut self, rank: Rank, index: usize) -> Result<(), Botch> {
        let Some(mount) = self.mounts[index] else { return Err(Botch) };
        let at = self.address_for(mount.dial.as_str());
        let one = ChildSet::one(rank);
        let root = self.user("root").ok_or(Botch)?;
        let Some(fid) = self.fids.take() else { return Err(Botch) };
        self.attach(root, one);
        let from = self.attach_fid(root);
        self.fids.establish(fid, one);
        self.ask(one, Ask::Rest, Send::WalkRoot { from, fid, file: Some(File::Ctl) });
        self.ask(one, Ask::Rest, Send::Open { fid, mode: mode::WRITE });
        self.ask_line(one, (Ask::Adopt, fid), format_args!("parent {at}\n"));
        self.clunk(fid);
        Ok(())
    }

    /// What the root of a tree says to joining.
    pub(crate) fn told_adopt(&mut self, now: Time, rank: Rank, answer: Answer<'_>) {
        let Err(ename) = answer else { return };
        let index = self.mount_of(rank);
        // It may have joined before it has answered.
        if let Some(index) = index.filter(|index| self.mounts[*index].is_some_and(|mount| !mount.adopted)) {
            self.mount_failed(now, index as u8, ename);
        }
    }

    /// A node joins under the name of a tree that is to: its place is kept, the link that it was told on
    /// goes.
    pub(crate) fn adopting(&mut self, now: Time, rank: Rank) -> Result<(), Why> {
        let index = self.mount_of(rank).filter(|index| self.mounts[*index].is_some_and(|mount| mount.adopts));
        let Some(index) = index else { return Err(Why::Says("the name is that of a tree that is mounted")) };
        if let Some(mount) = &mut self.mounts[index] {
            mount.adopted = true;
            mount.due = Time::NEVER;
        }
        if self.children.get(rank).is_linked() {
            let link = self.children.get(rank).link;
            self.drops.push(link);
            self.lose(now, rank);
        }
        self.children.get_mut(rank).is_mount = false;
        Ok(())
    }

    /// A child has become up: whoever waits for its adoption is told.
    pub(crate) fn adopted(&mut self, rank: Rank) {
        if let Some(index) = self.mount_of(rank) {
            let waits = self.mounts[index].as_mut().and_then(|mount| mount.waits.take());
            self.tell_mounted(waits, Ok(()));
        }
    }

    /// The link of a mounted tree is gone: it is dialled again, unless it is a child now.
    pub(crate) fn mount_lost(&mut self, now: Time, rank: Rank) {
        if !self.children.get(rank).is_mount {
            return;
        }
        if let Some(index) = self.mount_of(rank)
            && !self.mounts[index].is_some_and(|mount| mount.adopted)
        {
            self.mount_failed(now, index as u8, Ename::HostDown);
        }
    }

    /// A writer's time is over: the trees that it waited for are given up.
    pub(crate) fn expire_mounts(&mut self, now: Time, id: GatherId) {
        for index in 0..MOUNTS {
            if self.mounts[index].is_some_and(|mount| mount.waits == Some(id)) {
                self.mount_failed(now, index as u8, Ename::TimedOut);
            }
        }
    }
}
