//! Children come and go: joining, the catch-up burst, the beat by which silence is known, and loss.

use crate::ask::{Answer, Ask};
use crate::child::State;
use crate::node::Node;
use crate::step::{Line, Send};
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::{BEAT_US, DETECT_US, GRACE_US, IOHDR, MSIZE_LINK, MSIZE_MIN, NODE_NAME_MAX};
use protocol::message::{Rmsg, Tag, VERSION};
use protocol::server::{LinkId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;
use protocol::wire::Botch;

/// The longest status record of a leaf.
const STATUS_MAX: u32 = 512;

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
        let rank = self.children.place(name.as_str());
        let rank = rank.ok_or(Why::Says("full: 64 children have joined"))?;
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
        child.name = name;
        child.boot = boot;
        child.state = State::Joining;
        child.msize = MSIZE_MIN;
        child.asked = Some(now);
        child.status.clear();
        self.children.bind(rank, link);
        self.tell_child(now, rank);
        Ok(())
    }

    /// What the child on `link` is answered; from then on it is served and serves.
    pub(crate) fn write_joined(&mut self, link: LinkId, w: &mut impl Write) -> bool {
        let Some(rank) = self.children.on(link) else { return false };
        let written = writeln!(w, "{} {:016x}", rank.index(), self.facts.boot);
        assert!(written.is_ok(), "a window takes any text");
        if self.children.get(rank).state == State::Joining {
            self.children.get_mut(rank).state = State::Greeted;
            self.send(ChildSet::one(rank), Tag::NONE, Send::Version);
        }
        true
    }

    /// The child agreed on a version: the rest of the catch-up burst.
    pub(crate) fn greeted(&mut self, rank: Rank, msg: &Rmsg<'_>) -> Result<(), Botch> {
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
            (files.status, File::Status, mode::READ),
        ] {
            self.fids.establish(fid, one);
            self.ask(one, Ask::CatchUp, Send::WalkRoot { from, fid, file: Some(file) });
            self.ask(one, Ask::CatchUp, Send::Open { fid, mode });
        }
        self.ask_status(one);
        self.ask(one, Ask::Fence, Send::Line { fid: files.ctl, line: Line::Fence });
        Ok(())
    }

    /// The catch-up burst is answered: the child takes part.
    pub(crate) fn child_is_up(&mut self, now: Time, rank: Rank) {
        let child = self.children.get_mut(rank);
        child.state = State::Up;
        child.asked = None;
        self.tell_child(now, rank);
    }

    /// Sends the beat to all who have answered the last, and gives up those who are silent for too long.
    pub(crate) fn beat(&mut self, now: Time) {
        if now < self.beat_at {
            return;
        }
        self.beat_at = now + BEAT_US;
        let ready = self.serving().and(self.children.those(|child| child.asked.is_none()));
        for rank in ready {
            self.children.get_mut(rank).asked = Some(now);
        }
        let fid = self.node_fids.beat;
        self.ask(ready, Ask::Beat, Send::Read { fid, offset: 0, count: 64 });
        let stale = core::mem::take(&mut self.stale).and(self.serving());
        self.ask_status(stale);
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

    fn ask_status(&mut self, set: ChildSet) {
        let fid = self.node_fids.status;
        let count = STATUS_MAX.min(MSIZE_MIN - IOHDR);
        self.ask(set, Ask::Status, Send::Read { fid, offset: 0, count });
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

    /// A child's own status record.
    pub(crate) fn take_status(&mut self, rank: Rank, answer: Answer<'_>) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Err(Ename::HostDown) => return Ok(()),
            _ => return Err(Botch),
        };
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        let child = self.children.get_mut(rank);
        // One record, and its own: a child has nothing to say of others.
        let (name, lines) = (text.split(' ').next().unwrap_or(""), text.matches('\n').count());
        if lines != 1 || !text.ends_with('\n') || name != child.name.as_str() {
            return Err(Botch);
        }
        child.status.clear();
        child.status.extend_from_slice(data);
        self.changes = self.changes.wrapping_add(1);
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
        self.tell_child(now, rank);
    }
}
