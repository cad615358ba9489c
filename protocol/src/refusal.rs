//! The last refusals of a node, kept as values and told as lines by `error`.

use crate::limits::REASON_MAX;
use crate::server::UserId;
use crate::set::ChildSet;
use crate::text::Text;
use crate::time::Time;
use crate::verb::Why;
use core::fmt::{self, Write};

/// Reasons kept apart in one refusal; further ones are counted.
pub const PARTS: usize = 4;

/// One command that was refused, or that some children refused.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// When, in microseconds since 1970.
    pub at: Time,
    /// Whose command.
    pub user: UserId,
    /// The session's slot, if it was a session's.
    pub slot: Option<u16>,
    /// The line's first word.
    pub verb: Text<16>,
    /// Which line of its write, from 1.
    pub line: u16,
    /// Why, and who says so; nobody is this node itself.
    parts: [Option<(Why, ChildSet)>; PARTS],
    more: u32,
}

impl Refusal {
    /// A refusal without a reason yet.
    pub fn new(at: Time, user: UserId, slot: Option<u16>, verb: Text<16>, line: u16) -> Self {
        Self { at, user, slot, verb, line, parts: [None; PARTS], more: 0 }
    }

    /// Adds a reason; equal ones are folded.
    pub fn add(&mut self, why: Why, who: ChildSet) {
        for part in &mut self.parts {
            match part {
                Some((same, set)) if *same == why => {
                    *set = set.or(who);
                    return;
                }
                Some(_) => {}
                None => {
                    *part = Some((why, who));
                    return;
                }
            }
        }
        self.more += who.count().max(1);
    }

    /// Takes a child's reason back: it has answered after all.
    pub fn excuse(&mut self, who: ChildSet) {
        for part in &mut self.parts {
            if let Some((_, set)) = part
                && !set.is_empty()
            {
                *set = set.less(who);
                if set.is_empty() {
                    *part = None;
                }
            }
        }
    }

    /// No reason is (or is left) in it.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Option::is_none)
    }

    /// The first reason: what the Rerror says.
    pub fn first(&self) -> Option<Why> {
        self.parts.iter().flatten().map(|(why, _)| *why).next()
    }

    /// Writes the line: `<time> <verb>: cn[05,09]: <reason>; cn12: <reason>`. `names` writes a set of
    /// children.
    pub fn write<W: Write>(
        &self,
        out: &mut W,
        mut names: impl FnMut(ChildSet, &mut Bounded<'_, W>) -> fmt::Result,
    ) -> fmt::Result {
        let mut out = Bounded { out, left: REASON_MAX - 1 };
        write!(out, "{} ", self.at.secs())?;
        if self.line > 1 {
            write!(out, "line {}: ", self.line)?;
        }
        write!(out, "{}: ", self.verb)?;
        for (index, (why, set)) in self.parts.iter().flatten().enumerate() {
            if index > 0 {
                out.write_str("; ")?;
            }
            if !set.is_empty() {
                names(*set, &mut out)?;
                out.write_str(": ")?;
            }
            write!(out, "{why}")?;
        }
        if self.more > 0 {
            write!(out, "; and {} more", self.more)?;
        }
        out.out.write_char('\n')
    }
}

/// Lets a bounded count of bytes through and drops the rest.
pub struct Bounded<'a, W: Write> {
    out: &'a mut W,
    left: usize,
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let mut take = s.len().min(self.left);
        while !s.is_char_boundary(take) {
            take -= 1;
        }
        self.left -= take;
        self.out.write_str(&s[..take])
    }
}

/// The last `N` refusals, oldest first.
#[derive(Debug)]
pub struct Refusals<const N: usize> {
    ring: [Option<Refusal>; N],
    next: usize,
}

impl<const N: usize> Default for Refusals<N> {
    fn default() -> Self {
        Self { ring: [None; N], next: 0 }
    }
}

impl<const N: usize> Refusals<N> {
    /// Keeps one; the oldest goes. What it is kept as.
    pub fn push(&mut self, refusal: Refusal) -> usize {
        let index = self.next;
        self.ring[index] = Some(refusal);
        self.next = (index + 1) % N;
        index
    }

    /// The one kept as `index`, while it is.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Refusal> {
        self.ring.get_mut(index)?.as_mut()
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Refusal> {
        (1..=N).filter_map(move |back| self.ring[(self.next + N - back) % N].as_ref())
    }

    /// A session is gone, and its slot will be another's.
    pub fn forget(&mut self, slot: u16) {
        for refusal in self.ring.iter_mut().flatten() {
            if refusal.slot == Some(slot) {
                refusal.slot = None;
            }
        }
    }
}
