//! The beat: every child is asked whether it is there, all of them by one message, and one that is silent for
//! too long is given up.

use crate::children::report;
use crate::down::ask::{Answer, Ask};
use crate::down::child::{Child, State};
use crate::down::step::Send;
use crate::ground::deed::Deed;
use crate::part::Part;
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::limits::{BEAT_US, DETECT_US, GRACE_US};
use protocol::message::{Rmsg, Tag};
use protocol::set::Rank;
use protocol::time::Time;
use protocol::wire::Botch;

/// When the next beat is due.
pub(crate) struct Beat {
    at: Time,
}

impl Beat {
    /// The first is due a while after the start.
    pub(crate) fn new(now: Time) -> Self {
        Self { at: now + BEAT_US }
    }
}

impl Part for Beat {
    fn due(&self) -> Time {
        self.at
    }

    /// Sends the beat to all who have answered the last, a mounted tree among them, and gives up those who
    /// are silent for too long.
    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        if now < self.at {
            return false;
        }
        self.at = now + BEAT_US;
        ask(now, shared);
        report::refresh(shared);
        for rank in shared.children.those(|child| child.is_linked() && child.asked.is_some()) {
            let child = shared.children.get_mut(rank);
            let silence = child.asked.map_or(0, |at| now - at);
            if silence >= DETECT_US + GRACE_US {
                hang_up(now, rank, shared);
            } else if silence >= DETECT_US && child.state == State::Up {
                child.state = State::Suspect;
                shared.child_is(rank);
            }
        }
        true
    }
}

fn ask(now: Time, shared: &mut Shared) {
    let ready = shared.children.serving().and(shared.children.those(|child| child.asked.is_none()));
    let is_idle = |child: &Child| child.state == State::Mounted && child.asked.is_none();
    let mounted = shared.children.those(is_idle);
    for rank in ready.or(mounted) {
        shared.children.get_mut(rank).asked = Some(now);
    }
    let fid = shared.down.node.beat;
    shared.down.ask(ready, Ask::Beat, Send::Read { fid, offset: 0, count: 64 });
    // Whatever serves there answers a flush of nothing at once.
    shared.down.ask(mounted, Ask::Pulse, Send::Flush { old: Tag::NONE });
}

/// A child's change count: `<boot> <count>`.
pub(crate) fn beaten(rank: Rank, answer: Answer<'_>, shared: &mut Shared) -> Result<(), Botch> {
    let data = match answer {
        Ok(Rmsg::Read { data }) => data,
        // Its link is gone, which is followed elsewhere.
        Err(Ename::HostDown) => return Ok(()),
        _ => return Err(Botch),
    };
    let text = core::str::from_utf8(data).map_err(|_| Botch)?;
    let count = text.trim_end().split(' ').nth(1).ok_or(Botch)?;
    let changes = count.parse().map_err(|_| Botch)?;
    let child = shared.children.get_mut(rank);
    child.asked = None;
    if child.changes != changes {
        child.changes = changes;
        child.is_stale = true;
    }
    if child.state == State::Suspect {
        child.state = State::Up;
        shared.child_is(rank);
    }
    Ok(())
}

/// The link of a child is of no use any more.
pub(crate) fn hang_up(now: Time, rank: Rank, shared: &mut Shared) {
    let child = shared.children.get(rank);
    if child.is_linked() {
        let link = child.link;
        shared.deeds.hang_up(link);
        lose(now, rank, shared);
    }
}

/// A child is gone, if it had a link: nothing is sent to it any more.
pub(crate) fn lose(now: Time, rank: Rank, shared: &mut Shared) {
    let child = shared.children.get_mut(rank);
    if !child.is_linked() {
        return;
    }
    child.state = State::Lost(now);
    child.asked = None;
    child.is_stale = false;
    let (link, is_told) = (child.link, !child.is_mount && !child.is_leaving);
    shared.children.unbind(link);
    shared.down.forget_steps(rank);
    if is_told {
        shared.child_is(rank);
    }
    shared.deeds.push(Deed::ChildLost(rank));
}
