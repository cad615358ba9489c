//! The last refusals of a node, kept as values and told as lines by `error`.

use crate::limits::REASON_MAX;
use crate::server::UserId;
use crate::set::ChildSet;
use crate::slots::Slots;
use crate::text::Text;
use crate::time::Time;
use crate::verb::Why;
use core::fmt::{self, Write};
use core::marker::PhantomData;
use heapless::Vec;

/// Reasons kept apart in one refusal of a node with children; further ones are counted.
pub const PARTS: usize = 4;

/// Node sets below children, beside the children themselves: a node without such children keeps `()`.
pub trait Below: Copy + Default {
    /// Adds a node set; false if there is no room for it.
    fn add(&mut self, set: &str) -> bool;
    /// The sets, with commas between them.
    fn as_str(&self) -> &str;
}

impl Below for () {
    fn add(&mut self, _: &str) -> bool {
        false
    }

    fn as_str(&self) -> &str {
        ""
    }
}

impl<const N: usize> Below for Text<N> {
    fn add(&mut self, set: &str) -> bool {
        let mut longer = *self;
        let comma = if self.is_empty() { "" } else { "," };
        let fits = write!(longer, "{comma}{set}").is_ok();
        if fits {
            *self = longer;
        }
        fits
    }

    fn as_str(&self) -> &str {
        self.as_str()
    }
}

/// A reason, and who says so; nobody is this node itself.
#[derive(Clone, Copy, Debug)]
struct Part<B> {
    why: Why,
    who: ChildSet,
    below: B,
}

/// One command that was refused, or that some children refused; `P` reasons of it are kept apart.
#[derive(Clone, Debug)]
pub struct Refusal<B = (), const P: usize = 1> {
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
    parts: Vec<Part<B>, P, u8>,
    more: u32,
}

impl<B: Below, const P: usize> Refusal<B, P> {
    /// A refusal without a reason yet.
    pub fn new(at: Time, user: UserId, slot: Option<u16>, verb: Text<16>, line: u16) -> Self {
        Self { at, user, slot, verb, line, parts: Vec::new(), more: 0 }
    }

    /// Adds a reason; equal ones are folded.
    pub fn add(&mut self, why: Why, who: ChildSet) {
        match self.part(why) {
            Some(part) => part.who = part.who.or(who),
            None => self.more += who.count().max(1),
        }
    }

    /// Adds a reason of a node set below a child; of so many nodes, where it has no room.
    pub fn add_below(&mut self, why: Why, set: &str, count: u32) {
        if !self.part(why).is_some_and(|part| part.below.add(set)) {
            self.more += count;
        }
    }

    /// The part for a reason; none if there are too many others.
    fn part(&mut self, why: Why) -> Option<&mut Part<B>> {
        let at = self.parts.iter().position(|part| part.why == why);
        let at = at.or_else(|| {
            self.parts.push(Part { why, who: ChildSet::EMPTY, below: B::default() }).ok()?;
            Some(self.parts.len() - 1)
        })?;
        self.parts.get_mut(at)
    }

    /// Takes a child's reason back: it has answered after all, or those below it are named instead.
    pub fn excuse(&mut self, who: ChildSet) {
        self.parts.retain_mut(|part| {
            let had = !part.who.is_empty();
            part.who = part.who.less(who);
            !had || !part.who.is_empty() || !part.below.as_str().is_empty()
        });
    }

    /// No reason is (or is left) in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The first reason: what the Rerror says.
    pub fn first(&self) -> Option<Why> {
        self.parts.first().map(|part| part.why)
    }

    /// What a line that another node wrote says behind the verb.
    pub fn text(line: &str) -> &str {
        // Time, the line's number if it is not the first, verb.
        let rest = line.split_once(' ').map_or("", |(_, rest)| rest);
        let numbered = rest.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
        let rest = numbered.map_or(rest, |(_, rest)| rest);
        rest.split_once(": ").map_or("", |(_, rest)| rest)
    }

