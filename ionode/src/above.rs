//! The node above this one: the conversation in which this node joins it, and who is above it in turn.

use crate::down::ask::Ask;
use crate::ground::bounds::PARENT;
use crate::ground::deed::Deed;
use crate::part::Part;
use crate::shared::{Facts, Shared};
use core::fmt;
use protocol::ename::Ename;
use protocol::join::{ABOVE, Due, Parent};
use protocol::set::{ChildSet, Rank};
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{DIAL_MAX, Why};
use protocol::wire::Botch;
use smallvec::SmallVec;

/// Why a node does not become a child, or a parent is left.
pub(crate) const CYCLE: &str = "a cycle: that node is this one, or above it";

/// What is known of the parent and of those above it.
pub(crate) struct Above {
    /// The conversation with the parent, as the child that dials.
    pub(crate) parent: Parent<ABOVE>,
    /// Where a parent is that was given while the node ran.
    given: Text<DIAL_MAX>,
    /// When sessions of a parent that went away are given up.
    orphaned: Option<Time>,
    /// The driver is to connect to the parent.
    wants_dial: bool,
}

impl Above {
    /// A node that is to dial its parent at once, if it has one.
    pub(crate) fn new(facts: &Facts, now: Time) -> Self {
        let parent = Parent::new(facts.has_parent, now);
        Self { parent, given: Text::EMPTY, orphaned: None, wants_dial: false }
    }

    /// The boot numbers of this node and of all above it, nearest first.
    pub(crate) fn boots(&self, own: u64) -> Boots {
        Boots([own].into_iter().chain(self.parent.above()).collect())
    }

    /// That boot number is this node's, or of one above it.
    pub(crate) fn has(&self, own: u64, boot: u64) -> bool {
        boot == own || self.parent.above().any(|above| above == boot)
    }

    /// Tells children who is above them, so that none of those becomes one of theirs.
    pub(crate) fn tell(&self, set: ChildSet, shared: &mut Shared) {
        // When a parent comes or goes they are sent again.
        if shared.down.has_room_beside() {
            let (boots, ctl) = (self.boots(shared.facts.boot), shared.down.node.ctl);
            shared.down.ask_text(set, Ask::Rest, ctl, format_args!("above{boots}\n"));
        }
    }

    /// The parent says who is above. A node that is itself among them has been joined from there meanwhile.
    pub(crate) fn set(&mut self, boots: &str, shared: &mut Shared) -> Result<(), Why> {
        let changed = self.parent.set_above(boots.split_whitespace());
        if changed.map_err(|Botch| Why::Ename(Ename::Invalid))? {
            shared.deeds.push(Deed::AboveChanged);
        }
        if self.parent.above().any(|boot| boot == shared.facts.boot) {
            shared.deeds.hang_up(PARENT);
            return Err(Why::Says(CYCLE));
        }
        Ok(())
    }

    /// `parent`: another node is joined, or the one that is is left.
    pub(crate) fn give(&mut self, now: Time, parent: Option<&str>, shared: &mut Shared) -> Result<(), Why> {
        match parent {
            Some(_) if self.parent.exists() => {
                return Err(Why::Says("it has a parent: tell it parent none first"));
            }
            Some(dial) => {
                self.given = Text::cut(dial);
                self.parent.give(now);
            }
            None => {
                self.parent.leave();
                shared.deeds.push(Deed::AboveChanged);
                shared.deeds.hang_up(PARENT);
                shared.deeds.push(Deed::Fenced);
            }
        }
        Ok(())
    }

    /// The address of a parent that was given while the node ran; empty before.
    pub(crate) fn dial(&self) -> &str {
        self.given.as_str()
    }

    /// The driver is to connect to the parent, once.
    pub(crate) fn poll_dial(&mut self) -> bool {
        core::mem::take(&mut self.wants_dial)
    }

    /// Takes the parent's answer to joining.
    pub(crate) fn answer(&mut self, message: &[u8], shared: &mut Shared) -> Result<(), Botch> {
        let before = self.parent.rank();
        self.parent.answer(message)?;
        if self.parent.rank().is_some() {
            self.orphaned = None;
        }
        if self.parent.rank() != before {
            shared.deeds.push(Deed::AboveChanged);
        }
        Ok(())
    }

    /// The rank among the parent's children, once joined.
    pub(crate) fn rank(&self) -> Option<Rank> {
        self.parent.rank()
    }

    /// The parent could not be reached, or is gone: it is dialled again after a while.
    pub(crate) fn fall(&mut self, now: Time, boot: u64) {
        self.parent.fall(now, boot ^ now.0);
    }

    /// The link to the parent is gone. One that was left has nothing to come back to, whoever follows it.
    pub(crate) fn lose(&mut self, now: Time, shared: &mut Shared) {
        if self.parent.has_link() {
            self.fall(now, shared.facts.boot);
            shared.deeds.push(Deed::AboveChanged);
            // A parent that was dialled in vain since then does not put it off.
            self.orphaned.get_or_insert(now + shared.tuning.orphan_us());
        }
    }
}

impl Part for Above {
    fn due(&self) -> Time {
        self.parent.timeout().min(self.orphaned.unwrap_or(Time::NEVER))
    }

    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        match self.parent.handle_timeout(now) {
            Some(Due::Dial) => self.wants_dial = true,
            Some(Due::HangUp) => shared.deeds.hang_up(PARENT),
            None if self.orphaned.is_some_and(|at| at <= now) => {
                self.orphaned = None;
                shared.deeds.push(Deed::Fenced);
            }
            None => return false,
        }
        true
    }
}

/// Boot numbers of nodes above a child, nearest first.
pub(crate) struct Boots(SmallVec<[u64; 1 + ABOVE]>);

impl fmt::Display for Boots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|boot| write!(f, " {boot:016x}"))
    }
}