    /// The reasons in a line that another node wrote, each behind the node set that it is of.
    pub fn reasons(line: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
        Self::text(line).split("; ").map(|part| match part.split_once(": ") {
            Some((set, why)) if crate::nodeset::NodeSet::parse(set).is_ok() => (Some(set), why),
            _ => (None, part),
        })
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
        for (index, Part { why, who, below }) in self.parts.iter().enumerate() {
            if index > 0 {
                out.write_str("; ")?;
            }
            let below = below.as_str();
            if !who.is_empty() {
                names(*who, &mut out)?;
            }
            let comma = if who.is_empty() || below.is_empty() { "" } else { "," };
            let colon = if who.is_empty() && below.is_empty() { "" } else { ": " };
            write!(out, "{comma}{below}{colon}{why}")?;
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

/// A refusal that was kept: the how manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalId(u32);

/// The last refusals, as many as the table `S` has room for.
#[derive(Debug)]
pub struct Refusals<R, S> {
    ring: S,
    /// How many were kept in all.
    count: usize,
    refusal: PhantomData<R>,
}

impl<R, S: Slots<Option<R>>> Default for Refusals<R, S> {
    fn default() -> Self {
        Self { ring: S::make(), count: 0, refusal: PhantomData }
    }
}

impl<B: Below, const P: usize, S: Slots<Option<Refusal<B, P>>>> Refusals<Refusal<B, P>, S> {
    /// Takes the memory for all that it is to keep.
    pub fn reserve(&mut self) {
        self.ring.reserve();
    }

    /// Where the next one goes, in a ring that has grown for it; one that does not grow any more is used anew
    /// from its begin.
    fn next(&mut self) -> usize {
        let has_room = self.count < self.ring.slots().len() || self.ring.grow();
        if has_room { self.count } else { self.count % self.ring.slots().len() }
    }

    /// Keeps one; the oldest goes. What it is kept as.
    pub fn push(&mut self, refusal: Refusal<B, P>) -> RefusalId {
        let index = self.next();
        self.ring.slots_mut()[index] = Some(refusal);
        self.count += 1;
        RefusalId(self.count as u32)
    }

    /// The one kept as `id`, while it is.
    pub fn get_mut(&mut self, id: RefusalId) -> Option<&mut Refusal<B, P>> {
        let later = (self.count as u32).wrapping_sub(id.0) as usize;
        let len = self.ring.slots().len();
        let index = self.count.checked_sub(1 + later).filter(|_| later < len)? % len;
        self.ring.slots_mut()[index].as_mut()
    }

    /// Newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Refusal<B, P>> {
        let slots = self.ring.slots();
        let newest = self.count.checked_rem(slots.len()).unwrap_or(0);
        let (older, newer) = slots.split_at(newest);
        older.iter().rev().chain(newer.iter().rev()).flatten()
    }

    /// A user is gone, and their number will be another's.
    pub fn forget_user(&mut self, user: UserId) {
        for place in self.ring.slots_mut() {
            *place = place.take().filter(|refusal| refusal.user != user);
        }
    }

    /// A session is gone, and its slot will be another's.
    pub fn forget(&mut self, slot: u16) {
        for refusal in self.ring.slots_mut().iter_mut().flatten() {
            if refusal.slot == Some(slot) {
                refusal.slot = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::ename::Ename;
    use crate::set::Rank;
    use std::string::String;

    fn one(rank: usize) -> ChildSet {
        ChildSet::one(Rank::new(rank).expect("below 64"))
    }

    #[test]
    fn reasons_are_folded_with_the_nodes_below_children_and_read_back() {
        let mut refusal =
            Refusal::<Text<40>, PARTS>::new(Time(7_000_000), UserId(0), None, Text::cut("exec"), 2);
        refusal.add(Why::Ename(Ename::NotFound), one(3));
        refusal.add(Why::Ename(Ename::TimedOut), one(4));
        refusal.add_below(Why::Ename(Ename::NotFound), "n[1-3]", 3);
        refusal.add_below(Why::Ename(Ename::NotFound), "n9", 1);
        refusal.add_below(Why::Ename(Ename::NotFound), &"x".repeat(40), 5);
        let written = |refusal: &Refusal<Text<40>, PARTS>| {
            let mut line = String::new();
            refusal.write(&mut line, |_, out| out.write_str("io3")).expect("a string grows");
            line
        };
        let want = "7 line 2: exec: io3,n[1-3],n9: No such file or directory; \
                    io3: Connection timed out; and 5 more\n";
        assert_eq!(written(&refusal), want);
        let read: std::vec::Vec<_> = <Refusal>::reasons(want.trim_end()).collect();
        let (file, time) = ("No such file or directory", "Connection timed out");
        assert_eq!(read, [(Some("io3,n[1-3],n9"), file), (Some("io3"), time), (None, "and 5 more")]);
        refusal.excuse(one(4));
        refusal.excuse(one(3));
        assert_eq!(written(&refusal), "7 line 2: exec: n[1-3],n9: No such file or directory; and 5 more\n");
    }

    #[test]
    fn a_refusal_is_found_by_its_name_until_a_later_one_has_its_place() {
        let mut all = Refusals::<Refusal, [Option<Refusal>; 3]>::default();
        let refusal = |line| Refusal::new(Time(0), UserId(0), None, Text::EMPTY, line);
        let ids: std::vec::Vec<RefusalId> = (0..5).map(|line| all.push(refusal(line))).collect();
        let found: std::vec::Vec<_> = ids.iter().map(|id| all.get_mut(*id).map(|it| it.line)).collect();
        assert_eq!(found, [None, None, Some(2), Some(3), Some(4)]);
        assert_eq!(all.get_mut(RefusalId(6)).map(|it| it.line), None);
    }

    #[test]
    fn a_reason_is_folded_with_its_equal_behind_one_that_was_taken_back() {
        let mut refusal = Refusal::<(), PARTS>::new(Time(0), UserId(0), None, Text::cut("exec"), 1);
        let failure = crate::failure::Failure::of(crate::failure::Step::Dir, 0, 2);
        refusal.add(Why::Ename(Ename::NotFound), one(1).or(one(2)));
        for rank in [1, 2] {
            refusal.excuse(one(rank));
            refusal.add(failure.into(), one(rank));
        }
        let mut line = String::new();
        refusal.write(&mut line, |set, out| write!(out, "{} of them", set.count())).expect("a string grows");
        assert_eq!(line, "0 exec: 2 of them: dir: No such file or directory\n");
    }
}
